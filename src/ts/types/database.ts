/** Opening a database, and what it can be asked. */
import type { Config, DeepPartial, Stats } from './config.ts';
import type { Dataset } from './dataset.ts';
import type { ExportOptions } from './export.ts';
import type { ImportOptions, ImportReport, ImportSource, InspectOptions, Inspection } from './import.ts';
import type { AggregateQuery, RecordsQuery } from './query.ts';
import type { AppendOptions, Page, Plan, QueryOptions, Result, StreamOptions, WriteOptions, WriteResult } from './result.ts';
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
  /** What is to differ from the defaults of the profile. Wrong fields are CONFIG_INVALID, all named at once. */
  config?: DeepPartial<Config>;
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
  /** What this database can do here, as read back and not as asked for. Read anew after each `configure()`. */
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
   * Batches of rows in constant memory, all from one state of the data, whatever is written meanwhile. Leaving
   * the loop early frees the statement. `timeoutMs` and `signal` hold for each batch.
   *
   * @example
   * for await (const rows of db.stream('SELECT * FROM production_records WHERE line = ?', ['LINE-03'])) upload(rows);
   */
  stream<T = Row>(sql: string, params?: Params, options?: StreamOptions): AsyncIterable<T[]>;
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
   * All or nothing: committed when the callback resolves, rolled back when it rejects. Inside, call `tx`;
   * `tx.transaction` is a savepoint. Calls of the database itself see the last commit, and those that write wait
   * their turn; one that is made and awaited inside the callback, where it would wait for ever, rejects with
   * DATABASE_BUSY after a second. A transaction without a call for 10 s is rolled back, TIMEOUT. With an
   * `idempotencyKey` the callback has to return what JSON can hold, and a repeat returns that without calling it.
   *
   * @example
   * await db.transaction(async (tx) => {
   *   const { rows: [lot] } = await tx.query('SELECT id FROM production_records WHERE lot_number = ?', [number]);
   *   await tx.execute('UPDATE production_records SET defect_quantity = defect_quantity + 1 WHERE id = ?', [lot.id]);
   * });
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: WriteOptions): Promise<T>;

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
   * Looks at the beginning of a file without importing it: a proposed dataset, what was found out, the first rows.
   * A stream (or Response) is used up by it. Rejects with INPUT_INVALID, as `importFile` does, naming the option
   * that decides where the file can be read two ways.
   *
   * @example
   * const { dataset } = await db.inspectFile(file);
   * await db.define(dataset);
   * await db.importFile(file, { dataset: dataset.name });
   */
  inspectFile(source: ImportSource, options?: InspectOptions): Promise<Inspection>;

  /**
   * A file as a stream, from one state of the data, in memory that does not grow with its size. It is made at the
   * pace at which it is read; cancel it (or use `signal`) where the rest is not wanted, which frees its statement.
   * Rejects with QUERY_INVALID or SQL_INVALID; what fails later, fails the stream. Ten minutes without a row are TIMEOUT.
   *
   * @example
   * const file = await db.exportFile({ format: 'csv', query: { dataset: 'production_records', range: { from: '2025-06' } } });
   * await file.pipeTo(await (await showSaveFilePicker()).createWritable());
   */
  exportFile(options: ExportOptions): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;

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

  /** Counters of what happened here. */
  stats(): Promise<Stats>;

  /** The configuration in force. */
  config(): Promise<Config>;
  /**
   * Changes the configuration; resolves with all of it when it is in force, which needs no reopening. Rejects with
   * CONFIG_INVALID naming every wrong field, in the message and as `details.fields`; then nothing has changed.
   *
   * @example
   * await db.configure({ profile: 'lowMemory', query: { timeoutMs: 5_000 } });
   */
  configure(patch: DeepPartial<Config>): Promise<Config>;

  /** Finishes what runs, closes the files, lets others open them. Later calls reject with CLOSED. */
  close(): Promise<void>;
  /** The same as `close()`, for `await using db = await open()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What can be called inside a transaction. */
export type Transaction = Pick<Database, 'query' | 'stream' | 'execute' | 'executeMany' | 'append' | 'aggregate' | 'records' | 'transaction'>;

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
  /**
   * How a running statement can be stopped here: 'immediate' where the page is cross-origin isolated, else at its
   * time limit.
   */
  cancellation: 'immediate' | 'deadline';
  /** Most workers that work for this database. */
  workersMax: number;
}
