/**
 * The public declarations of lotwise: what goes in, what comes out.
 *
 * Units: times in milliseconds (`…Ms`), sizes in bytes (`…Bytes`), limits `…Max`.
 * Dates are text: 'YYYY-MM-DD'; timestamps are epoch milliseconds (integer) or ISO-8601 text, as the
 * dataset declares. Integers come back as number while safe (|n| ≤ 2^53-1), else as bigint.
 *
 * This file knows no implementation: it holds types only and imports nothing.
 */

// ───────────────────────── small types ─────────────────────────

/**
 * A value of a row or a parameter. `true` and `false` are stored as 1 and 0, `NaN` as null; a number
 * is an integer when it is whole and safe, else a real. Text has to be well-formed (no lone surrogates).
 */
export type Value = null | boolean | number | bigint | string | Uint8Array;

/** A row as plain object, own properties only: column name → value. */
export type Row = Record<string, Value>;

/** Parameters of a statement, by position (`?`) or by name (`:name`); checked at run time. */
export type Params = readonly Value[] | object;

/** Rows column by column, all of the same length: `{ line: ['LINE-01', 'LINE-02'], shift: [1, 2] }`. */
export type ColumnData = Record<string, ArrayLike<Value>>;

/** Stable codes of {@link LotwiseError}; a code never changes its meaning. */
export type ErrorCode =
  | 'STORAGE_UNAVAILABLE' | 'STORAGE_FULL' | 'DATABASE_CORRUPT' | 'DATABASE_BUSY' | 'SQL_INVALID'
  | 'QUERY_INVALID' | 'INPUT_INVALID' | 'CONFIG_INVALID' | 'CONSTRAINT_VIOLATION' | 'TIMEOUT' | 'CANCELLED'
  | 'LIMIT_EXCEEDED' | 'READ_ONLY' | 'NOT_FOUND' | 'UNAUTHORIZED' | 'WORKER_LOST' | 'CLOSED' | 'INTERNAL';

// ───────────────────────── opening ─────────────────────────

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
   * Takes a CSV or an SQLite file into a dataset. All or nothing (see `onError`). Resolves when the data
   * can be queried and is durable.
   *
   * @example
   * const report = await db.importFile(file, { dataset: 'production_records', onProgress: ({ done, total }) => bar(done, total) });
   */
  importFile(source: ImportSource, options: ImportOptions): Promise<ImportReport>;

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

// ───────────────────────── datasets ─────────────────────────

/** A table, what its columns mean, and how it is to be made fast. Plain data. */
export interface Dataset {
  /**
   * Table name. The table is STRICT and has an INTEGER PRIMARY KEY (a hidden one where `columns` has
   * none); columns named rowid, oid or _rowid_ are refused.
   */
  name: string;
  /** Column name → what it holds, in table order. */
  columns: Record<string, Column>;
  /** Column that places a row in time. */
  time?: string;
  /** Low-cardinality columns that are grouped and filtered by. */
  dimensions?: string[];
  /** Numeric columns that are aggregated. */
  measures?: string[];
  /** Secondary indexes. */
  indexes?: Index[];
  /** Rises with each change of the definition. Default 1. */
  version?: number;
}

/** One column of a dataset. */
export interface Column {
  /** date: TEXT 'YYYY-MM-DD'. timestamp: INTEGER epoch ms. timestampText: TEXT, canonical UTC ISO-8601. json: TEXT. */
  type: 'integer' | 'real' | 'text' | 'date' | 'timestamp' | 'timestampText' | 'blob' | 'json';
  /** NOT NULL. */
  required?: boolean;
  /** INTEGER PRIMARY KEY; at most one column. */
  primaryKey?: boolean;
  /** Taken where a row leaves the column out. */
  default?: Value;
  /** 'table(column)' that a value has to exist in. */
  references?: string;
  /** 'nocase': =, LIKE, prefix and the index ignore ASCII case (lot numbers are typed by people). */
  collate?: 'binary' | 'nocase';
  /** For people, as on a dashboard. */
  label?: string;
  /** Unit of the values, such as 'pcs'. */
  unit?: string;
}

/** A secondary index of a dataset. */
export interface Index {
  /** Name of the index in SQLite. */
  name: string;
  /** Columns in order. */
  columns: (string | { column: string; desc?: boolean })[];
  /** SQL condition of a partial index. */
  where?: string;
  /** Two rows with the same key are a CONSTRAINT_VIOLATION. */
  unique?: boolean;
}

// ───────────────────────── queries ─────────────────────────

/** What to group, count and sum. */
export interface AggregateQuery {
  /** Name of the dataset. */
  dataset: string;
  /** Stretch of time, on the dataset's `time` column. */
  range?: TimeRange;
  /** Rows that count. */
  where?: Where;
  /** Columns and at most one bucket of time. */
  groupBy?: (string | { time: TimeBucket })[];
  /** Result column name → what it holds. */
  measures: Record<string, Measure>;
  /** Groups that stay, by their measures. */
  having?: Record<string, Condition>;
  /** Default: by the groupBy columns, ascending. Ties are broken by them too, so that answers are stable. */
  orderBy?: OrderBy[];
  /** Most groups that come back. */
  limit?: number;
  /** Adds the buckets of the range in which nothing happened (count 0, sums null). Only with a single time bucket. */
  fill?: boolean;
}

/**
 * Both ends inclusive at the precision they are written in: { from: '2025-01', to: '2025-03' } is the first
 * quarter, whole days included. Any bucket text is an end ('2025', '2025-Q2', '2025-W24', '2025-06-10T14:00'),
 * in UTC where it names no offset; a number is epoch ms, exact. Either end may be left out.
 */
export interface TimeRange {
  /** First moment that counts. */
  from?: string | number;
  /** Last moment that counts. */
  to?: string | number;
}

/**
 * Result columns come in this order: groupBy as given, then measures as given. A time bucket's column is
 * named after the bucket and holds text that sorts in time: '2025', '2025-Q2', '2025-06', '2025-W24' (ISO
 * 8601), '2025-06-10', '2025-06-10T14:00+00:00' (hour and minute). Buckets are those of UTC. Without groupBy
 * there is exactly one row, also when nothing matched (count 0, sums null). Two result columns of the same
 * name are QUERY_INVALID.
 */
export type TimeBucket = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year';

/** 'count' counts rows; the other forms may restrict themselves to rows that also match `where`. */
export type Measure = 'count' | ({ where?: Where } & MeasureOf);

/** What a measure computes. Integer sums past 64 bits are LIMIT_EXCEEDED. */
export type MeasureOf =
  | { count: true }
  | { sum: string }
  | { min: string }
  | { max: string }
  | { avg: string }
  | { countDistinct: string }
  /**
   * Sum of the first over sum of the second, nulls as 0; null where the second is 0.
   * Yield: [['good_quantity'], ['good_quantity', 'defect_quantity']]
   */
  | { ratio: [string[], string[]] };

/** Column → condition. Entries are ANDed; `any` is an OR of alternatives. */
export type Where = { [column: string]: Condition | Where[] | undefined; any?: Where[] };

/**
 * A value: equal. null: IS NULL. A list: any of them, null included where it stands there; [] matches nothing.
 * `not` keeps null rows unless null is listed. A column given as undefined is QUERY_INVALID. prefix follows the
 * column's collation. Several operators in one object are ANDed.
 */
export type Condition =
  | Value
  | Value[]
  | { not?: Value | Value[]; gt?: Value; gte?: Value; lt?: Value; lte?: Value; prefix?: string; isNull?: boolean };

/** A column (or a result column of aggregate()) to sort by, ascending unless `desc`. Nulls come first, with `desc` last. */
export interface OrderBy {
  /** Name of the column. */
  by: string;
  /** Largest first. */
  desc?: boolean;
}

/** Which rows of a dataset, in which order. */
export interface RecordsQuery {
  /** Name of the dataset. */
  dataset: string;
  /** Stretch of time, on the dataset's `time` column. */
  range?: TimeRange;
  /** Rows that count. */
  where?: Where;
  /** Default: newest first (time, then primary key, both descending). The primary key breaks ties. */
  orderBy?: OrderBy[];
  /** Columns that come back. Default: all. */
  columns?: string[];
  /** Rows a page. Default 100. */
  limit?: number;
  /** `next` of the page before. */
  after?: string;
}

/** For every call. */
export interface QueryOptions {
  /**
   * Gives up: CANCELLED. Work that waits is dropped at once; a read that runs is answered at once while the
   * engine ends it in the background; a write that already runs is not abandoned and answers as usual.
   */
  signal?: AbortSignal;
  /** From the call to its answer, waiting included; then TIMEOUT. Default 30,000. */
  timeoutMs?: number;
}

/** For calls that write. */
export interface WriteOptions extends QueryOptions {}

/** For `append`. */
export interface AppendOptions extends WriteOptions {
  /** A row whose key is there already: 'error' (default) appends nothing, 'ignore' leaves it out, 'replace' takes the new one. */
  onConflict?: 'error' | 'ignore' | 'replace';
}

/** An answer: one columnar batch, of which row objects are made on demand. */
export interface Result<T = Row> {
  /** Names and types in order. Type: as the dataset declares, else 'integer', 'real', 'text', 'blob', 'null' or 'mixed'. */
  readonly columns: { name: string; type: string }[];
  /** Number of rows. */
  readonly rowCount: number;
  /** Made on first use. Of columns with the same name the last one wins; `column(index)` reaches all. */
  readonly rows: T[];
  /**
   * Typed array (Int32Array, Float64Array) where a numeric column has no nulls, else array of values,
   * without making row objects. It is the result's own: read it, do not write to it.
   */
  column(nameOrIndex: string | number): ArrayLike<Value> & Iterable<Value>;
  /** How the answer was come by. */
  readonly meta: ResultMeta;
}

/** One page of rows. */
export interface Page<T = Row> extends Result<T> {
  /** Pass it as `after` for the following page; absent on the last one. */
  next?: string;
}

/** How an answer was come by. */
export interface ResultMeta {
  /** 'index': through indexes; 'scan': some table was read in full; 'write': the statement wrote. */
  route: 'index' | 'scan' | 'write';
  /** Results are not cached. */
  cache: 'bypass';
  /** Since the answer was computed: 0, nothing is cached. */
  ageMs: number;
  /** From the call's arrival at the database to its answer, waiting in `queuedMs` included. */
  elapsedMs: number;
  /** Of it, waiting for calls before this one. */
  queuedMs: number;
  /** Partitions that were read. */
  partitions: string[];
  /** Version of the data that the answer shows. */
  dataVersion: number;
}

/** What a write did. */
export interface WriteResult {
  /** Rows inserted, updated or deleted. */
  changes: number;
  /** Key of the row inserted last on this database. */
  lastInsertRowid: number | bigint;
  /** Version of the data after the write. */
  dataVersion: number;
  /** From the call's arrival at the database to its answer. */
  elapsedMs: number;
}

// ───────────────────────── data in ─────────────────────────

/** What can be imported. A string is the content itself, never an address. Buffers are copied and stay usable. */
export type ImportSource = File | Blob | Response | ReadableStream<Uint8Array> | string | ArrayBuffer | Uint8Array;

/** How to read a file, and into which dataset. */
export interface ImportOptions {
  /** Name of the dataset. */
  dataset: string;
  /** Default: found out. */
  format?: 'csv' | 'sqlite';
  /** Source column → dataset column. Unmapped headers are matched by name, case and separators ignored. */
  columns?: Record<string, string>;
  /** For an SQLite file: the table to read. Default: the dataset's name. */
  table?: string;
  /** Of CSV fields, such as ';'. Default: found out. */
  delimiter?: string;
  /** Whether the first line holds names. Default: found out. */
  header?: boolean;
  /** Decimal mark of numbers. Default: found out. */
  decimal?: '.' | ',';
  /** Such as 'DD/MM/YYYY', where the file is ambiguous. */
  dateFormat?: string;
  /** 'abort' (default): nothing is imported. 'skip': bad rows are reported and left out. */
  onError?: 'abort' | 'skip';
  /** As for `append`. */
  onConflict?: 'error' | 'ignore' | 'replace';
  /** Gives up and takes back what was imported so far: CANCELLED. */
  signal?: AbortSignal;
  /** Called at most every 100 ms, and once at the end. */
  onProgress?: (progress: Progress) => void;
}

/** What was found out about a file. */
export interface Detected {
  /** 'csv' or 'sqlite'. */
  format: string;
  /** Such as 'utf-8'. */
  encoding?: string;
  /** Of CSV fields. */
  delimiter?: string;
  /** Whether the first line holds names. */
  header?: boolean;
  /** Decimal mark of numbers. */
  decimal?: string;
  /** Order of day, month and year. */
  dateFormat?: string;
}

/** What an import did. */
export interface ImportReport {
  /** How the file was read. */
  detected: Detected;
  /** Rows imported. */
  rows: number;
  /** Rows left out. */
  skipped: number;
  /** The first bad rows, with line and reason. */
  errors: { line: number; column?: string; reason: string }[];
  /** From the call to its answer. */
  elapsedMs: number;
  /** Size of the source. */
  bytes: number;
}

/** How far a long call has come. */
export interface Progress {
  /** What is being done, such as 'import'. */
  phase: string;
  /** So far, in `unit`. */
  done: number;
  /** In all, where it is known. */
  total?: number;
  /** What `done` and `total` count. */
  unit: 'rows' | 'bytes' | 'pages' | 'steps';
  /** Since the call began to run. */
  elapsedMs: number;
  /** Still to go, where it can be told. */
  etaMs?: number;
}

// ───────────────────────── looking inside ─────────────────────────

/** How a query would be answered. */
export interface Plan {
  /** As in {@link ResultMeta}. */
  route: ResultMeta['route'];
  /** The statement that runs. */
  sql: string;
  /** SQLite's EXPLAIN QUERY PLAN. */
  steps: { id: number; parent: number; detail: string }[];
  /** Indexes that are used. */
  indexes: string[];
  /** Tables that are read in full. */
  fullScans: string[];
  /** Temporary b-trees for sorting or grouping. */
  temporarySorts: number;
  /** Partitions that are read. */
  partitions: string[];
  /** Rows expected, where SQLite can tell. */
  estimatedRows?: number;
}
