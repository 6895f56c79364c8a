/** Demo data: production records of a plant that does not exist, the same on every machine. */
import type { Database } from 'lotwise';
import { productionRecords, SEED_DEFAULT } from '../../benches/workloads.ts';
import { DATASET } from '../model/queries.ts';

export const DEMO_ROWS = 200_000;
/** Small enough that the page answers between two batches and the bar moves. */
const BATCH_ROWS = 10_000;

export async function fillWithDemo(database: Database, options: { signal: AbortSignal; onProgress: (rows: number) => void }): Promise<void> {
  let rows = 0;
  for (const batch of productionRecords(DEMO_ROWS, SEED_DEFAULT, BATCH_ROWS)) {
    await database.append(DATASET, batch, { signal: options.signal });
    rows += batch.id.length;
    options.onProgress(rows);
  }
}
