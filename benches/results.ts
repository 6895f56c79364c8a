/** What a run of the bench found: plain data, kept as JSON and turned into the table of docs/benchmarks.md. */

import type { Durability, EngineName, Table } from './page/engine.ts';

export type PerEngine<T> = Partial<Record<EngineName, T>>;

/** The three engines, lotwise first, in the order of every table. */
export const ENGINES: readonly EngineName[] = ['lotwise', 'sqlite', 'duckdb'];

export interface Timing { coldMs: number; bestMs: number; medianMs: number; route?: string }

export interface QueryResult {
  id: string;
  asks: string;
  /** Method of Database. */
  call: string;
  note?: string;
  engines: PerEngine<Timing>;
  /** lotwise without its columnstore, where that makes a difference. */
  bySql?: Timing;
  /** The plainest loop over arrays in memory that answers it. */
  plainMs?: number;
}

/** From CSV to rows that can be queried and are durable, then to indexes and statistics too. */
export interface ImportResult { table: Table; rows: number; csvBytes: number; engines: PerEngine<{ rowsMs: number; finishedMs: number; bytes: number }> }

/** New tab to first answer: in a browser just started, and the median of further tabs. */
export interface ColdStartResult { query: string; engines: PerEngine<{ firstMs: number; medianMs: number }> }

/** `count` transactions of `rows` records each. */
export interface CommitResult { count: number; rows: number; durability: Durability; engines: PerEngine<{ perSecond: number; medianMs: number; p99Ms: number }> }

/** `rows` records 33 times a second while `queries` are asked one after the other. */
export interface BesideResult { rows: number; queries: string[]; engines: PerEngine<{ medianMs: number; p99Ms: number; worstMs: number; answers: number; answerP99Ms: number }> }

/** An import of lotwise in a browser's profile on disk or in a private window, and the SELECTs while it built indexes. */
export interface AloneResult { where: 'profile' | 'private'; rows: number; rowsMs: number; finishedMs: number; selects: number; selectP99Ms: number; selectWorstMs: number }

export interface EngineUnderTest {
  packageVersion: string;
  /** Of the database inside. */
  version: string;
  settings: string;
  wireBytes: number;
}

export interface BenchResults {
  date: string;
  machine: string;
  browser: string;
  node: string;
  rows: number;
  events: number;
  engines: PerEngine<EngineUnderTest>;
  queries: QueryResult[];
  imports: ImportResult[];
  coldStarts: ColdStartResult[];
  commits: CommitResult[];
  beside: BesideResult[];
  alone: AloneResult[];
}

/** The value below which the share `q` of the values lies (nearest rank). */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1));
  return sorted[rank] ?? NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
