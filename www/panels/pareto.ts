/** Defects by code, the most frequent first, with their cumulative share. */
import { formatCompact, formatCount, formatShareTenth, formatShareWhole, plural } from '../model/format.ts';
import { pareto } from '../model/queries.ts';
import { Chart } from '../ui/chart.ts';
import { createPanel, type Section } from '../ui/panel.ts';
import { dataTable } from '../ui/table.ts';

const BARS_MAX = 20;
/** The few codes that make this share of the defects are worth working on first (Juran's vital few). */
const VITAL_SHARE = 0.8;

interface Row { defect_code: string | null; records: number; defects: number | bigint }
interface Bar { name: string; defects: number; records: number; cumulative: number; share: number }

export function paretoSection(): Section {
  const chart = new Chart({
    bars: 'Defects (pcs)', line: 'Cumulative share', barsColor: '--defect-bars', lineColor: '--share',
    formatBars: formatCompact, formatLine: formatShareWhole, lineMax: 1,
  });
  const panel = createPanel({ id: 'pareto', title: 'Defect Pareto', content: chart.element });
  return {
    element: panel.element,
    load: (scope) => panel.run(scope, async ({ database, selection, signal }) => {
      const result = await database.aggregate<Row>(pareto(selection), { signal });
      if (signal.aborted) return undefined;
      const bars = toBars(result.rows);
      if (bars.length > 0) show(chart, bars);
      return { meta: result.meta, rows: bars.length };
    }),
  };
}

/** At most BARS_MAX bars: the least frequent codes are one bar together. */
function toBars(rows: Row[]): Bar[] {
  const total = rows.reduce((sum, row) => sum + Number(row.defects), 0);
  const shown = rows.length > BARS_MAX ? rows.slice(0, BARS_MAX - 1) : rows;
  const rest = rows.slice(shown.length);
  const parts = shown.map((row) => ({ name: row.defect_code || '(no code)', defects: Number(row.defects), records: row.records }));
  if (rest.length > 0) {
    parts.push({
      name: `${formatCount(rest.length)} others`,
      defects: rest.reduce((sum, row) => sum + Number(row.defects), 0),
      records: rest.reduce((sum, row) => sum + row.records, 0),
    });
  }
  let cumulative = 0;
  return parts.map((part) => {
    cumulative += part.defects;
    return { ...part, share: part.defects / total, cumulative: cumulative / total };
  });
}

function show(chart: Chart, bars: Bar[]): void {
  const few = bars.findIndex(({ cumulative }) => cumulative >= VITAL_SHARE) + 1;
  chart.update({
    title: 'Defect Pareto: defects by code as bars, their cumulative share as a line',
    note: `${formatCount(few)} of ${plural(bars.length, 'code', 'codes')} make ${formatShareWhole(VITAL_SHARE)}`,
    labels: bars.map(({ name }) => name),
    bars: bars.map(({ defects }) => defects),
    line: bars.map(({ cumulative }) => cumulative),
    describe: (index) => {
      const bar = bars[index];
      return bar ? `${bar.name}: ${formatCount(bar.defects)} defects, ${formatShareTenth(bar.share)}, cumulative ${formatShareTenth(bar.cumulative)}` : '';
    },
    table: () => dataTable('Defect Pareto', [
      { title: 'Defect code', cell: (bar: Bar) => bar.name },
      { title: 'Defects (pcs)', numeric: true, cell: (bar) => formatCount(bar.defects) },
      { title: 'Records', numeric: true, cell: (bar) => formatCount(bar.records) },
      { title: 'Share', numeric: true, cell: (bar) => formatShareTenth(bar.share) },
      { title: 'Cumulative', numeric: true, cell: (bar) => formatShareTenth(bar.cumulative) },
    ], bars),
  });
}
