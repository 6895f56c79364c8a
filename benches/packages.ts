/** What a page downloads for each engine: which version, and how much of it compressed with gzip. */

import type { Metafile } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { path } from './browser.ts';
import type { EngineName } from './page/engine.ts';

const DUCKDB_DIST = 'node_modules/@duckdb/duckdb-wasm/dist';

const MANIFESTS: Record<EngineName, string> = {
  lotwise: 'package.json',
  sqlite: 'node_modules/@sqlite.org/sqlite-wasm/package.json',
  duckdb: 'node_modules/@duckdb/duckdb-wasm/package.json',
};

/** Bytes over the wire: the client that the page loads, the worker and the wasm. */
export async function wireBytes(bundle: Metafile, engine: EngineName): Promise<number> {
  const compressed = await Promise.all(filesOf(bundle, engine).map(async (file) => gzipSync(await readFile(path(file)), { level: 9 }).length));
  return compressed.reduce((sum, size) => sum + size, 0);
}

/** Version of the engine's npm package. */
export async function packageVersion(engine: EngineName): Promise<string> {
  return JSON.parse(await readFile(path(MANIFESTS[engine]), 'utf8')).version;
}

function filesOf(bundle: Metafile, engine: EngineName): string[] {
  switch (engine) {
    case 'lotwise':
      return ['pkg/index.js', 'pkg/worker.js', 'pkg/lotwise_bg.wasm'];
    case 'sqlite':
      return [...outputsOf(bundle, 'benches/page/sqlite-worker.ts'), 'node_modules/@sqlite.org/sqlite-wasm/dist/sqlite3.wasm'];
    case 'duckdb':
      return [...outputsOf(bundle, 'benches/page/duckdb.ts'), `${DUCKDB_DIST}/duckdb-browser-eh.worker.js`, `${DUCKDB_DIST}/duckdb-eh.wasm`];
  }
}

/** The output that an entry became, with the chunks that it imports. */
function outputsOf({ outputs }: Metafile, entry: string): string[] {
  const name = Object.keys(outputs).find((output) => outputs[output]?.entryPoint === entry);
  if (!name) throw new Error(`${entry} is no entry of the bundle`);
  const chunks = outputs[name]?.imports.filter(({ kind, external }) => kind === 'import-statement' && !external) ?? [];
  return [name, ...chunks.map((chunk) => chunk.path)];
}
