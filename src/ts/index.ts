/**
 * lotwise in the browser: the engine in a dedicated worker, data in OPFS or, where asked for, in memory.
 *
 * @module
 */
import { connectToWorker } from './browser.ts';
import { openDatabase } from './open.ts';
import type { Database, OpenOptions } from './types.ts';

export { LotwiseError } from './errors.ts';
export { list, remove } from './files.ts';
export { presets } from './presets.ts';
export type * from './types.ts';

/**
 * Opens (and creates when new) a database. Needs a secure context and OPFS, or `storage: 'memory'`.
 *
 * Rejects with STORAGE_UNAVAILABLE (no OPFS here; nothing falls back by itself), DATABASE_BUSY (open in
 * another tab; retryable), CONFIG_INVALID (an option; a worker script or wasm file that does not load),
 * DATABASE_CORRUPT, CANCELLED.
 *
 * @example
 * const db = await open({ name: 'plant-7', datasets: [presets.productionRecords] });
 */
export function open(options: OpenOptions = {}): Promise<Database> {
  return openDatabase(options, ({ workerUrl }) => {
    if (workerUrl !== undefined) return connectToWorker(() => new Worker(workerUrl, { type: 'module' }), String(workerUrl));
    // Bundlers look for exactly this expression.
    return connectToWorker(() => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }), 'worker.js beside this module');
  });
}
