/** Head and foot of the page: what data are shown, where they are kept, the file button and the theme. */
import type { Capabilities } from 'lotwise';
import { h } from '../ui/h.ts';
import { themeSwitch } from '../ui/theme.ts';
import { fileButton } from './opener.ts';

export interface PageHead {
  /** `shown` names the data in a sentence. */
  set(text: string, state: { canOpen: boolean; demo: boolean; shown?: string }): void;
  /** A file that came another way than by the button. */
  offer(file: File): void;
}

export function createPageHead(onFile: (file: File, shown: string) => void): PageHead {
  let canOpen = false;
  let shown = '';
  const offer = (file: File): void => { if (canOpen) onFile(file, shown); };
  const source = h('p', { class: 'source' });
  const badge = h('span', { class: 'badge', hidden: true }, 'Demo');
  const open = fileButton(offer);
  const notice = h('p', { class: 'notice', hidden: true },
    'These are demo data of a plant that does not exist. Drop your own CSV or SQLite file on the page to see yours.');
  document.getElementById('header')!.replaceChildren(
    h('div', { class: 'page-head-row' },
      h('h1', {}, 'lotwise'), h('div', { class: 'source-row' }, badge, source), h('div', { class: 'head-tools' }, themeSwitch(), open)),
    notice);
  return {
    offer,
    set(text, state) {
      canOpen = state.canOpen;
      shown = state.shown ?? 'the empty database';
      source.textContent = text;
      badge.hidden = notice.hidden = !state.demo;
      open.hidden = !canOpen;
    },
  };
}

export function showCapabilities({ storage, journalMode, sqliteVersion, persisted }: Capabilities): void {
  const place = storage === 'memory'
    ? 'In memory: the data are gone when this page is closed.'
    : `Kept in this browser only, in its private file system (OPFS, journal ${journalMode.toUpperCase()})${persisted ? '' : '; the browser may remove it when space runs short'}.`;
  document.getElementById('footer')!.replaceChildren(h('p', {}, place), h('p', {}, `SQLite ${sqliteVersion}`));
}
