/**
 * The database object: calls go to the one session there is, and an engine that was lost is replaced at the
 * next call.
 *
 * Invariants:
 * 1. There is at most one session, and none is opened after `close()`.
 * 2. `close()` resolves after the lock of the files is free.
 */
import { rowsOf } from './batch/decode.ts';
import { Caller, throwIfGivenUp, unexpected, type Send } from './caller.ts';
import { checkExportOptions, checkImportOptions, checkInspectOptions, checkParams, checkPlainData, checkSql } from './check.ts';
import type { ConfigPatch } from './config.ts';
import type { EngineImportOptions } from './engine.ts';
import { LotwiseError } from './errors.ts';
import { encoderFor } from './export/encoder.ts';
import { fileOf } from './export/file.ts';
import type { Answer, Opened, Operation } from './protocol.ts';
import type { CallSettings, Session } from './session.ts';
import { prepareLook, prepareSource } from './source.ts';
import { runTransaction } from './transaction.ts';
import type {
  AggregateQuery, Capabilities, Config, Database, Dataset, DeepPartial, ExportOptions, ImportOptions, ImportReport, ImportSource, InspectOptions,
  Inspection, Params, Plan, RecordsQuery, Stats, Transaction, WriteOptions,
} from './types.ts';

/** Engines lost one after the other without a call that succeeded; then the database gives up. */
const LOST_MAX = 3;

/** Rows of a batch of an export: enough for Arrow's readers, and soon made. */
const EXPORT_ROWS = 10_000;

/** For one batch. The first may have to wait for a sort of everything; a statement that never ends has to end all the same. */
const EXPORT_BATCH_MS_MAX = 600_000;

// A well-known symbol in new browsers, this one elsewhere: what compilers of `await using` fall back to as well.
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/** What opens one session more; `onLost` is told when it dies, `given` is what was configured, as opened if undefined. */
export type OpenSession = (onLost: () => void, given: ConfigPatch | undefined) => Promise<Session>;

export class EngineDatabase extends Caller implements Database {
  readonly name: string;
  #capabilities: Capabilities;
  /** What was configured since opening; undefined while nothing was. */
  #given: ConfigPatch | undefined;
  readonly #openSession: OpenSession;
  /** Undefined after a loss, until the next call. */
  #session: Promise<Session> | undefined;
  #lostInARow = 0;
  /** Those that are open. */
  readonly #transactions = new Set<Promise<void>>();
  /** The callback of a transaction is on the stack: what is called now is called inside it, for sure. */
  #entered = 0;
  #closing: Promise<void> | undefined;

  constructor(name: string, capabilities: Capabilities, session: Session, openSession: OpenSession) {
    super();
    this.name = name;
    this.#capabilities = capabilities;
    this.#session = Promise.resolve(session);
    this.#openSession = openSession;
  }

  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  transaction<T>(work: (tx: Transaction) => Promise<T>, options: WriteOptions = {}): Promise<T> {
    if (this.#entered > 0) return Promise.reject(insideCallback('transaction()'));
    const entered = (tx: Transaction): Promise<T> => {
      this.#entered += 1;
      try {
        return work(tx);
      } finally {
        this.#entered -= 1;
      }
    };
    const run = typeof work === 'function' ? entered : work;
    const transaction = this.pin('transaction()').then((send) => runTransaction(send, run, options));
    // Closing waits for it, however it ends.
    const ended = transaction.then(() => {}, () => {});
    this.#transactions.add(ended);
    void ended.then(() => this.#transactions.delete(ended));
    return transaction;
  }

  async explain(query: string | AggregateQuery | RecordsQuery, params?: Params): Promise<Plan> {
    const what = 'explain()';
    if (typeof query === 'string') checkSql(what, query);
    else checkPlainData(query, 'query', 'QUERY_INVALID');
    const answer = await this.send({ op: 'explain', target: query, params: checkParams(what, params) }, { what });
    if (answer.type !== 'plan') throw unexpected(answer);
    return answer.plan;
  }

  async define(dataset: Dataset): Promise<void> {
    checkPlainData(dataset, 'dataset', 'CONFIG_INVALID');
    // An index over many rows takes its time, and half of one is of no use.
    const answer = await this.send({ op: 'define', dataset }, { what: 'define()', timeoutMs: Number.POSITIVE_INFINITY });
    if (answer.type !== 'ended') throw unexpected(answer);
  }

  async importFile(source: ImportSource, options: ImportOptions): Promise<ImportReport> {
    const what = 'importFile()';
    checkImportOptions(options);
    const { signal, onProgress, encoding, ...rest } = options;
    checkPlainData(rest, 'options', 'INPUT_INVALID');
    throwIfGivenUp(what, signal);
    const { message, totalBytes, transfer, feed } = prepareSource(what, source);
    try {
      const answer = await this.send(
        { op: 'import', options: rest satisfies EngineImportOptions, encoding: encodingOfSource(source, encoding), source: message, totalBytes },
        { what, timeoutMs: Number.POSITIVE_INFINITY, signal, transfer, feed, onProgress },
      );
      if (answer.type !== 'report') throw unexpected(answer);
      return answer.report;
    } finally {
      feed?.stop('The import is over.');
    }
  }

  async stats(): Promise<Stats> {
    const answer = await this.send({ op: 'stats' }, { what: 'stats()' });
    if (answer.type !== 'stats') throw unexpected(answer);
    return answer.stats;
  }

  async config(): Promise<Config> {
    return (await this.#configured({ op: 'config' }, 'config()')).config;
  }

  async configure(patch: DeepPartial<Config>): Promise<Config> {
    const what = 'configure()';
    checkPlainData(patch, 'patch', 'CONFIG_INVALID');
    if (typeof patch !== 'object' || patch === null) throw new LotwiseError('CONFIG_INVALID', `${what}: the patch has to be an object.`);
    const { config, capabilities, given } = await this.#configured({ op: 'configure', patch }, what);
    this.#given = given;
    this.#capabilities = { ...this.#capabilities, ...capabilities };
    return config;
  }

  async #configured(operation: Operation, what: string): Promise<Opened & { given: ConfigPatch }> {
    const answer = await this.send(operation, { what });
    if (answer.type !== 'config') throw unexpected(answer);
    return answer;
  }

  async inspectFile(source: ImportSource, options: InspectOptions = {}): Promise<Inspection> {
    const what = 'inspectFile()';
    checkInspectOptions(options);
    const { signal, encoding, ...rest } = options;
    checkPlainData(rest, 'options', 'INPUT_INVALID');
    throwIfGivenUp(what, signal);
    const { prepared: { message, transfer, feed }, isCut } = prepareLook(what, source);
    const name = source instanceof File ? source.name.replace(/\.[^.]*$/, '') : '';
    try {
      const answer = await this.send(
        { op: 'inspect', options: { ...rest, dataset: name }, encoding: encodingOfSource(source, encoding), source: message, isCut },
        { what, timeoutMs: Number.POSITIVE_INFINITY, signal, transfer, feed },
      );
      if (answer.type !== 'inspection') throw unexpected(answer);
      const { dataset, detected, tables, batch } = answer;
      const sample = rowsOf(batch);
      return { dataset: JSON.parse(dataset) as Dataset, detected, sample, ...(tables === undefined ? {} : { tables }) };
    } finally {
      feed?.stop('The inspection is over.');
    }
  }

  async exportFile(options: ExportOptions): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const what = 'exportFile()';
    checkExportOptions(what, options);
    const { format, query, formulas, signal } = options;
    throwIfGivenUp(what, signal);
    const isSql = query !== undefined && 'sql' in query;
    const open: Operation = {
      op: 'exportOpen', asFile: format === 'sqlite', target: isSql ? query.sql : query, params: isSql ? checkParams(what, query.params) : undefined,
    };
    const batches = this.replies(open, EXPORT_ROWS, { what, signal, timeoutMs: EXPORT_BATCH_MS_MAX });
    return fileOf(batches, encoderFor(format, formulas), signal);
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.all(this.#transactions);
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

  protected async send(operation: Operation, settings: CallSettings): Promise<Answer> {
    throwIfGivenUp(settings.what, settings.signal);
    if (this.#entered > 0 && mayWrite(operation, settings)) throw insideCallback(settings.what);
    const send = await this.pin(settings.what);
    throwIfGivenUp(settings.what, settings.signal);
    return send(operation, settings);
  }

  protected async pin(what: string): Promise<Send> {
    const closed = (): LotwiseError => new LotwiseError('CLOSED', `${what}: database '${this.name}' is closed.`);
    if (this.#closing !== undefined) throw closed();
    const session = await (this.#session ??= this.#replace());
    return async (operation, settings) => {
      try {
        const answer = await session.call(operation, settings);
        this.#lostInARow = 0;
        return answer;
      } catch (error) {
        // A stream that goes on after close() finds its engine gone, and that is why.
        throw this.#closing !== undefined && error instanceof LotwiseError && error.code === 'WORKER_LOST' ? closed() : error;
      }
    };
  }

  /** A session in place of the one that was lost. A failure is the next caller's to try again. */
  #replace(): Promise<Session> {
    if (this.#lostInARow >= LOST_MAX) {
      return Promise.reject(new LotwiseError('INTERNAL', `The engine stopped ${LOST_MAX} times in a row and is not started again. close() this database and open it anew.`));
    }
    const session = this.#openSession(() => this.lost(), this.#given);
    session.catch(() => { this.#session = undefined; });
    return session;
  }

  /** Told by the session that its engine is gone. */
  lost(): void {
    this.#lostInARow += 1;
    this.#session = undefined;
  }
}

function mayWrite({ op }: Operation, { abandonable }: CallSettings): boolean {
  return op === 'import' || op === 'define' || op === 'execute' || op === 'executeMany' || op === 'append' || (op === 'query' && abandonable !== true);
}

function insideCallback(what: string): LotwiseError {
  return new LotwiseError('DATABASE_BUSY', `${what}: made inside the callback of transaction(), it would wait for that very transaction. Write through the callback's parameter.`);
}

/** Text that is a string by now has no encoding any more. */
function encodingOfSource(source: ImportSource, encoding: string | undefined): string | undefined {
  return typeof source === 'string' ? 'utf-8' : encoding;
}
