/**
 * What memory itself allows: the plainest loop that answers a query, over typed arrays of the very columns it needs.
 * No conditions but those of the query, no rows to find, nothing to send.
 */

import { DAYS, dayText, events, productionRecords } from '../workloads.ts';

const RUNS = 9;
const HOUR_MS = 3_600_000;
const YEAR = '2024';

type Loop = () => unknown;

/** Milliseconds of the best run; none where there is no loop for a query. */
export function plainLoop(id: string, rows: number, of: number): number | undefined {
  const loop = id.startsWith('Q') ? recordLoop(id, rows) : eventLoop(id, of);
  if (loop === undefined) return undefined;
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const startedAt = performance.now();
    loop();
    best = Math.min(best, performance.now() - startedAt);
  }
  return best;
}

function recordLoop(id: string, rows: number): Loop | undefined {
  const good = new Uint16Array(rows);
  const defects = new Uint8Array(rows);
  const item = new Uint16Array(rows);
  const place = new Uint8Array(rows);
  let at = 0;
  for (const batch of productionRecords(rows)) {
    for (let i = 0; i < batch.id.length; i++, at++) {
      good[at] = batch.good_quantity[i]!;
      defects[at] = batch.defect_quantity[i]!;
      item[at] = Number(batch.item_code[i]!.slice(5));
      place[at] = Number(batch.line[i]!.slice(5)) * 3 + batch.shift[i]! - 1;
    }
  }
  // Rows lie evenly over the days, in order.
  const months = new Uint8Array(DAYS).map((_, day) => Number(dayText(day).slice(0, 4)) * 12 + Number(dayText(day).slice(5, 7)) - 1 - 2023 * 12);
  const day = new Uint16Array(rows).map((_, row) => Math.floor((row * DAYS) / rows));
  const inYear = (row: number): boolean => dayText(day[row]!).startsWith(YEAR);
  switch (id) {
    case 'Q03': return () => grouped(rows, 36, (row) => months[day[row]!]!, good, defects);
    case 'Q04': return () => grouped(rows, 500, (row) => item[row]!, defects);
    case 'Q06': {
      const first = day.findIndex((_, row) => inYear(row));
      const end = rows - day.toReversed().findIndex((_, row) => inYear(rows - 1 - row));
      return () => grouped(end, 36, (row) => place[row]!, good, defects, first);
    }
    case 'Q16': return () => {
      let [all, bad] = [0, 0];
      for (let row = 0; row < rows; row++) {
        all += good[row]!;
        bad += defects[row]!;
      }
      return [all, bad];
    };
    default: return undefined;
  }
}

/** One or two sums by group. */
function grouped(end: number, groups: number, group: (row: number) => number, a: ArrayLike<number>, b?: ArrayLike<number>, first = 0): Float64Array[] {
  const sums = [new Float64Array(groups), new Float64Array(groups)] as const;
  for (let row = first; row < end; row++) {
    const at = group(row);
    sums[0][at]! += a[row]!;
    if (b !== undefined) sums[1][at]! += b[row]!;
  }
  return [...sums];
}

function eventLoop(id: string, rows: number): Loop | undefined {
  const component = new Uint8Array(rows);
  const value = new Float64Array(rows);
  const flag = new Uint8Array(rows);
  const time = new Float64Array(rows);
  let at = 0;
  for (const batch of events(rows)) {
    for (let i = 0; i < batch.id.length; i++, at++) {
      component[at] = Number(batch.component_name[i]!.slice(4));
      value[at] = batch.value[i]!;
      flag[at] = batch.flag[i]!;
      time[at] = batch.timestamp[i]!;
    }
  }
  switch (id) {
    case 'E01': return () => {
      const [count, sum, least, most] = [new Float64Array(40), new Float64Array(40), new Float64Array(40).fill(Infinity), new Float64Array(40).fill(-Infinity)];
      for (let row = 0; row < rows; row++) {
        const [group, x] = [component[row]!, value[row]!];
        count[group]! += 1;
        sum[group]! += x;
        if (x < least[group]!) least[group] = x;
        if (x > most[group]!) most[group] = x;
      }
      return [count, sum, least, most];
    };
    case 'E05': return () => {
      const first = Math.floor((time[0] ?? 0) / HOUR_MS);
      const count = new Float64Array(Math.floor((time[rows - 1] ?? 0) / HOUR_MS) - first + 1);
      for (let row = 0; row < rows; row++) if (flag[row] === 1) count[Math.floor(time[row]! / HOUR_MS) - first]! += 1;
      return count;
    };
    default: return undefined;
  }
}
