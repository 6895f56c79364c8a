/** What fills the page instead of the dashboard: loading, a choice, or why there is nothing to show. */
import { h, type Child } from './h.ts';

export interface Action { text: string; run: () => void; primary?: boolean }

export function messagePage(title: string, content: Child[], actions: Action[] = []): HTMLElement {
  return h('section', { class: 'message', 'aria-labelledby': 'message-title' },
    h('h2', { id: 'message-title', tabindex: -1 }, title),
    ...content,
    actions.length > 0 && h('div', { class: 'buttons' }, ...actions.map(({ text, run, primary }) =>
      h('button', { type: 'button', class: primary ? 'button button-primary' : 'button', onclick: run }, text))));
}
