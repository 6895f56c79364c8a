/**
 * The frame of one panel: heading, time taken, and one of content, "no records match" or an error of its own.
 * Knows nothing of what it shows.
 */
import type { Database, ResultMeta } from 'lotwise';
import { formatMs } from '../model/format.ts';
import type { Bounds, Filters } from '../model/filters.ts';
import type { Selection } from '../model/queries.ts';
import { describe } from './errors.ts';
import { h, type Child } from './h.ts';

/** What is shown at the moment, and the way to show something else. `signal` aborts when it is out of date. */
export interface Scope {
  database: Database;
  filters: Filters;
  bounds: Bounds;
  selection: Selection;
  signal: AbortSignal;
  navigate: (filters: Filters) => void;
}

export interface Section {
  element: HTMLElement;
  load(scope: Scope): Promise<void>;
}

/** What a panel found: `rows` 0 shows the empty state. */
export interface Finding { meta: ResultMeta; rows: number }

export interface Panel {
  element: HTMLElement;
  /** Runs `work`, which asks the database and fills the content. Answers out of date change nothing. */
  run(scope: Scope, work: (scope: Scope) => Promise<Finding | undefined>): Promise<void>;
}

export interface PanelOptions { id: string; title: string; note?: string; actions?: Child[]; content: HTMLElement }

export function createPanel({ id, title, note, actions = [], content }: PanelOptions): Panel {
  const timing = h('p', { class: 'timing' });
  const message = h('div', { class: 'panel-message', hidden: true });
  const element = h('section', { class: `panel panel-${id}`, id, 'aria-labelledby': `${id}-title` },
    h('header', { class: 'panel-head' },
      h('h2', { id: `${id}-title` }, title),
      note !== undefined && h('p', { class: 'panel-note' }, note),
      ...actions),
    content, message, timing);

  const show = (state: 'content' | 'message', ...children: Child[]): void => {
    content.hidden = state !== 'content';
    message.hidden = state !== 'message';
    message.replaceChildren(...children.filter((child): child is Node | string => Boolean(child)));
  };

  const run: Panel['run'] = async (scope, work) => {
    element.setAttribute('aria-busy', 'true');
    try {
      const finding = await work(scope);
      if (scope.signal.aborted || finding === undefined) return;
      timing.textContent = timingText(finding.meta);
      if (finding.rows > 0) show('content');
      else show('message', h('p', { class: 'empty' }, 'No records match.'));
    } catch (error) {
      if (scope.signal.aborted) return;
      timing.textContent = '';
      show('message', errorBox(error, () => void run(scope, work)));
    }
    element.removeAttribute('aria-busy');
  };
  return { element, run };
}

/** As measured by the database: waiting behind other questions is part of the time and said apart. */
function timingText({ elapsedMs, queuedMs, route }: ResultMeta): string {
  const waited = queuedMs >= 1 ? ` · ${formatMs(queuedMs)} of it waiting` : '';
  return `${formatMs(elapsedMs)} · ${route}${waited}`;
}

function errorBox(error: unknown, retry: () => void): HTMLElement {
  const { code, message, advice } = describe(error);
  return h('div', { class: 'error', role: 'alert' },
    h('p', {}, h('code', {}, code), ' ', message),
    advice !== undefined && h('p', {}, advice),
    h('button', { type: 'button', class: 'button', onclick: retry }, 'Try again'));
}
