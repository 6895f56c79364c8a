/**
 * sqlite-wasm in a worker of its own: opfs-sahpool, EXCLUSIVE and WAL, statements kept prepared. Answers go to
 * the page as arrays, which are cheaper to clone than objects.
 */

import sqlite3InitModule, { type Database, type PreparedStatement } from '@sqlite.org/sqlite-wasm';
import type { Description, Durability } from './engine.ts';
import { sqliteIndexes, sqliteTables } from './schema.ts';

export interface SqliteRequest { id: number; method: keyof typeof methods; argument: never }
export type SqliteReply = { id: number; result: unknown } | { id: number; error: string };

/** Rows a JSON parameter carries: json_each takes them in one call. */
const IMPORT_ROWS = 5_000;
const SYNCHRONOUS = ['off', 'normal', 'full', 'extra'];

// The other VFSs would only delay the start.
Object.assign(globalThis, { sqlite3ApiConfig: { disable: { vfs: { kvvfs: true, opfs: true, 'opfs-vfs': true, 'opfs-wl': true } } } });
const sqlite3 = await sqlite3InitModule();
const pool = await sqlite3.installOpfsSAHPoolVfs({ directory: '/bench-sqlite', name: 'bench-sahpool' });
const db: Database = new pool.OpfsSAHPoolDb('/bench.db');
// The lock mode must come first: without it WAL silently stays off. The page cache holds both tables: with 16 MiB
// a million rows take 2.2 s instead of 0.8 s for Q04, and two million 2.1 s instead of 1.3 s for E01.
for (const setting of [
  'locking_mode = EXCLUSIVE', 'page_size = 8192', 'journal_mode = WAL', 'synchronous = FULL',
  'cache_size = -262144', 'temp_store = MEMORY',
]) db.exec(`PRAGMA ${setting}`);
for (const table of sqliteTables) db.exec(table);

const statements = new Map<string, PreparedStatement>();

function prepared(sql: string): PreparedStatement {
  let statement = statements.get(sql);
  if (!statement) statements.set(sql, (statement = db.prepare(sql)));
  return statement;
}

function select(sql: string): { columns: string[]; rows: unknown[][] } {
  const statement = prepared(sql);
  const rows: unknown[][] = [];
  try {
    while (statement.step()) rows.push(statement.get([]));
    return { columns: statement.getColumnNames(), rows };
  } finally {
    statement.reset();
  }
}

async function importCsv({ table, csv }: { table: string; csv: Blob }): Promise<void> {
  const numeric = new Set(select(`SELECT cid FROM pragma_table_info('${table}') WHERE type <> 'TEXT'`).rows.map(([cid]) => cid));
  const width = Number(select(`SELECT count(*) FROM pragma_table_info('${table}')`).rows[0]?.[0]);
  const values = Array.from({ length: width }, (_, i) => `value ->> ${i}`).join(', ');
  const insert = db.prepare(`INSERT INTO ${table} SELECT ${values} FROM json_each(?)`);
  const flush = (lines: string[]): void => {
    const rows = lines.map((line) => `[${line.split(',').map((cell, i) => (numeric.has(i) ? cell : `"${cell}"`)).join(',')}]`);
    insert.bind(1, `[${rows.join(',')}]`).stepReset();
  };
  try {
    db.exec('BEGIN');
    let pending: string[] = [];
    let rest = '';
    let header = true;
    const reader = csv.stream().pipeThrough(new TextDecoderStream()).getReader();
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const lines = (rest + chunk.value).split('\n');
      rest = lines.pop() ?? '';
      if (header) lines.shift();
      header = false;
      pending = pending.concat(lines);
      while (pending.length >= IMPORT_ROWS) flush(pending.splice(0, IMPORT_ROWS));
    }
    if (pending.length > 0) flush(pending);
    db.exec('COMMIT');
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    insert.finalize();
  }
}

function finishImport(table: string): void {
  for (const index of sqliteIndexes(table)) db.exec(index);
  db.exec(`ANALYZE ${table}`);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
}

function describe(): Description {
  const pragma = (name: string): unknown => db.selectValue(`PRAGMA ${name}`);
  const cacheMiB = Number(pragma('cache_size')) / -1024;
  return {
    version: sqlite3.version.libVersion,
    settings: `opfs-sahpool, locking_mode ${pragma('locking_mode')}, journal_mode ${pragma('journal_mode')}, synchronous ${SYNCHRONOUS[Number(pragma('synchronous'))]}, `
      + `pages of ${pragma('page_size')} bytes, page cache ${cacheMiB} MiB, ANALYZE, statements kept prepared`,
  };
}

let synchronous: Durability = 'full';

function commitRecords({ records, durability }: { records: (string | number)[][]; durability: Durability }): void {
  if (durability !== synchronous) db.exec(`PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`);
  synchronous = durability;
  const insert = prepared('INSERT INTO production_records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  prepared('BEGIN').stepReset();
  for (const values of records) insert.bind(values).stepReset();
  prepared('COMMIT').stepReset();
}

function bytes(): number {
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  return Number(db.selectValue('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size'));
}

function close(): void {
  for (const statement of statements.values()) statement.finalize();
  db.close();
  pool.pauseVfs();
}

const methods = { describe, importCsv, finishImport, select, commitRecords, bytes, close };

self.onmessage = async (event: MessageEvent<SqliteRequest>): Promise<void> => {
  const { id, method, argument } = event.data;
  let reply: SqliteReply;
  try {
    reply = { id, result: await methods[method](argument) };
  } catch (error) {
    reply = { id, error: String(error) };
  }
  self.postMessage(reply);
};
self.postMessage({ id: 0, result: 'ready' } satisfies SqliteReply);
