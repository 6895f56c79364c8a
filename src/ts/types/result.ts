/** Options of calls, and their answers. */
import type { Progress } from './import.ts';
import type { Row, Value } from './value.ts';

/** For every call. */
export interface QueryOptions {
  /**
   * Gives up: CANCELLED. Work that waits is dropped at once. Where `capabilities.cancellation` is 'immediate', a
   * statement that runs ends within milliseconds (but for a sort, which SQLite does in one step), a write is
   * rolled back. Elsewhere a read that runs is answered at once while the engine goes on with it until its time
   * limit; a write that runs is not abandoned and answers as usual.
   */
  signal?: AbortSignal;
  /** From the call to its answer, waiting included; then TIMEOUT. Default: `query.timeoutMs` of the configuration. */
  timeoutMs?: number;
  /** Called about ten times a second while the statement runs, with steps of SQLite's virtual machine. */
  onProgress?: (progress: Progress) => void;
  /**
   * Which way aggregate() may take, for checks and benchmarks: through segments of columns wherever there are some,
   * or by SQL alone. Default 'auto': whichever is likely to be sooner. The answer is the same.
   */
  route?: 'auto' | 'columnstore' | 'sql';
}

/** For calls that write. */
export interface WriteOptions extends QueryOptions {
  /**
   * Written in the same transaction; a repeat with the same key writes nothing and returns the first result, so
   * that a call whose fate is unknown can be made again. The last 10,000 keys are remembered.
   */
  idempotencyKey?: string;
  /**
   * 'full': on storage when the promise resolves. 'relaxed': committed, and on storage within `ingest.groupCommitMs`.
   * Default: `ingest.durability` of the configuration, 'full' unless changed.
   */
  durability?: 'full' | 'relaxed';
}

/** For `stream`. */
export interface StreamOptions extends QueryOptions {
  /** Most rows of a batch. Default: `query.batchRows` of the configuration. A batch of large rows has fewer. */
  batchRows?: number;
}

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
  /**
   * Bytes of an Arrow IPC stream of one record batch, for Observable Plot, Perspective, DuckDB, pandas. Integers
   * are Int64, reals Float64, text Utf8, blobs Binary; where the dataset declares them, dates are Date32 (Utf8 if
   * some are none) and timestamps Timestamp (milliseconds, UTC). Integers and reals in one column are Float64 if
   * that is exact; other mixtures are Utf8, with blobs in hexadecimal behind `\x`. A column of nothing but nulls
   * whose type is not declared is Utf8. More than 2 GiB of text in a column are LIMIT_EXCEEDED.
   *
   * @example
   * await duckdb.insertArrowFromIPCStream((await db.aggregate(query)).toArrow(), { name: 'days' });
   */
  toArrow(): Uint8Array<ArrayBuffer>;
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
  /**
   * 'columnstore': through segments of columns, and SQL for the rows that are in none yet; 'index': through indexes;
   * 'scan': some table was read in full; 'write': the statement wrote.
   */
  route: 'columnstore' | 'index' | 'scan' | 'write';
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
