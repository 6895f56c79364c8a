/** Key figures: the sums of all that the filters let through. */
import { formatCount, formatPpm, formatShare, UNKNOWN } from '../model/format.ts';
import { lots, totals, type Quantity, type Totals } from '../model/queries.ts';
import { h } from '../ui/h.ts';
import { createPanel, type Section } from '../ui/panel.ts';

interface Figure { element: HTMLElement; set(value: string, detail?: string): void }

function figure(label: string, id: string): Figure {
  const value = h('span', { class: 'figure-value', id }, UNKNOWN);
  const detail = h('dd', { class: 'figure-detail' });
  return {
    element: h('div', { class: 'figure' }, h('dt', {}, label), h('dd', {}, value), detail),
    set(text, detailText = '') {
      value.textContent = text;
      detail.textContent = text === UNKNOWN ? '' : detailText;
    },
  };
}

export interface FiguresSection extends Section {
  /** Called with the number of records that match, each time it is known. */
  onTotals: (totals: Totals) => void;
}

export function figuresSection(): FiguresSection {
  const good = figure('Good (pcs)', 'figure-good');
  const defects = figure('Defects (pcs)', 'figure-defects');
  const rate = figure('Defect rate', 'figure-rate');
  const share = figure('Yield (good share)', 'figure-yield');
  const recordCount = figure('Records', 'figure-records');
  const content = h('dl', { class: 'figures' },
    ...[good, defects, rate, share, recordCount].map(({ element }) => element));
  const panel = createPanel({ id: 'figures', title: 'Key figures', content });

  const section: FiguresSection = {
    element: panel.element,
    onTotals: () => {},
    load: (scope) => panel.run(scope, async ({ database, selection, signal }) => {
      const result = await database.aggregate<Totals>(totals(selection), { signal });
      const [row] = result.rows;
      if (signal.aborted || !row) return undefined;
      good.set(formatCount(row.good), row.good === null || row.defects === null ? '' : `of ${formatCount(Number(row.good) + Number(row.defects))} made`);
      defects.set(formatCount(row.defects), perDefect(row.good, row.defects));
      rate.set(formatShare(row.defectRate), `${formatPpm(row.defectRate)} ppm`);
      share.set(formatShare(row.yield), 'good of all pieces');
      recordCount.set(formatCount(row.records), 'that match the filters');
      section.onTotals(row);
      // Sums over nothing are shown as unknown, so the figures stay in place.
      return { meta: result.meta, rows: 1 };
    }),
  };
  return section;
}

function perDefect(good: Quantity | null, defects: Quantity | null): string {
  if (good === null || defects === null || Number(defects) === 0) return '';
  const pieces = Math.round((Number(good) + Number(defects)) / Number(defects));
  return `1 in ${formatCount(pieces)} pieces`;
}

/** Distinct lots cost more than the sums: a panel of its own, so that it delays no other figure. */
export function lotsSection(): Section {
  const count = figure('Lot numbers', 'figure-lots');
  const panel = createPanel({ id: 'lots', title: 'Lots', content: h('dl', { class: 'figures' }, count.element) });
  return {
    element: panel.element,
    load: (scope) => panel.run(scope, async ({ database, selection, signal }) => {
      const result = await database.aggregate<{ lots: number }>(lots(selection), { signal });
      const [row] = result.rows;
      if (signal.aborted || !row) return undefined;
      count.set(formatCount(row.lots), 'that match the filters');
      return { meta: result.meta, rows: 1 };
    }),
  };
}
