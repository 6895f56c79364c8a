/**
 * What the bench asks of an engine. One adapter file each, all alike; every adapter drives its engine's own
 * worker from the page.
 */

import type { BenchQuery } from '../queries.ts';

export type EngineName = 'lotwise' | 'sqlite' | 'duckdb';
export type Table = BenchQuery['table'];
export type Row = Record<string, unknown>;

export type Durability = 'full' | 'relaxed';

export interface Answer {
  /** Row objects, as a page would use them. */
  rows: Row[];
  /** How the engine says it got there, where it says so. */
  route?: string;
}

/** For the head of the report: the version of the database inside, and the settings that matter. */
export interface Description { version: string; settings: string }

export interface Engine {
  describe(): Promise<Description>;
  /** Takes the rows of a CSV with a header into the table; they can be queried and are durable when it resolves. */
  importCsv(table: Table, csv: Blob): Promise<void>;
  /** Secondary indexes and statistics of the table, where importCsv leaves them out. */
  finishImport(table: Table): Promise<void>;
  /** What the query takes for granted, untimed: the cursor of a page further down. */
  prepare(query: BenchQuery): Promise<void>;
  /** `bySql`: without the columnstore, where the engine has one beside its rows. */
  run(query: BenchQuery, bySql: boolean): Promise<Answer>;
  /** Adds production records in one transaction: 'full' is on storage when it resolves, 'relaxed' soon afterwards. */
  commitRecords(records: Row[], durability: Durability): Promise<void>;
  /** Production records from that id on. */
  countRecords(firstId: number): Promise<number>;
  /** Bytes on storage of the whole database, nothing pending in a log. */
  bytes(): Promise<number>;
  close(): Promise<void>;
}

/** Adapters are loaded on demand, so that a page that starts one engine loads the code of no other. */
export const engines: Record<EngineName, () => Promise<Engine>> = {
  lotwise: async () => (await import('./lotwise.ts')).openLotwise(),
  sqlite: async () => (await import('./sqlite.ts')).openSqlite(),
  duckdb: async () => (await import('./duckdb.ts')).openDuckdb(),
};

/** Records after the last day of the workload, the same for every engine. */
export function extraRecords(firstId: number, count: number): Row[] {
  return Array.from({ length: count }, (_, i) => extraRecord(firstId + i));
}

function extraRecord(id: number): Row {
  return {
    id, production_date: '2026-01-01', item_code: 'ITEM-0000', lot_number: `L20260101-00-${id}`,
    line: 'LINE-00', shift: 1, good_quantity: 500, defect_quantity: 0, defect_code: '',
  };
}

/** The peer's text of a query. */
export function sqlOf(query: BenchQuery, engine: 'sqlite' | 'duckdb'): string {
  return typeof query.sql === 'string' ? query.sql : query.sql[engine];
}
