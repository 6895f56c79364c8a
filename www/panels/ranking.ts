/** The worst lots, items, lines and weeks, by defects or by defect rate. Each leads to itself as a filter. */
import { weekDays } from '../model/dates.ts';
import { withFilter, withPeriod, type Filters } from '../model/filters.ts';
import { formatCount, formatShare, formatRange } from '../model/format.ts';
import { ranking, type Quantities, type RankedBy, type RankOrder } from '../model/queries.ts';
import { filterLink } from '../ui/filterlink.ts';
import { h } from '../ui/h.ts';
import { createPanel, type Scope, type Section } from '../ui/panel.ts';
import { choiceGroup } from '../ui/choice.ts';
import { dataTable, scrollArea } from '../ui/table.ts';

const ROWS = 12;
const KINDS: Record<RankedBy, string> = { lot_number: 'Lots', item_code: 'Items', line: 'Lines', week: 'Weeks' };
const HEADS: Record<RankedBy, string> = { lot_number: 'Lot', item_code: 'Item', line: 'Line', week: 'Week' };
const ORDERS: Record<RankOrder, string> = { defects: 'Most defects', defectRate: 'Highest rate' };

type Row = Quantities & Partial<Record<RankedBy, string>>;

export function rankingSection(): Section {
  let by: RankedBy = 'lot_number';
  let order: RankOrder = 'defects';
  let current: Scope | undefined;
  const content = scrollArea('Worst lots, items, lines or weeks');
  const reload = (): void => { if (current) void load(current); };
  const panel = createPanel({
    id: 'ranking', title: 'Worst first', content,
    actions: [
      choiceGroup('rank-by', 'Rank', KINDS, by, (value) => { by = value; reload(); }),
      choiceGroup('rank-order', 'Order', ORDERS, order, (value) => { order = value; reload(); }),
    ],
  });
  const load = (scope: Scope): Promise<void> => {
    current = scope;
    const asked = { by, order };
    return panel.run(scope, async ({ database, selection, signal }) => {
      const result = await database.aggregate<Row>(ranking(selection, asked.by, asked.order, ROWS), { signal });
      // Another choice may have been made while this one was computed.
      if (signal.aborted || asked.by !== by || asked.order !== order) return undefined;
      content.replaceChildren(rankTable(asked.by, result.rows, scope));
      return { meta: result.meta, rows: result.rowCount };
    });
  };
  return { element: panel.element, load };
}

function rankTable(by: RankedBy, rows: Row[], { filters, navigate }: Scope): HTMLTableElement {
  const worst = Math.max(...rows.map(({ defects }) => Number(defects)));
  return dataTable(`Worst ${KINDS[by].toLowerCase()}`, [
    {
      title: HEADS[by],
      cell: (row: Row) => {
        const name = row[by] ?? '';
        const target = filterOf(filters, by, name);
        return target ? filterLink(target, navigate, `Show only ${name}`, name, weekNote(by, name)) : name;
      },
    },
    { title: 'Defects (pcs)', numeric: true, cell: (row) => bar(Number(row.defects) / worst, formatCount(row.defects)) },
    { title: 'Good (pcs)', numeric: true, cell: (row) => formatCount(row.good) },
    { title: 'Defect rate', numeric: true, cell: (row) => formatShare(row.defectRate) },
    { title: 'Records', numeric: true, cell: (row) => formatCount(row.records) },
  ], rows);
}

function weekNote(by: RankedBy, name: string): HTMLElement | undefined {
  const days = by === 'week' ? weekDays(name) : undefined;
  return days && h('span', { class: 'cell-note' }, formatRange(days.from, days.to));
}

function filterOf(filters: Filters, by: RankedBy, name: string): Filters | undefined {
  switch (by) {
    case 'lot_number': return withFilter(filters, 'lot', name);
    case 'item_code': return withFilter(filters, 'item', name);
    case 'line': return withFilter(filters, 'line', name);
    case 'week': {
      const days = weekDays(name);
      return days && withPeriod(filters, { period: 'custom', ...days });
    }
  }
}

function bar(share: number, text: string): HTMLElement {
  const fill = h('span', { class: 'cell-bar', 'aria-hidden': 'true' });
  fill.style.inlineSize = `${(100 * share).toFixed(1)}%`;
  return h('span', { class: 'cell-with-bar' }, fill, h('span', {}, text));
}
