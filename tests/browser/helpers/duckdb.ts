/** DuckDB-Wasm for the page of the tests, as the global `openDuckdb`. */

import { AsyncDuckDB, VoidLogger, type AsyncDuckDBConnection } from '@duckdb/duckdb-wasm';

declare global {
  function openDuckdb(): Promise<AsyncDuckDBConnection>;
}

globalThis.openDuckdb = async () => {
  const db = new AsyncDuckDB(new VoidLogger(), new Worker('/duckdb/worker.js'));
  await db.instantiate(new URL('/duckdb/duckdb.wasm', location.href).href);
  return db.connect();
};
