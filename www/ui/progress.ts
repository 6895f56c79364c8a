/** A progress bar with its figures in words. */
import { h } from './h.ts';

/** How often the words may change: screen readers read each of them. */
const WORDS_MS = 1_000;

export interface ProgressView {
  element: HTMLElement;
  /** `total` undefined: no end is known. */
  set(done: number, total: number | undefined, words: string): void;
}

export function createProgress(label: string): ProgressView {
  const bar = h('progress', { 'aria-label': label, max: 1 });
  const words = h('p', { class: 'progress-words', 'aria-hidden': 'true' });
  const spoken = h('p', { class: 'visually-hidden', role: 'status' });
  let spokenAt = -Infinity;
  return {
    element: h('div', { class: 'progress' }, bar, words, spoken),
    set(done, total, text) {
      if (total === undefined) bar.removeAttribute('value');
      else bar.value = total === 0 ? 0 : Math.min(1, done / total);
      words.textContent = text;
      const now = performance.now();
      if (now - spokenAt < WORDS_MS) return;
      spokenAt = now;
      spoken.textContent = text;
    },
  };
}
