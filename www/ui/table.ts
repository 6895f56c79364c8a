/** Plain data tables with a caption for those who cannot see where they stand. */
import { h, type Child } from './h.ts';

export interface Column<T> {
  title: string;
  /** Numbers are set to the right, in digits of one width. */
  numeric?: boolean;
  cell: (row: T) => Child;
}

export function dataTable<T>(caption: string, columns: readonly Column<T>[], rows: readonly T[]): HTMLTableElement {
  return h('table', { class: 'data-table' },
    h('caption', { class: 'visually-hidden' }, caption),
    h('thead', {}, h('tr', {}, ...columns.map(({ title, numeric }) => h('th', { scope: 'col', class: numeric && 'numeric' }, title)))),
    h('tbody', {}, ...rows.map((row) => h('tr', {}, ...columns.map(({ numeric, cell }, index) => index === 0
      ? h('th', { scope: 'row', class: numeric && 'numeric' }, cell(row))
      : h('td', { class: numeric && 'numeric' }, cell(row)))))));
}

/** Scrolls sideways on its own where the screen is narrow, by keyboard too. No landmark: its panel is one. */
export function scrollArea(label: string, ...children: Child[]): HTMLElement {
  return h('div', { class: 'scroll', role: 'group', 'aria-label': label, tabindex: 0 }, ...children);
}
