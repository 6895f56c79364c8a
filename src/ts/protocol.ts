/**
 * Every message between a database object and its engine, as discriminated unions.
 *
 * The engine side is a worker's Processor, or one in the same thread where a host has no workers. Messages
 * arrive in the order in which they were posted, in both directions.
 */
import type { ConfigPatch } from './config.ts';
import type {
  EngineCapabilities, EngineImportOptions, EngineInspectOptions, EngineInspection, ExportTarget, PlainParams, Reply, WriteReply,
} from './engine.ts';
import type { ErrorFields } from './errors.ts';
import type { AggregateQuery, Config, Dataset, ImportReport, Plan, Progress, QueryOptions, RecordsQuery, Stats, WriteOptions } from './types.ts';

/** Rises with each change of the messages: a worker script kept from an older version is found out. */
export const PROTOCOL_VERSION = 3;

// ───────────────────────── to the engine ─────────────────────────

export type ToEngine =
  | ({ kind: 'open' } & OpenMessage)
  | ({ kind: 'call' } & CallMessage)
  | { kind: 'cancel'; id: number }
  /** Of an import whose source is a stream: what a `pull` asked for. */
  | { kind: 'chunk'; id: number; chunk: Chunk };

export interface OpenMessage {
  name: string;
  storage: 'opfs' | 'memory';
  datasets: readonly Dataset[];
  config: ConfigPatch;
  wasmUrl: string | undefined;
  /** Where calls that run are given up: see watch.ts. Only a page that is cross-origin isolated has any. */
  givenUp?: SharedArrayBuffer | undefined;
}

export interface CallMessage {
  id: number;
  operation: Operation;
  /** When the call was made, by the clock of the engine's side. */
  sentAt: number;
  /** From then on; undefined for calls without a limit. */
  timeoutMs: number | undefined;
  /** The transaction that it belongs to: the id of the call that began it. */
  transaction?: number | undefined;
  /** Wants to hear how far it is. */
  progress?: boolean | undefined;
}

export type Operation =
  | { op: 'query'; sql: string; params: PlainParams | undefined }
  | ({ op: 'execute'; sql: string; params: PlainParams | undefined } & WriteSettings)
  | ({ op: 'executeMany'; sql: string; batch: Uint8Array<ArrayBuffer>; named: boolean } & WriteSettings)
  | ({ op: 'append'; dataset: string; batch: Uint8Array<ArrayBuffer>; onConflict: 'error' | 'ignore' | 'replace' } & WriteSettings)
  | { op: 'aggregate'; query: AggregateQuery; route: QueryOptions['route'] }
  | { op: 'records'; query: RecordsQuery }
  | { op: 'explain'; target: string | AggregateQuery | RecordsQuery; params: PlainParams | undefined }
  | { op: 'define'; dataset: Dataset }
  | { op: 'inspect'; options: EngineInspectOptions; encoding: string | undefined; source: SourceMessage; isCut: boolean }
  | { op: 'import'; options: EngineImportOptions; encoding: string | undefined; source: SourceMessage; totalBytes: number | undefined }
  | ({ op: 'begin' } & WriteSettings)
  /** `result`: what a repetition with the same key will be told. */
  | { op: 'commit'; result: string }
  | { op: 'rollback' }
  | { op: 'savepoint' }
  | { op: 'endSavepoint'; keep: boolean }
  | { op: 'streamOpen'; sql: string; params: PlainParams | undefined }
  /** Opens a stream as well: of rows, or `asFile` of the pages of an SQLite file, of everything where there is no target. */
  | { op: 'exportOpen'; target: ExportTarget; params: PlainParams | undefined; asFile: boolean }
  /** Rows: undefined for what is configured. */
  | { op: 'streamNext'; stream: number; rows: number | undefined }
  | { op: 'streamClose'; stream: number }
  | { op: 'config' }
  | { op: 'configure'; patch: ConfigPatch }
  | { op: 'stats' }
  | { op: 'close' };

/** How a write is done: once for each key, however often it is asked for; as durable as that. */
export interface WriteSettings {
  idempotencyKey?: string | undefined;
  /** Undefined: as configured. */
  durability?: WriteOptions['durability'] | undefined;
}

/** What is to be imported: there already, or to be pulled chunk by chunk. */
export type SourceMessage =
  | { from: 'bytes'; bytes: Uint8Array<ArrayBuffer> }
  | { from: 'blob'; blob: Blob }
  | { from: 'chunks' };

export type Chunk = { bytes: Uint8Array<ArrayBuffer> } | { end: true } | { failed: string };

// ───────────────────────── from the engine ─────────────────────────

export type FromEngine =
  /** The script runs. `now` is its clock, so that the other side can tell times by it. */
  | { kind: 'ready'; protocol: number; now: number }
  | ({ kind: 'opened'; now: number } & Opened)
  | { kind: 'done'; id: number; answer: Answer; now: number }
  /** `id` is undefined where opening failed. */
  | { kind: 'failed'; id: number | undefined; error: ErrorFields }
  | { kind: 'progress'; id: number; progress: Progress }
  /** The import wants one more chunk. */
  | { kind: 'pull'; id: number }
  /** The engine cannot go on; `id` is the call that it was running, if any. */
  | { kind: 'panic'; id: number | undefined; text: string };

/** What a session knows of its engine. */
export interface Opened {
  capabilities: EngineCapabilities;
  config: Config;
}

export type Answer =
  | ReplyAnswer
  | ({ type: 'write'; elapsedMs: number } & WriteReply)
  | { type: 'plan'; plan: Plan }
  | { type: 'report'; report: ImportReport }
  | ({ type: 'inspection' } & EngineInspection)
  | { type: 'begun'; transaction: number; repeated?: string }
  | { type: 'committed'; dataVersion: number }
  | { type: 'stream'; stream: number }
  | { type: 'batch'; reply: ReplyAnswer; more: boolean }
  /** `given` is all that was configured since opening: what an engine in place of this one is opened with. */
  | ({ type: 'config'; given: ConfigPatch } & Opened)
  | { type: 'stats'; stats: Stats }
  | { type: 'ended' };

export type ReplyAnswer = { type: 'reply'; elapsedMs: number; queuedMs: number } & Reply;
