/** Defect rate of each line in each shift: where, and when in the day. */
import { withFilter } from '../model/filters.ts';
import { formatCount, formatShare } from '../model/format.ts';
import { lineByShift, type Quantities } from '../model/queries.ts';
import { filterLink } from '../ui/filterlink.ts';
import { h } from '../ui/h.ts';
import { createPanel, type Scope, type Section } from '../ui/panel.ts';
import { scrollArea } from '../ui/table.ts';

interface Row extends Quantities { line: string; shift: number }
interface Sum { good: number; defects: number }

export function heatSection(): Section {
  const content = scrollArea('Defect rate by line and shift');
  const panel = createPanel({ id: 'heat', title: 'Defect rate by line and shift', content });
  return {
    element: panel.element,
    load: (scope) => panel.run(scope, async ({ database, selection, signal }) => {
      const result = await database.aggregate<Row>(lineByShift(selection), { signal });
      if (signal.aborted) return undefined;
      content.replaceChildren(heatTable(result.rows, scope));
      return { meta: result.meta, rows: result.rowCount };
    }),
  };
}

function heatTable(rows: Row[], scope: Scope): HTMLTableElement {
  const lines = [...new Set(rows.map(({ line }) => line))].sort();
  const shifts = [...new Set(rows.map(({ shift }) => shift))].sort((a, b) => a - b);
  const cells = new Map(rows.map((row) => [`${row.shift}/${row.line}`, row]));
  const rates = rows.flatMap(({ defectRate }) => (defectRate === null ? [] : [defectRate]));
  const [low, high] = [Math.min(...rates), Math.max(...rates)];
  const { filters, navigate } = scope;

  const cell = (line: string, shift: number): HTMLElement => {
    const row = cells.get(`${shift}/${line}`);
    if (!row || row.defectRate === null) return h('td', { class: 'numeric' }, '–');
    const target = withFilter(withFilter(filters, 'line', line), 'shift', shift);
    const label = `${line}, shift ${shift}: ${formatShare(row.defectRate)}, ${formatCount(row.defects)} defects. Show only these.`;
    const element = h('td', { class: 'numeric heat-cell' }, filterLink(target, navigate, label, formatShare(row.defectRate)));
    element.style.setProperty('--heat', String(high > low ? (row.defectRate - low) / (high - low) : 0));
    return element;
  };

  return h('table', { class: 'data-table heat-table' },
    h('caption', { class: 'visually-hidden' }, 'Defect rate by line and shift. The higher the rate within this table, the stronger the colour.'),
    h('thead', {}, h('tr', {},
      h('th', { scope: 'col' }, 'Line'),
      ...shifts.map((shift) => h('th', { scope: 'col', class: 'numeric' }, `Shift ${shift}`)),
      h('th', { scope: 'col', class: 'numeric' }, 'All'))),
    h('tbody', {}, ...lines.map((line) => h('tr', {},
      h('th', { scope: 'row' }, filterLink(withFilter(filters, 'line', line), navigate, `Show only ${line}`, line)),
      ...shifts.map((shift) => cell(line, shift)),
      h('td', { class: 'numeric heat-sum' }, formatShare(rate(rows.filter((row) => row.line === line))))))));
}

function rate(rows: Row[]): number | null {
  const sum = rows.reduce<Sum>(({ good, defects }, row) => ({ good: good + Number(row.good ?? 0), defects: defects + Number(row.defects ?? 0) }), { good: 0, defects: 0 });
  return sum.good + sum.defects > 0 ? sum.defects / (sum.good + sum.defects) : null;
}
