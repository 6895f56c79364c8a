/** Plain SQLite, another build of another version: what the package is compared with. */
import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
import type { Outcome, Statement } from './play.ts';

// Statements that fail are part of the game.
Object.assign(globalThis, { sqlite3ApiConfig: { warn: () => undefined, error: () => undefined } });
const sqlite = await sqlite3InitModule();
const { SQLITE_BLOB, SQLITE_FLOAT, SQLITE_INTEGER, SQLITE_NULL, sqlite3_column_type: columnType } = sqlite.capi;

/** Runs statements in order on a fresh database with SQLite's own defaults. */
export function playReference(statements: readonly Statement[]): Outcome[] {
  const db = new sqlite.oo1.DB(':memory:');
  try {
    return statements.map((statement) => {
      try {
        if (statement.kind === 'query') return { rows: rowsOf(db.prepare(statement.sql)) };
        db.exec(statement.sql);
        return { rows: [] };
      } catch (error) {
        return { error: 'error', message: error instanceof Error ? error.message : String(error) };
      }
    });
  } finally {
    db.close();
  }
}

function rowsOf(statement: ReturnType<InstanceType<typeof sqlite.oo1.DB>['prepare']>): string[][] {
  try {
    const rows: string[][] = [];
    while (statement.step()) rows.push(Array.from({ length: statement.columnCount }, (_, i) => cellOf(statement.get(i), columnType(statement, i))));
    return rows;
  } finally {
    statement.finalize();
  }
}

function cellOf(value: unknown, type: number): string {
  switch (type) {
    case SQLITE_NULL: return '-';
    case SQLITE_INTEGER: return `i${String(value)}`;
    case SQLITE_FLOAT: return `r${Object.is(value, -0) ? '-0' : String(value)}`;
    case SQLITE_BLOB: return `b${Buffer.from(value as Uint8Array).toString('hex')}`;
    default: return `t${String(value)}`;
  }
}
