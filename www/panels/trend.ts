/** Good quantity and defect rate over time, by day or by month. */
import { daysIn, monthEnd } from '../model/dates.ts';
import { withPeriod } from '../model/filters.ts';
import { formatCompact, formatCount, formatDay, formatDayShort, formatMonth, formatRange, formatShare, formatShareShort } from '../model/format.ts';
import { trend, type Quantities } from '../model/queries.ts';
import { Chart } from '../ui/chart.ts';
import { createPanel, type Scope, type Section } from '../ui/panel.ts';
import { dataTable } from '../ui/table.ts';

type Bucket = 'day' | 'month';
type Row = Quantities & Partial<Record<Bucket, string>>;

const TITLES: Record<Bucket, string> = { day: 'Daily trend', month: 'Monthly trend' };
/** Up to here single days carry a label; beyond, first days of months do. */
const DAY_LABELS_MAX = 120;

export function trendSection(bucket: Bucket): Section {
  let shown: { scope: Scope; places: string[] } | undefined;
  const chart = new Chart({
    bars: 'Good (pcs)', line: 'Defect rate', barsColor: '--good', lineColor: '--defect',
    formatBars: formatCompact, formatLine: formatShareShort,
    onSelect: (first, last) => {
      const from = shown?.places[first];
      const to = shown?.places[last];
      if (!shown || from === undefined || to === undefined) return;
      const { range } = shown.scope.selection;
      shown.scope.navigate(withPeriod(shown.scope.filters, {
        period: 'custom',
        from: later(bucket === 'day' ? from : `${from}-01`, range.from),
        to: earlier(bucket === 'day' ? to : monthEnd(to), range.to),
      }));
    },
  });
  const panel = createPanel({ id: `trend-${bucket}`, title: TITLES[bucket], content: chart.element });
  return {
    element: panel.element,
    load: (scope) => panel.run(scope, async ({ database, selection, signal }) => {
      const result = await database.aggregate<Row>(trend(selection, bucket), { signal });
      if (signal.aborted) return undefined;
      const { rows } = result;
      shown = { scope, places: rows.map((row) => row[bucket] ?? '') };
      const records = rows.reduce((sum, row) => sum + row.records, 0);
      if (records > 0) show(chart, bucket, rows, shown.places, selection.range);
      return { meta: result.meta, rows: records };
    }),
  };
}

const later = (a: string, b: string): string => (a > b ? a : b);
const earlier = (a: string, b: string): string => (a < b ? a : b);
const amount = (value: number | bigint | null): number | null => (value === null ? null : Number(value));

function show(chart: Chart, bucket: Bucket, rows: Row[], places: string[], range: { from: string; to: string }): void {
  const long = bucket === 'day' && places.length > DAY_LABELS_MAX;
  const name = (place: string): string => (bucket === 'day' ? formatDay(place) : monthName(place, range));
  const label = bucket === 'month' || long ? formatMonth : formatDayShort;
  chart.update({
    title: `${TITLES[bucket]}, ${formatRange(range.from, range.to)}: good quantity as bars, defect rate as a line`,
    note: peak(rows, places, name),
    labels: places.map(label),
    ...(long && { ticks: monthStarts(places) }),
    bars: rows.map(({ good }) => amount(good)),
    line: rows.map(({ defectRate }) => defectRate),
    describe: (index) => {
      const row = rows[index];
      const place = places[index];
      if (!row || place === undefined) return '';
      return `${name(place)}: ${formatCount(row.good)} good, ${formatCount(row.defects)} defects, ${formatShare(row.defectRate)}`;
    },
    table: () => dataTable(TITLES[bucket], [
      { title: bucket === 'day' ? 'Day' : 'Month', cell: (index: number) => name(places[index] ?? '') },
      { title: 'Good (pcs)', numeric: true, cell: (index) => formatCount(rows[index]?.good) },
      { title: 'Defects (pcs)', numeric: true, cell: (index) => formatCount(rows[index]?.defects) },
      { title: 'Defect rate', numeric: true, cell: (index) => formatShare(rows[index]?.defectRate) },
    ], rows.map((_, index) => index)),
  });
}

/** A month that the range cuts says which days it holds. */
function monthName(month: string, range: { from: string; to: string }): string {
  const from = later(`${month}-01`, range.from);
  const to = earlier(monthEnd(month), range.to);
  return daysIn(from, to) === daysIn(`${month}-01`, monthEnd(month)) ? formatMonth(month) : formatRange(from, to);
}

function monthStarts(days: string[]): number[] {
  return days.flatMap((day, index) => (day.endsWith('-01') ? [index] : []));
}

function peak(rows: Row[], places: string[], name: (place: string) => string): string {
  let worst = -1;
  rows.forEach(({ defectRate }, index) => {
    if (defectRate !== null && defectRate > (rows[worst]?.defectRate ?? -1)) worst = index;
  });
  return worst < 0 ? 'Defect rate unknown' : `Highest defect rate ${formatShare(rows[worst]?.defectRate)}, ${name(places[worst] ?? '')}`;
}
