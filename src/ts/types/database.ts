/** Opening a database, and what it can be asked. */
import type { Dataset } from './dataset.ts';
import type { ImportOptions, ImportReport, ImportSource } from './import.ts';
import type { AggregateQuery, RecordsQuery } from './query.ts';
import type { AppendOptions, Page, Plan, QueryOptions, Result, WriteOptions, WriteResult } from './result.ts';
import type { ColumnData, Params, Row } from './value.ts';

/** How to open a database; every member has a default. */
export interface OpenOptions {
  /** 1 to 64 characters of a-z, 0-9, '-', '_'. Default 'lotwise'. Anything else is CONFIG_INVALID. */
  name?: string;
  /**
   * Default 'opfs'. Never falls back by itself: where OPFS is missing, open() rejects with
   * STORAGE_UNAVAILABLE; 'memory' has to be asked for and shows in `capabilities`.
   */
  storage?: 'opfs' | 'memory';
  /** Default: `[presets.productionRecords]`. Creates what is missing, migrates what is older. */
  datasets?: Dataset[];
  /** Address of the package's worker.js, for bundlers that do not follow `new URL(..., import.meta.url)`. */
  workerUrl?: string | URL;
  /** Address of the package's lotwise_bg.wasm, for the same bundlers. In Node a `file:` URL. */
  wasmUrl?: string | URL;
  /** Gives up opening: CANCELLED, and nothing is left behind. */
  signal?: AbortSignal;
}

/** An open database. Get one from `open()`; `close()` it, or let `await using` do so. */
export interface Database {
  /** The name it was opened by. */
  readonly name: string;
  /** What this database can do here, as read back and not as asked for. */
  readonly capabilities: Capabilities;

  /**
   * One statement. It may write (INSERT ... RETURNING). BEGIN, COMMIT, ROLLBACK, SAVEPOINT and ATTACH as
   * text are refused (SQL_INVALID).
   *
   * Rejects with SQL_INVALID, INPUT_INVALID (a parameter), CONSTRAINT_VIOLATION, TIMEOUT, CANCELLED.
   *
   * @example
   * const { rows } = await db.query('SELECT line, shift FROM production_records WHERE lot_number = ?', ['L20250610-03-0007']);
   */
  query<T = Row>(sql: string, params?: Params, options?: QueryOptions): Promise<Result<T>>;
  /**
   * Statements that write, in one transaction. Parameters only where it is a single statement.
   * Resolves when the data is on storage.
   *
   * @example
   * await db.execute('UPDATE production_records SET defect_code = :code WHERE id = :id', { code: 'D03', id: 7 });
   */
  execute(sql: string, params?: Params, options?: WriteOptions): Promise<WriteResult>;
  /**
   * One statement, many parameter sets, one message and one transaction: all of them or none.
   *
   * @example
   * await db.executeMany('DELETE FROM production_records WHERE id = ?', [[1], [2], [3]]);
   */
  executeMany(sql: string, params: readonly Params[], options?: WriteOptions): Promise<WriteResult>;

  /**
   * Groups and sums a dataset. Rejects with QUERY_INVALID naming the member that is wrong.
   *
   * @example
   * const days = await db.aggregate({
   *   dataset: 'production_records',
   *   range: { from: '2025-06' },
   *   groupBy: [{ time: 'day' }],
   *   measures: { good: { sum: 'good_quantity' }, lots: { countDistinct: 'lot_number' } },
   * });
   * days.rows; // [{ day: '2025-06-01', good: 5120, lots: 14 }, …]
   */
  aggregate<T = Row>(query: AggregateQuery, options?: QueryOptions): Promise<Result<T>>;
  /**
   * Rows, newest first unless ordered otherwise, 100 a page by default, paged by key: pass `next` of one
   * page as `after` of the following.
   *
   * @example
   * const first = await db.records({ dataset: 'production_records', where: { line: 'LINE-03' } });
   * const second = await db.records({ dataset: 'production_records', where: { line: 'LINE-03' }, after: first.next });
   */
  records<T = Row>(query: RecordsQuery, options?: QueryOptions): Promise<Page<T>>;

  /**
   * Adds rows to a dataset, all or nothing. A column that a row leaves out (or gives as undefined) takes
   * its default. Rejects with INPUT_INVALID naming column and row, or CONSTRAINT_VIOLATION.
   *
   * @example
   * await db.append('production_records', [{ production_date: '2025-06-10', item_code: 'ITEM-0042',
   *   lot_number: 'L20250610-03-0007', line: 'LINE-03', shift: 1, good_quantity: 480, defect_quantity: 2, defect_code: 'D03' }]);
   */
  append(dataset: string, rows: readonly object[] | ColumnData, options?: AppendOptions): Promise<WriteResult>;
  /**
   * Takes a CSV, JSON, NDJSON or SQLite file into a dataset. All or nothing (see `onError`). Resolves when the data
   * can be queried and is durable.
   *
   * @example
   * const report = await db.importFile(file, { dataset: 'production_records', onProgress: ({ done, total }) => bar(done, total) });
   */
  importFile(source: ImportSource, options: ImportOptions): Promise<ImportReport>;

  /**
   * Adds a dataset, or migrates one to a newer `version`: columns may be added and indexes changed. A definition
   * that is there already, or an older one, changes nothing. Rejects with CONFIG_INVALID naming what is wrong
   * or cannot be changed in place.
   *
   * @example
   * await db.define({ name: 'shifts', columns: { day: { type: 'date', required: true }, staff: { type: 'integer' } }, time: 'day' });
   */
  define(dataset: Dataset): Promise<void>;

  /** How a query would be answered: statement, steps, indexes. Nothing is run. */
  explain(query: string | AggregateQuery | RecordsQuery, params?: Params): Promise<Plan>;

  /** Finishes what runs, closes the files, lets others open them. Later calls reject with CLOSED. */
  close(): Promise<void>;
  /** The same as `close()`, for `await using db = await open()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a database can do where it was opened. */
export interface Capabilities {
  /** Where the data is. 'memory' is gone with the page. */
  storage: 'opfs' | 'memory' | 'durable-object';
  /** Whether this tab owns the files or is served by the one that does. */
  role: 'leader' | 'follower';
  /** As read back from SQLite, not as asked for. */
  journalMode: string;
  /** As read back from SQLite, not as asked for. */
  synchronous: string;
  /** Version of SQLite inside, such as '3.53.4'. */
  sqliteVersion: string;
  /** Size of a database page, read back. */
  pageBytes: number;
  /** Upper limit of SQLite's page cache, read back. */
  pageCacheBytes: number;
  /** Whether navigator.storage.persist() was granted: if not, the browser may evict the data when short of space. */
  persisted: boolean;
  /** Whether the page is cross-origin isolated. Nothing here needs it. */
  crossOriginIsolated: boolean;
  /** How a running statement can be stopped here. */
  cancellation: 'immediate' | 'deadline';
  /** Most workers that work for this database. */
  workersMax: number;
}
