/**
 * The engine's side of a database: takes messages, runs one call at a time in the order of arrival,
 * answers each exactly once.
 *
 * Knows no transport: a worker or the same thread, that is the host's business, as are the files' lock
 * and the loading of the wasm module.
 */
import type { CallOptions, Engine, EngineClass } from './engine.ts';
import { LotwiseError, cancelled, fieldsOfError, textOf } from './errors.ts';
import { ChunkQueue, runImport } from './import-run.ts';
import { PROTOCOL_VERSION, type Answer, type CallMessage, type FromEngine, type OpenMessage, type ToEngine } from './protocol.ts';

/** A call that held the engine for so long may have kept messages waiting. */
const PAUSE_AFTER_MS = 1;

/** What a processor needs of the place where it runs. */
export interface Host {
  post(message: FromEngine, transfer: ArrayBuffer[]): void;
  /** The wasm module, loaded and ready. */
  load(wasmUrl: string | undefined): Promise<EngineClass>;
  /** Makes sure that nobody else has the files, until the function that comes back is called. */
  own(name: string): Promise<() => Promise<void>>;
  /** Lets messages in that arrived during a call, a cancellation among them. */
  pause(): Promise<void>;
}

/** A call that waits or runs. */
interface Call extends CallMessage {
  startedAt: number;
  /** Fires when the caller gives up. */
  cancel: AbortController;
  timer: ReturnType<typeof setTimeout> | undefined;
  chunks: ChunkQueue;
}

export class Processor {
  readonly #host: Host;
  #engine: Engine | undefined;
  #release: (() => Promise<void>) | undefined;
  /** Calls in order of arrival; the first one may be running. */
  readonly #calls = new Map<number, Call>();
  #running: Call | undefined;
  #draining = false;
  /** After a panic nothing is run any more: the state of the instance is unknown. */
  #broken = false;
  #abandoned = false;

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
    this.#forgetCalls();
    if (!this.#broken) this.#engine?.close();
    this.#engine = undefined;
  }

  /** Reports what nobody caught: a panic inside a promise of the engine, a fault of this code. */
  fault(error: unknown): void {
    this.#panic(this.#running?.id, error);
  }

  async #open({ name, storage, datasets, wasmUrl }: OpenMessage): Promise<void> {
    try {
      const loading = this.#host.load(wasmUrl);
      loading.catch(() => {}); // looked at below, when the lock is ours
      if (storage === 'opfs') this.#release = await this.#host.own(name);
      const engineClass = await loading;
      this.#engine = await engineClass.open({ name, storage, datasets });
      if (this.#abandoned) return this.abandon();
      this.#host.post({ kind: 'opened', capabilities: this.#engine.capabilities(), now: performance.now() }, []);
    } catch (error) {
      await this.#release?.();
      this.#fail(undefined, error);
    }
  }

  #enqueue(message: CallMessage): void {
    const call: Call = { ...message, startedAt: 0, cancel: new AbortController(), timer: undefined, chunks: new ChunkQueue() };
    if (call.timeoutMs !== undefined) call.timer = setTimeout(() => this.#expire(call), Math.max(0, this.#remainingMs(call)));
    this.#calls.set(call.id, call);
    void this.#drain();
  }

  /** A call that still waits is dropped; one that runs is told, and sees to it where it can. */
  #cancel(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    call.cancel.abort();
    if (call !== this.#running) this.#reject(call, cancelled('The call'));
  }

  /** Its time was up before its turn came: an import may hold the engine for long. */
  #expire(call: Call): void {
    if (call !== this.#running) this.#reject(call, expired(call));
  }

  async #drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    for (let [call] = this.#calls.values(); call !== undefined && !this.#broken; [call] = this.#calls.values()) {
      await this.#run(call);
      // Where calls wait, or this one took its time, the host may deliver what came in meanwhile, a
      // cancellation of a call that waits among that. A pause costs 0.1 ms, as much as a look-up: a lone
      // short call does without.
      const took = performance.now() - call.startedAt;
      if (this.#calls.size > 0 || took >= PAUSE_AFTER_MS) await this.#host.pause();
    }
    this.#draining = false;
  }

  async #run(call: Call): Promise<void> {
    clearTimeout(call.timer);
    call.startedAt = performance.now();
    this.#running = call;
    try {
      if (this.#remainingMs(call) <= 0) throw expired(call);
      this.#resolve(call, await this.#perform(call));
    } catch (error) {
      this.#reject(call, error);
    } finally {
      this.#running = undefined;
    }
  }

  async #perform(call: Call): Promise<Answer> {
    const engine = this.#engine;
    if (engine === undefined) throw new LotwiseError('CLOSED', 'The database is closed.');
    const { operation } = call;
    const options: CallOptions = { timeoutMs: Math.ceil(this.#remainingMs(call)) };
    switch (operation.op) {
      case 'query': return this.#reply(call, engine.query(operation.sql, operation.params, options));
      case 'aggregate': return this.#reply(call, engine.aggregate(operation.query, options));
      case 'records': return this.#reply(call, engine.records(operation.query, options));
      case 'execute': return this.#written(call, engine.execute(operation.sql, operation.params, options));
      case 'executeMany': return this.#written(call, engine.executeMany(operation.sql, operation.batch, operation.named, options));
      case 'append':
        return this.#written(call, engine.append(operation.dataset, operation.batch, { ...options, onConflict: operation.onConflict }));
      case 'explain': return { type: 'plan', plan: engine.explain(operation.target, operation.params) };
      case 'define':
        engine.define(operation.dataset);
        return { type: 'defined' };
      case 'import': {
        const { id, sentAt, chunks, cancel: { signal } } = call;
        const report = await runImport(engine, operation, {
          chunks, signal, sentAt,
          pause: () => this.#host.pause(),
          pull: () => this.#host.post({ kind: 'pull', id }, []),
          progress: (progress) => this.#host.post({ kind: 'progress', id, progress }, []),
        });
        return { type: 'report', report };
      }
      case 'close':
        engine.close();
        this.#engine = undefined;
        // Only now may somebody else have the files.
        await this.#release?.();
        return { type: 'closed' };
    }
  }

  #reply(call: Call, reply: ReturnType<Engine['query']>): Answer {
    return { ...reply, type: 'reply', elapsedMs: elapsedMs(call), queuedMs: Math.max(0, call.startedAt - call.sentAt) };
  }

  #written(call: Call, reply: ReturnType<Engine['execute']>): Answer {
    return { ...reply, type: 'write', elapsedMs: elapsedMs(call) };
  }

  #resolve(call: Call, answer: Answer): void {
    const transfer = answer.type === 'reply' ? [answer.batch.buffer] : [];
    this.#host.post({ kind: 'done', id: call.id, answer, now: performance.now() }, transfer);
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
  }

  #remainingMs({ sentAt, timeoutMs }: CallMessage): number {
    return timeoutMs === undefined ? Number.POSITIVE_INFINITY : sentAt + timeoutMs - performance.now();
  }
}

function elapsedMs(call: CallMessage): number {
  return Math.max(0, performance.now() - call.sentAt);
}

function expired({ timeoutMs }: CallMessage): LotwiseError {
  return new LotwiseError('TIMEOUT', `The call waited ${timeoutMs} ms for others before it, its whole timeoutMs, and was not run.`, { retryable: true });
}
