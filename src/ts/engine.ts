/**
 * The engine as TypeScript sees it: the classes that the wasm module exports.
 *
 * Types only. Calls are synchronous but `open`; they throw an EngineError, and whatever else they throw
 * is a panic, after which the wasm instance is unusable.
 */
import type { ConfigPatch } from './config.ts';
import type {
  AggregateQuery, Capabilities, Config, Dataset, Detected, ImportOptions, ImportReport, InspectOptions, Plan, QueryOptions, RecordsQuery, ResultMeta, Stats, Value,
  WriteOptions,
} from './types.ts';

/** What of `Capabilities` the engine itself knows. */
export type EngineCapabilities = Pick<
  Capabilities,
  'storage' | 'journalMode' | 'synchronous' | 'sqliteVersion' | 'pageBytes' | 'pageCacheBytes'
>;

/** Parameters after checking: booleans are numbers by now. */
export type PlainValue = Exclude<Value, boolean>;
export type PlainParams = PlainValue[] | Record<string, PlainValue>;

/** Import options without what belongs to the calling side, and without the encoding: the engine takes UTF-8. */
export type EngineImportOptions = Omit<ImportOptions, 'signal' | 'onProgress' | 'encoding'>;

/** Options of an inspection without what belongs to the calling side; `dataset` is the name to propose. */
export type EngineInspectOptions = Omit<InspectOptions, 'signal' | 'encoding'> & { dataset: string };

/** What was found out about a file; `dataset` is JSON text, `batch` the first rows. */
export interface EngineInspection {
  dataset: string;
  detected: Detected;
  tables?: string[];
  batch: Uint8Array<ArrayBuffer>;
}

/** An answer in columns; `batch` is in the format of batch/format.ts. */
export interface Reply {
  batch: Uint8Array<ArrayBuffer>;
  meta: { route: ResultMeta['route']; rows: number; dataVersion: number };
  next?: string;
}

/** What a write did. */
export interface WriteReply {
  changes: number;
  lastInsertRowid: number | bigint;
  dataVersion: number;
}

export interface CallOptions {
  timeoutMs?: number;
  /** The call belongs to the transaction that is open. */
  transaction?: boolean;
  idempotencyKey?: string;
  /** Asked while a statement runs, about every 20 µs; true ends it. */
  watch?: () => boolean;
  durability?: WriteOptions['durability'];
  /** Which way an aggregate may take. */
  route?: QueryOptions['route'];
}

/** What is exported: SQL text, a query, or everything. */
export type ExportTarget = string | AggregateQuery | RecordsQuery | undefined;

/** Rows of a statement, batch by batch; freed after `close`. */
export interface EngineStream {
  next(rowsMax: number, options: CallOptions): { reply: Reply; more: boolean };
  close(): void;
  free(): void;
}

/** Bytes of a file. Throws a text that says why they cannot be read. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

/** One import: a transaction that is open until `finish` or `abort`. */
export interface EngineImport {
  /** What the bytes were before they became UTF-8; characters that it does not have come as 0xFF. */
  setEncoding(label: string): void;
  push(chunk: Uint8Array): void;
  /** The file is a database, read when it is asked for, until the import ends. */
  readFile(size: number, read: ReadAt): void;
  /** Undefined: it takes some milliseconds more, and is to be called again. */
  finish(): Omit<ImportReport, 'elapsedMs' | 'bytes'> | undefined;
  abort(): void;
  free(): void;
}

/** An index that is declared and missing, or segments of a dataset; freed when it is done, has failed or was given up. */
export interface EngineJob {
  /** Whether the next step belongs to a transaction. */
  needsWriter(): boolean;
  /** Goes on for some milliseconds; true when all is done. */
  step(): boolean;
  abort(): void;
  free(): void;
}

/** One open database. */
export interface Engine {
  capabilities(): EngineCapabilities;
  config(): Config;
  /** All that was configured since opening. */
  configure(given: ConfigPatch): void;
  statements(): Stats['statements'];
  columnstore(): Stats['columnstore'];
  /** Whether something is committed that may not be on storage. */
  unsynced(): boolean;
  flush(): void;
  query(sql: string, params: PlainParams | undefined, options: CallOptions): Reply;
  execute(sql: string, params: PlainParams | undefined, options: CallOptions): WriteReply;
  executeMany(sql: string, batch: Uint8Array, named: boolean, options: CallOptions): WriteReply;
  append(dataset: string, batch: Uint8Array, options: CallOptions & { onConflict?: 'error' | 'ignore' | 'replace' }): WriteReply;
  aggregate(query: AggregateQuery, options: CallOptions): Reply;
  records(query: RecordsQuery, options: CallOptions): Reply;
  explain(target: string | AggregateQuery | RecordsQuery, params: PlainParams | undefined): Plan;
  define(dataset: Dataset): void;
  /** Whether a statement writes. */
  writes(sql: string): boolean;
  /** Begins a transaction; what one with the same key was told when it was committed. */
  begin(options: CallOptions): string | undefined;
  commit(result: string): number;
  rollback(): void;
  savepoint(): void;
  endSavepoint(keep: boolean): void;
  openStream(sql: string, params: PlainParams | undefined, options: CallOptions): EngineStream;
  openExport(target: ExportTarget, params: PlainParams | undefined, asFile: boolean, options: CallOptions): EngineStream;
  importStart(options: EngineImportOptions): EngineImport;
  indexStart(): EngineJob | undefined;
  sealStart(): EngineJob | undefined;
  /** Whether there are segments to be made that have to wait. */
  sealWaits(): boolean;
  /** Looks at the beginning of a file; undefined where it needs to see more. */
  inspect(head: Uint8Array, isWhole: boolean, encoding: string, options: EngineInspectOptions): EngineInspection | undefined;
  /** Looks at a database. */
  inspectFile(size: number, read: ReadAt, options: EngineInspectOptions): EngineInspection;
  close(): void;
}

/** Where engines come from. */
export interface EngineClass {
  open(options: { name: string; storage: 'opfs' | 'memory'; datasets: readonly Dataset[]; config: ConfigPatch }): Promise<Engine>;
}
