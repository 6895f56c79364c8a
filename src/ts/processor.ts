/**
 * The engine's side of a database: takes messages, runs calls one at a time, answers each exactly once.
 *
 * Calls run in the order of arrival, but for those that have to wait: while a transaction or an import
 * holds the writer, other writes keep their turn and reads go on.
 *
 * Knows no transport: a worker or the same thread, that is the host's business, as are the files' lock
 * and the loading of the wasm module.
 */
import { Background } from './background.ts';
import { ChunkQueue, type SourceCall } from './chunks.ts';
import { patched, type ConfigPatch } from './config.ts';
import type { CallOptions, Engine, EngineClass } from './engine.ts';
import { LotwiseError, cancelled, fieldsOfError, textOf } from './errors.ts';
import { runImport } from './import-run.ts';
import { spoolInMemory, type Spool } from './foreign-file.ts';
import { runInspection } from './inspect-run.ts';
import {
  PROTOCOL_VERSION, type Answer, type CallMessage, type FromEngine, type Opened, type OpenMessage, type Operation, type ToEngine, type WriteSettings,
} from './protocol.ts';
import { Streams } from './streams.ts';
import { Transactions } from './transactions.ts';
import type { Config, Progress } from './types.ts';
import { watchOf } from './watch.ts';

/** A call that held the engine for so long may have kept messages waiting. */
const PAUSE_AFTER_MS = 1;

/** Among calls without end work beside them gets its turn after so many. */
const CALLS_PER_STEP = 16;

/** Operations that never write: nothing holds them up. */
const READS: ReadonlySet<Operation['op']> = new Set([
  'inspect', 'aggregate', 'records', 'explain', 'streamOpen', 'exportOpen', 'streamNext', 'streamClose', 'config', 'stats',
]);

/** What a processor needs of the place where it runs. */
export interface Host {
  post(message: FromEngine, transfer: ArrayBuffer[]): void;
  /** The wasm module, loaded and ready. */
  load(wasmUrl: string | undefined): Promise<EngineClass>;
  /** Makes sure that nobody else has the files, until the function that comes back is called. */
  own(name: string): Promise<() => Promise<void>>;
  /** Keeps a stream in a file beside those that it owns, until it is closed. */
  spool(name: string): Promise<Spool>;
  /** Lets messages in that arrived during a call, a cancellation among them. */
  pause(): Promise<void>;
}

/** A call that waits or runs. */
interface Call extends CallMessage {
  /** 0 while it waits. */
  startedAt: number;
  /** Fires when the caller gives up. */
  cancel: AbortController;
  timer: ReturnType<typeof setTimeout> | undefined;
  chunks: ChunkQueue;
  /** Of SQL text, once it had to be asked. */
  writes: boolean | undefined;
}

export class Processor {
  readonly #host: Host;
  #engine: Engine | undefined;
  #givenUp: Int32Array | undefined;
  #release: (() => Promise<void>) | undefined;
  /** Where a stream is kept that has to be whole. */
  #spool: () => Promise<Spool> = async () => spoolInMemory();
  /** Calls in order of arrival. */
  readonly #calls = new Map<number, Call>();
  readonly #streams = new Streams();
  readonly #transactions = new Transactions({
    idleMs: () => this.#config.query.transactionIdleMs,
    rollback: (id) => this.#rollback(id),
    refuseWaiting: (since, error) => this.#refuseWaiting(since, error),
  });
  readonly #background = new Background(() => void this.#drain());
  #running: Call | undefined;
  /** Runs between other calls and holds the writer. */
  #importing: Call | undefined;
  #draining = false;
  /** After a panic nothing is run any more: the state of the instance is unknown. */
  #broken = false;
  #abandoned = false;
  /** What is in force, from the opening on. */
  #config!: Config;
  /** All that was configured since opening. */
  #given: ConfigPatch = {};
  /** Runs while something is committed that may not be on storage. */
  #flushTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Says that the script has loaded. */
  greet(): void {
    this.#host.post({ kind: 'ready', protocol: PROTOCOL_VERSION, now: performance.now() }, []);
  }

  receive(message: ToEngine): void {
    switch (message.kind) {
      case 'open': void this.#open(message); break;
      case 'call': this.#enqueue(message); break;
      case 'cancel': this.#cancel(message.id); break;
      case 'chunk': this.#calls.get(message.id)?.chunks.give(message.chunk); break;
    }
  }

  /** The other side is gone: what is open is closed, now or when it has opened. */
  abandon(): void {
    this.#abandoned = true;
    clearTimeout(this.#flushTimer);
    this.#forgetCalls();
    if (!this.#broken) {
      this.#background.abort();
      this.#streams.closeAll();
      this.#engine?.close();
    }
    this.#engine = undefined;
  }

  /** Reports what nobody caught: a panic inside a promise of the engine, a fault of this code. */
  fault(error: unknown): void {
    this.#panic((this.#running ?? this.#importing)?.id, error);
  }

  async #open({ name, storage, datasets, config, wasmUrl, givenUp }: OpenMessage): Promise<void> {
    if (givenUp !== undefined) this.#givenUp = new Int32Array(givenUp);
    try {
      const loading = this.#host.load(wasmUrl);
      loading.catch(() => {}); // looked at below, when the lock is ours
      if (storage === 'opfs') {
        this.#release = await this.#host.own(name);
        this.#spool = () => this.#host.spool(name);
      }
      const engineClass = await loading;
      this.#engine = await engineClass.open({ name, storage, datasets, config });
      this.#given = config;
      if (this.#abandoned) return this.abandon();
      this.#host.post({ kind: 'opened', ...this.#describe(this.#engine), now: performance.now() }, []);
      void this.#drain();
    } catch (error) {
      await this.#release?.();
      this.#fail(undefined, error);
    }
  }

  #enqueue(message: CallMessage): void {
    const call: Call = { ...message, startedAt: 0, cancel: new AbortController(), timer: undefined, chunks: new ChunkQueue(), writes: undefined };
    if (call.timeoutMs !== undefined) call.timer = setTimeout(() => this.#expire(call), Math.max(0, this.#remainingMs(call)));
    this.#calls.set(call.id, call);
    void this.#drain();
  }

  /** A call that still waits is dropped; one that runs is told, and sees to it where it can. */
  #cancel(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    call.cancel.abort();
    if (call.startedAt === 0) this.#reject(call, cancelled('The call'));
  }

  /** Its time was up before its turn came: an import or a transaction may hold the writer for long. */
  #expire(call: Call): void {
    if (call.startedAt === 0) this.#reject(call, expired(call));
  }

  async #drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    for (let calls = 1; ; calls++) {
      const call = this.#next();
      const startedAt = performance.now();
      if (call !== undefined) await this.#run(call);
      // One that has begun its transaction keeps writes waiting.
      const isTurn = call === undefined || this.#background.holdsWriter || calls % CALLS_PER_STEP === 0;
      const stepped = isTurn && this.#step();
      if (call === undefined && !stepped) break;
      // Where calls wait, or this one took its time, the host may deliver what came in meanwhile, a
      // cancellation of a call that waits among that. A pause costs 0.1 ms, as much as a look-up: a lone
      // short call does without.
      const took = performance.now() - startedAt;
      if (stepped || this.#calls.size > 0 || took >= PAUSE_AFTER_MS) await this.#host.pause();
    }
    this.#draining = false;
  }

  /** Goes on with work beside calls; false where there is none, or it has to wait. */
  #step(): boolean {
    if (this.#engine === undefined || this.#broken) return false;
    try {
      return this.#background.step(this.#engine, this.#importing === undefined && !this.#transactions.isOpen);
    } catch (error) {
      this.#panic(undefined, error);
      return false;
    }
  }

  /** The first call whose turn it is. */
  #next(): Call | undefined {
    if (this.#broken) return undefined;
    for (const call of this.#calls.values()) {
      if (call.startedAt === 0 && this.#mayRun(call)) return call;
    }
    return undefined;
  }

  #mayRun(call: Call): boolean {
    const { operation, transaction } = call;
    if (transaction !== undefined || READS.has(operation.op)) return true;
    const held = this.#importing !== undefined || this.#transactions.isOpen;
    if (operation.op === 'close') return !held && this.#calls.keys().next().value === call.id;
    if (!held && !this.#background.holdsWriter) return true;
    if (operation.op !== 'query') return false;
    call.writes ??= this.#writes(operation.sql);
    return !call.writes;
  }

  #writes(sql: string): boolean {
    try {
      return this.#engine?.writes(sql) ?? false;
    } catch {
      // It runs at once, and says what is wrong with it.
      return false;
    }
  }

  async #run(call: Call): Promise<void> {
    clearTimeout(call.timer);
    call.startedAt = performance.now();
    // These two read their source between other calls.
    if (call.operation.op === 'import') return void this.#import(call, call.operation);
    if (call.operation.op === 'inspect') return void this.#inspect(call, call.operation);
    this.#running = call;
    try {
      if (this.#remainingMs(call) <= 0) throw expired(call);
      const answer = await this.#perform(call);
      this.#background.called(hasWritten(call.operation, answer));
      this.#resolve(call, answer);
    } catch (error) {
      this.#reject(call, error);
    } finally {
      this.#running = undefined;
      if (call.transaction !== undefined) this.#transactions.used();
      this.#flushSoon();
    }
  }

  /** After a relaxed write: within the configured time it has to be on storage. */
  #flushSoon(): void {
    if (this.#broken || this.#flushTimer !== undefined || !this.#engine?.unsynced()) return;
    // It comes between calls, but does not disturb a transaction that is open.
    this.#flushTimer = setTimeout(() => {
      this.#flushTimer = undefined;
      try {
        if (!this.#broken) this.#engine?.flush();
      } catch (error) {
        // Nobody waits for it. What is committed stays committed; storage may have room the next time.
        if (fieldsOfError(error) === undefined) return this.#panic(undefined, error);
      }
      this.#flushSoon();
    }, this.#config.ingest.groupCommitMs);
  }

  async #import(call: Call, operation: Operation & { op: 'import' }): Promise<void> {
    this.#importing = call;
    try {
      const { id, sentAt } = call;
      const report = await runImport(this.#needEngine(), operation, {
        ...this.#reading(call), sentAt,
        progress: (progress) => this.#host.post({ kind: 'progress', id, progress }, []),
      });
      this.#resolve(call, { type: 'report', report });
    } catch (error) {
      this.#reject(call, error);
    } finally {
      this.#importing = undefined;
      this.#background.lookForIndexes();
      this.#background.called(true);
      void this.#drain();
    }
  }

  async #inspect(call: Call, operation: Operation & { op: 'inspect' }): Promise<void> {
    try {
      this.#resolve(call, { type: 'inspection', ...await runInspection(this.#needEngine(), operation, this.#reading(call)) });
    } catch (error) {
      this.#reject(call, error);
    } finally {
      void this.#drain();
    }
  }

  #reading({ id, chunks, operation, cancel: { signal } }: Call): SourceCall {
    return {
      what: operation.op === 'import' ? 'The import' : 'The inspection', chunks, signal,
      spool: this.#spool, pause: () => this.#host.pause(), pull: () => this.#host.post({ kind: 'pull', id }, []),
    };
  }

  async #perform(call: Call): Promise<Answer> {
    const engine = this.#needEngine();
    const { operation, transaction } = call;
    const options = this.#options(call);
    if (transaction !== undefined) this.#transactions.check(transaction);
    switch (operation.op) {
      case 'query': return this.#reply(call, engine.query(operation.sql, operation.params, options));
      case 'aggregate': return this.#reply(call, engine.aggregate(operation.query, operation.route === undefined ? options : { ...options, route: operation.route }));
      case 'records': return this.#reply(call, engine.records(operation.query, options));
      case 'execute': return this.#written(call, engine.execute(operation.sql, operation.params, writing(options, operation)));
      case 'executeMany':
        return this.#written(call, engine.executeMany(operation.sql, operation.batch, operation.named, writing(options, operation)));
      case 'append': {
        const { onConflict } = operation;
        return this.#written(call, engine.append(operation.dataset, operation.batch, { ...writing(options, operation), onConflict }));
      }
      case 'explain': return { type: 'plan', plan: engine.explain(operation.target, operation.params) };
      case 'define':
        engine.define(operation.dataset);
        return { type: 'ended' };
      case 'begin': return this.#begin(engine, call, writing(options, operation));
      case 'savepoint':
        engine.savepoint();
        return { type: 'ended' };
      case 'endSavepoint':
        engine.endSavepoint(operation.keep);
        return { type: 'ended' };
      case 'commit': return this.#commit(engine, operation.result);
      case 'rollback':
        this.#rollback(transaction);
        return { type: 'ended' };
      case 'streamOpen':
        this.#streams.open(call.id, transaction, () => engine.openStream(operation.sql, operation.params, options));
        return { type: 'stream', stream: call.id };
      case 'exportOpen':
        this.#streams.open(call.id, undefined, () => engine.openExport(operation.target, operation.params, operation.asFile, options));
        return { type: 'stream', stream: call.id };
      case 'streamNext': {
        const { reply, more } = this.#streams.next(operation.stream, operation.rows ?? this.#config.query.batchRows, options);
        return { type: 'batch', more, reply: this.#reply(call, reply) };
      }
      case 'streamClose':
        this.#streams.close(operation.stream);
        return { type: 'ended' };
      case 'configure': {
        const given = patched(this.#given, operation.patch);
        engine.configure(given);
        this.#given = given;
        return { type: 'config', given, ...this.#describe(engine) };
      }
      case 'config': return { type: 'config', given: this.#given, ...this.#describe(engine) };
      case 'stats': return { type: 'stats', stats: { statements: engine.statements(), columnstore: engine.columnstore() } };
      case 'close':
        this.#background.abort();
        clearTimeout(this.#flushTimer);
        this.#streams.closeAll();
        engine.close();
        this.#engine = undefined;
        // Only now may somebody else have the files.
        await this.#release?.();
        return { type: 'ended' };
      case 'inspect':
      case 'import': throw new LotwiseError('INTERNAL', 'A call that reads a source was run as an ordinary one.');
    }
  }

  #describe(engine: Engine): Opened {
    this.#config = engine.config();
    return { capabilities: engine.capabilities(), config: this.#config };
  }

  #options(call: Call): CallOptions {
    const { id, transaction, progress } = call;
    const options: CallOptions = {};
    const remainingMs = Math.ceil(this.#remainingMs(call));
    if (Number.isFinite(remainingMs)) options.timeoutMs = remainingMs;
    if (transaction !== undefined) options.transaction = true;
    const report = progress === true ? (progress: Progress) => this.#host.post({ kind: 'progress', id, progress }, []) : undefined;
    const watch = watchOf(id, this.#givenUp, report);
    if (watch !== undefined) options.watch = watch;
    return options;
  }

  #needEngine(): Engine {
    if (this.#engine === undefined) throw new LotwiseError('CLOSED', 'The database is closed.');
    return this.#engine;
  }

  #begin(engine: Engine, call: Call, options: CallOptions): Answer {
    const repeated = engine.begin(options);
    if (repeated !== undefined) return { type: 'begun', transaction: call.id, repeated };
    this.#transactions.began(call.id);
    return { type: 'begun', transaction: call.id };
  }

  #commit(engine: Engine, result: string): Answer {
    this.#streams.closeThose((transaction) => transaction !== undefined);
    try {
      return { type: 'committed', dataVersion: engine.commit(result) };
    } finally {
      // A commit that failed was rolled back.
      this.#transactions.ended();
    }
  }

  #rollback(id: number | undefined): void {
    if (id === undefined || this.#broken) return;
    this.#streams.closeThose((transaction) => transaction === id);
    this.#engine?.rollback();
    this.#transactions.ended();
    void this.#drain();
  }

  /** Writes that a transaction has kept waiting since then. */
  #refuseWaiting(since: number, error: LotwiseError): void {
    for (const call of this.#calls.values()) {
      if (call.startedAt === 0 && call.sentAt <= since && !this.#mayRun(call) && call.operation.op !== 'close') this.#reject(call, error);
    }
  }

  #reply(call: Call, reply: ReturnType<Engine['query']>): Answer & { type: 'reply' } {
    return { ...reply, type: 'reply', elapsedMs: elapsedMs(call), queuedMs: Math.max(0, call.startedAt - call.sentAt) };
  }

  #written(call: Call, reply: ReturnType<Engine['execute']>): Answer {
    return { ...reply, type: 'write', elapsedMs: elapsedMs(call) };
  }

  #resolve(call: Call, answer: Answer): void {
    const batch = answer.type === 'reply' || answer.type === 'inspection' ? answer.batch : answer.type === 'batch' ? answer.reply.batch : undefined;
    this.#host.post({ kind: 'done', id: call.id, answer, now: performance.now() }, batch === undefined ? [] : [batch.buffer]);
    this.#calls.delete(call.id);
  }

  #reject(call: Call, error: unknown): void {
    clearTimeout(call.timer);
    this.#calls.delete(call.id);
    this.#fail(call.id, error);
  }

  #fail(id: number | undefined, error: unknown): void {
    const fields = fieldsOfError(error);
    if (fields === undefined) this.#panic(id, error);
    else this.#host.post({ kind: 'failed', id, error: fields }, []);
  }

  /** An error that is not one of the engine's own: a panic, or a mistake in this code. */
  #panic(id: number | undefined, error: unknown): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#forgetCalls();
    const scope = globalThis as { __lotwisePanic?: string };
    const text = scope.__lotwisePanic ?? textOf(error);
    delete scope.__lotwisePanic;
    this.#host.post({ kind: 'panic', id, text }, []);
  }

  /** Nobody waits for them any more: the other side answers its callers itself. */
  #forgetCalls(): void {
    for (const { timer } of this.#calls.values()) clearTimeout(timer);
    this.#calls.clear();
    this.#transactions.ended();
  }

  #remainingMs({ sentAt, timeoutMs }: CallMessage): number {
    return timeoutMs === undefined ? Number.POSITIVE_INFINITY : sentAt + timeoutMs - performance.now();
  }
}

function writing(options: CallOptions, { idempotencyKey, durability }: WriteSettings): CallOptions {
  return { ...options, ...(idempotencyKey !== undefined && { idempotencyKey }), ...(durability !== undefined && { durability }) };
}

/** Whether rows may have changed. */
function hasWritten({ op }: Operation, answer: Answer): boolean {
  return answer.type === 'reply' ? answer.meta.route === 'write' : !READS.has(op);
}

function elapsedMs(call: CallMessage): number {
  return Math.max(0, performance.now() - call.sentAt);
}

function expired({ timeoutMs }: CallMessage): LotwiseError {
  return new LotwiseError('TIMEOUT', `The call waited ${timeoutMs} ms for others before it, its whole timeoutMs, and was not run.`, { retryable: true });
}
