/** An import of lotwise alone, into a database of its own, and what a page sees of it while indexes are built. */

import { open, presets, remove } from 'lotwise';
import { productionRecords } from '../workloads.ts';

export interface AloneImport {
  /** Until the rows can be queried and are durable. */
  rowsMs: number;
  /** Until all indexes are there, with the page asking meanwhile. */
  finishedMs: number;
  /** Of each SELECT meanwhile, from the call to its answer. */
  selects: number[];
}

const NAME = 'bench-alone';
const SELECT_EVERY_MS = 5;
/** Whether the indexes are there is asked as often. */
const SELECTS_PER_LOOK = 20;
/** After the last index was found, for what is still done about it. */
const SELECTS_AFTER = 60;

export async function importAlone(csv: Blob, rows: number): Promise<AloneImport> {
  await remove(NAME);
  const dataset = presets.productionRecords;
  const db = await open({ name: NAME, datasets: [dataset] });
  const startedAt = performance.now();
  await db.importFile(csv, { dataset: dataset.name, format: 'csv' });
  const rowsMs = performance.now() - startedAt;
  const selects: number[] = [];
  let finishedMs: number | undefined;
  for (let [i, left] = [1, SELECTS_AFTER]; left > 0; i++) {
    const askedAt = performance.now();
    if (finishedMs !== undefined) left -= 1;
    if (i % SELECTS_PER_LOOK === 0) {
      const [found] = (await db.query<{ n: number }>("SELECT count(*) AS n FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?", [dataset.name])).rows;
      if (found !== undefined && found.n >= (dataset.indexes?.length ?? 0)) finishedMs ??= performance.now() - startedAt;
    } else {
      const id = 1 + (i * 7_919) % rows;
      const [found] = (await db.query('SELECT * FROM production_records WHERE id = ?', [id])).rows;
      if (found?.['id'] !== id) throw new Error(`record ${id} was not found while indexes were built`);
    }
    const took = performance.now() - askedAt;
    selects.push(took);
    await new Promise((resolve) => { setTimeout(resolve, Math.max(0, SELECT_EVERY_MS - took)); });
  }
  const totals = (await db.query('SELECT count(*) AS n, sum(good_quantity) AS good, sum(defect_quantity) AS defects FROM production_records')).rows[0];
  const expected = totalsOf(rows);
  if (JSON.stringify(totals) !== JSON.stringify(expected)) throw new Error(`imported were ${JSON.stringify(totals)}, not ${JSON.stringify(expected)}`);
  await db.close();
  await remove(NAME);
  return { rowsMs, finishedMs: finishedMs ?? NaN, selects };
}

function totalsOf(rows: number): { n: number; good: number; defects: number } {
  const totals = { n: 0, good: 0, defects: 0 };
  for (const batch of productionRecords(rows)) {
    totals.n += batch.id.length;
    for (const good of batch.good_quantity) totals.good += good;
    for (const defects of batch.defect_quantity) totals.defects += defects;
  }
  return totals;
}
