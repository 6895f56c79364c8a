/**
 * The database object: public calls become operations, answers become results, and an engine that was lost
 * is replaced at the next call.
 *
 * Invariants:
 * 1. A call is checked and encoded before it is posted; nothing that the boundary would change gets there.
 * 2. There is at most one session, and none is opened after `close()`.
 * 3. `close()` resolves after the lock of the files is free.
 */
import { BatchResult } from './batch/decode.ts';
import { encodeParams, encodeRows } from './batch/encode.ts';
import { checkImportOptions, checkOnConflict, checkParams, checkPlainData, checkQueryOptions, checkSql } from './check.ts';
import type { EngineImportOptions } from './engine.ts';
import { LotwiseError, cancelled } from './errors.ts';
import type { Answer, Operation } from './protocol.ts';
import type { CallSettings, Session } from './session.ts';
import { prepareSource } from './source.ts';
import { isRead } from './sql.ts';
import type {
  AggregateQuery, AppendOptions, Capabilities, ColumnData, Database, Dataset, ImportOptions, ImportReport, ImportSource, Page, Params, Plan,
  QueryOptions, RecordsQuery, Result, Row, WriteOptions, WriteResult,
} from './types.ts';

/** Engines lost one after the other without a call that succeeded; then the database gives up. */
const LOST_MAX = 3;

// A well-known symbol in new browsers, this one elsewhere: what compilers of `await using` fall back to as well.
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/** What opens one session more, in the same way each time; `onLost` is told when it dies. */
export type OpenSession = (onLost: () => void) => Promise<Session>;

export class EngineDatabase implements Database {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #openSession: OpenSession;
  /** Undefined after a loss, until the next call. */
  #session: Promise<Session> | undefined;
  #lostInARow = 0;
  #closing: Promise<void> | undefined;

  constructor(name: string, capabilities: Capabilities, session: Session, openSession: OpenSession) {
    this.name = name;
    this.capabilities = capabilities;
    this.#session = Promise.resolve(session);
    this.#openSession = openSession;
  }

  async query<T = Row>(sql: string, params?: Params, options: QueryOptions = {}): Promise<Result<T>> {
    const what = 'query()';
    checkSql(what, sql);
    checkQueryOptions(what, options);
    const answer = await this.#call({ op: 'query', sql, params: checkParams(what, params) }, { what, ...options, abandonable: isRead(sql) });
    return resultOf(answer);
  }

  async execute(sql: string, params?: Params, options: WriteOptions = {}): Promise<WriteResult> {
    const what = 'execute()';
    checkSql(what, sql);
    checkQueryOptions(what, options);
    return writeResultOf(await this.#call({ op: 'execute', sql, params: checkParams(what, params) }, { what, ...options }));
  }

  async executeMany(sql: string, params: readonly Params[], options: WriteOptions = {}): Promise<WriteResult> {
    const what = 'executeMany()';
    checkSql(what, sql);
    checkQueryOptions(what, options);
    const { batch, named } = encodeParams(params, what);
    return writeResultOf(await this.#call({ op: 'executeMany', sql, batch, named }, { what, ...options, transfer: [batch.buffer] }));
  }

  async append(dataset: string, rows: readonly object[] | ColumnData, options: AppendOptions = {}): Promise<WriteResult> {
    const what = 'append()';
    checkDatasetName(what, dataset);
    const { onConflict = 'error', ...rest } = options;
    checkQueryOptions(what, rest);
    checkOnConflict(what, options, 'QUERY_INVALID');
    const batch = encodeRows(rows, what);
    return writeResultOf(await this.#call({ op: 'append', dataset, batch, onConflict }, { what, ...rest, transfer: [batch.buffer] }));
  }

  async aggregate<T = Row>(query: AggregateQuery, options: QueryOptions = {}): Promise<Result<T>> {
    const what = 'aggregate()';
    checkPlainData(query, 'query', 'QUERY_INVALID');
    checkQueryOptions(what, options);
    return resultOf(await this.#call({ op: 'aggregate', query }, { what, ...options, abandonable: true }));
  }

  async records<T = Row>(query: RecordsQuery, options: QueryOptions = {}): Promise<Page<T>> {
    const what = 'records()';
    checkPlainData(query, 'query', 'QUERY_INVALID');
    checkQueryOptions(what, options);
    return resultOf(await this.#call({ op: 'records', query }, { what, ...options, abandonable: true }));
  }

  async explain(query: string | AggregateQuery | RecordsQuery, params?: Params): Promise<Plan> {
    const what = 'explain()';
    if (typeof query === 'string') checkSql(what, query);
    else checkPlainData(query, 'query', 'QUERY_INVALID');
    const answer = await this.#call({ op: 'explain', target: query, params: checkParams(what, params) }, { what });
    if (answer.type !== 'plan') throw unexpected(answer);
    return answer.plan;
  }

  async define(dataset: Dataset): Promise<void> {
    checkPlainData(dataset, 'dataset', 'CONFIG_INVALID');
    // An index over many rows takes its time, and half of one is of no use.
    const answer = await this.#call({ op: 'define', dataset }, { what: 'define()', timeoutMs: Number.POSITIVE_INFINITY });
    if (answer.type !== 'defined') throw unexpected(answer);
  }

  async importFile(source: ImportSource, options: ImportOptions): Promise<ImportReport> {
    checkImportOptions(options);
    const { signal, onProgress, encoding, ...rest } = options;
    checkPlainData(rest, 'options', 'INPUT_INVALID');
    throwIfGivenUp('importFile()', signal);
    const { message, totalBytes, transfer, feed } = prepareSource(source);
    try {
      const answer = await this.#call(
        { op: 'import', options: rest satisfies EngineImportOptions, encoding, source: message, totalBytes },
        { what: 'importFile()', timeoutMs: Number.POSITIVE_INFINITY, signal, transfer, feed, onProgress: onProgress && guarded(onProgress) },
      );
      if (answer.type !== 'report') throw unexpected(answer);
      return answer.report;
    } finally {
      feed?.stop('The import is over.');
    }
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // A session that cannot be had any more has nothing to close.
    const session = await this.#session?.catch(() => undefined);
    if (session === undefined) return;
    try {
      await session.call({ op: 'close' }, { what: 'close()', timeoutMs: Number.POSITIVE_INFINITY });
    } catch (error) {
      // An engine that stopped before it came to closing has let go of the files as well.
      if (!(error instanceof LotwiseError && error.code === 'WORKER_LOST')) throw error;
    } finally {
      session.end();
    }
  }

  async #call(operation: Operation, settings: CallSettings): Promise<Answer> {
    const { what, signal } = settings;
    if (this.#closing !== undefined) throw new LotwiseError('CLOSED', `${what}: database '${this.name}' is closed.`);
    throwIfGivenUp(what, signal);
    const session = await (this.#session ??= this.#replace());
    throwIfGivenUp(what, signal);
    const answer = await session.call(operation, settings);
    this.#lostInARow = 0;
    return answer;
  }

  /** A session in place of the one that was lost. A failure is the next caller's to try again. */
  #replace(): Promise<Session> {
    if (this.#lostInARow >= LOST_MAX) {
      return Promise.reject(new LotwiseError('INTERNAL', `The engine stopped ${LOST_MAX} times in a row and is not started again. close() this database and open it anew.`));
    }
    const session = this.#openSession(() => this.lost());
    session.catch(() => { this.#session = undefined; });
    return session;
  }

  /** Told by the session that its engine is gone. */
  lost(): void {
    this.#lostInARow += 1;
    this.#session = undefined;
  }
}

function resultOf<T>(answer: Answer): BatchResult<T> {
  if (answer.type !== 'reply') throw unexpected(answer);
  const { batch, meta, elapsedMs, queuedMs, next } = answer;
  return new BatchResult<T>(
    batch,
    { route: meta.route, cache: 'bypass', ageMs: 0, elapsedMs, queuedMs, partitions: ['live'], dataVersion: meta.dataVersion },
    next,
  );
}

function writeResultOf(answer: Answer): WriteResult {
  if (answer.type !== 'write') throw unexpected(answer);
  const { changes, lastInsertRowid, dataVersion, elapsedMs } = answer;
  return { changes, lastInsertRowid, dataVersion, elapsedMs };
}

function unexpected(answer: Answer): LotwiseError {
  return new LotwiseError('INTERNAL', `The engine gave an answer of type '${answer.type}' to another question.`);
}

function checkDatasetName(what: string, dataset: unknown): void {
  if (typeof dataset !== 'string') throw new LotwiseError('QUERY_INVALID', `${what}: dataset has to be the name of a dataset.`);
  checkPlainData(dataset, `${what}: dataset`, 'QUERY_INVALID');
}

function throwIfGivenUp(what: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(what, signal.reason);
}

/** A listener that throws is its owner's affair and must not cost the import. */
function guarded<T>(listener: (value: T) => void): (value: T) => void {
  return (value) => {
    try {
      listener(value);
    } catch (error) {
      queueMicrotask(() => { throw error; });
    }
  };
}
