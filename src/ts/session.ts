/**
 * One life of an engine, seen from the calling side: opened once, answering calls until it is ended, closed
 * or lost.
 *
 * Every call is answered exactly once. Knows neither SQL nor what an operation means, nor whether the other
 * side is a worker.
 */
import { LotwiseError, cancelled, errorFromFields } from './errors.ts';
import {
  PROTOCOL_VERSION, type Answer, type FromEngine, type Opened, type OpenMessage, type Operation, type ToEngine,
} from './protocol.ts';
import type { Feed } from './source.ts';
import { giveUp } from './watch.ts';
import type { Config, Progress } from './types.ts';

/** What ends something and frees its place is never refused. */
const ENDING: ReadonlySet<Operation['op']> = new Set(['close', 'commit', 'rollback', 'endSavepoint', 'streamClose']);

/** For the script to load and say that it runs. */
const READY_MS_MAX = 30_000;

/** The way to an engine and its end. */
export interface Channel {
  post(message: ToEngine, transfer: ArrayBuffer[]): void;
  /** Ends the other side at once, without asking it. */
  end(): void;
}

/** What a channel reports. */
export interface Listener {
  message(message: FromEngine): void;
  /** The other side did not load, or died without a word. */
  failed(error: LotwiseError): void;
}

export type Connect = (listener: Listener) => Channel;

/** How a call is to be treated besides its operation. */
export interface CallSettings {
  what: string;
  transfer?: ArrayBuffer[];
  signal?: AbortSignal | undefined;
  /** Undefined: as configured. Infinity: none. */
  timeoutMs?: number | undefined;
  /** Whether a call that runs may be answered CANCELLED while the engine goes on with it: reads only. */
  abandonable?: boolean;
  /** The transaction that it belongs to. */
  transaction?: number;
  feed?: Feed | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

interface Pending {
  settings: CallSettings;
  /** Answers the caller, the first time; also takes back the listener on the signal. */
  settle(outcome: Answer | LotwiseError): void;
}

export class Session {
  readonly #channel: Channel;
  readonly #memory: boolean;
  readonly #givenUp: SharedArrayBuffer | undefined;
  /** In order of calling; the first is the one that the engine runs. */
  readonly #pending = new Map<number, Pending>();
  readonly #onLost: () => void;
  /** What is in force; there from the opening on, and no call comes before. */
  #config!: Config;
  #opening: { resolve(opened: Opened): void; reject(error: LotwiseError): void } | undefined;
  #readyTimer: ReturnType<typeof setTimeout> | undefined;
  #nextId = 1;
  #over = false;
  /** Our clock minus the engine's, at most: every message that comes in may only show that it is less. */
  #clockAhead = Number.POSITIVE_INFINITY;

  private constructor(connect: Connect, { storage, givenUp }: OpenMessage, onLost: () => void) {
    this.#memory = storage === 'memory';
    this.#givenUp = givenUp;
    this.#onLost = onLost;
    this.#channel = connect({
      message: (message) => this.#receive(message),
      failed: (error) => this.#lose(error),
    });
  }

  /** Opens an engine; whatever fails, nothing is left behind. `onLost` is told when it dies later. */
  static async open(
    connect: Connect, message: OpenMessage, signal: AbortSignal | undefined, onLost: () => void,
  ): Promise<{ session: Session; capabilities: Opened['capabilities'] }> {
    if (signal?.aborted) throw cancelled('open()', signal.reason);
    const session = new Session(connect, message, onLost);
    const giveUp = (): void => session.#opening?.reject(cancelled('open()', signal?.reason));
    try {
      const { capabilities, config } = await new Promise<Opened>((resolve, reject) => {
        session.#opening = { resolve, reject };
        session.#readyTimer = setTimeout(() => reject(new LotwiseError(
          'CONFIG_INVALID',
          `The worker script did not answer within ${READY_MS_MAX / 1000} s. Is workerUrl the address of the worker.js of this package?`,
        )), READY_MS_MAX);
        signal?.addEventListener('abort', giveUp, { once: true });
        session.#channel.post({ kind: 'open', ...message }, []);
      });
      session.#config = config;
      return { session, capabilities };
    } catch (error) {
      session.end();
      throw error;
    } finally {
      session.#opening = undefined;
      clearTimeout(session.#readyTimer);
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** Posts one operation; resolves with its answer. */
  call(operation: Operation, settings: CallSettings): Promise<Answer> {
    const { signal } = settings;
    if (this.#over) return Promise.reject(settings.transaction === undefined ? lostBefore(settings.what) : lostInside(settings.what));
    const { queueMax } = this.#config.query;
    if (this.#pending.size >= queueMax && !ENDING.has(operation.op)) {
      return Promise.reject(new LotwiseError(
        'LIMIT_EXCEEDED',
        `${settings.what}: ${queueMax} calls are waiting already, the limit in query.queueMax. Wait for some of them, or raise it with configure().`,
        { retryable: true, details: { queueMax } },
      ));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        giveUp(this.#givenUp, id);
        this.#channel.post({ kind: 'cancel', id }, []);
        if (settings.abandonable) settle(cancelled(settings.what, signal?.reason));
      };
      const settle = (outcome: Answer | LotwiseError): void => {
        signal?.removeEventListener('abort', onAbort);
        settings.feed?.stop(outcome);
        if (outcome instanceof LotwiseError) reject(outcome);
        else resolve(outcome);
      };
      this.#pending.set(id, { settings, settle });
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        this.#post(id, operation, settings);
      } catch (error) {
        this.#pending.delete(id);
        settle(new LotwiseError('INPUT_INVALID', `${settings.what}: the arguments cannot be passed to the engine: ${String(error)}`));
      }
    });
  }

  /** Ends the engine's side without asking it. */
  end(): void {
    this.#over = true;
    this.#channel.end();
  }

  #post(id: number, operation: Operation, { timeoutMs = this.#config.query.timeoutMs, transfer = [], transaction, onProgress }: CallSettings): void {
    const sentAt = performance.now() - this.#clockAhead;
    const limit = Number.isFinite(timeoutMs) ? timeoutMs : undefined;
    this.#channel.post({ kind: 'call', id, operation, sentAt, timeoutMs: limit, transaction, progress: onProgress !== undefined }, transfer);
  }

  #receive(message: FromEngine): void {
    if (this.#over) return;
    if ('now' in message) this.#clockAhead = Math.min(this.#clockAhead, performance.now() - message.now);
    switch (message.kind) {
      case 'ready': return this.#greeted(message.protocol);
      case 'opened': return this.#opening?.resolve(message);
      case 'done': return this.#settle(message.id, message.answer);
      case 'failed':
        if (message.id === undefined) return this.#opening?.reject(errorFromFields(message.error));
        return this.#settle(message.id, errorFromFields(message.error));
      case 'progress': return tell(this.#pending.get(message.id)?.settings.onProgress, message.progress);
      case 'pull': {
        const { id } = message;
        return this.#pending.get(id)?.settings.feed?.pull((chunk, transfer) => this.#channel.post({ kind: 'chunk', id, chunk }, transfer));
      }
      case 'panic': return this.#lose(stopped(message.text), message.id);
    }
  }

  #greeted(protocol: number): void {
    clearTimeout(this.#readyTimer);
    if (protocol === PROTOCOL_VERSION) return;
    this.#opening?.reject(new LotwiseError('CONFIG_INVALID', 'The worker script belongs to another version of lotwise. Serve the worker.js of this package as workerUrl.'));
  }

  #settle(id: number, outcome: Answer | LotwiseError): void {
    if (!(outcome instanceof LotwiseError) && outcome.type === 'config') this.#config = outcome.config;
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.settle(outcome);
  }

  /**
   * The engine is gone. The call that it was running gets the reason; those behind it had not begun, for
   * calls run one at a time and in order.
   */
  #lose(error: LotwiseError, culprit?: number): void {
    if (this.#over) return;
    this.end();
    if (this.#opening !== undefined) return this.#opening.reject(error);
    const calls = [...this.#pending];
    this.#pending.clear();
    const running = culprit ?? calls[0]?.[0];
    const gone = this.#memory ? ' The database was in memory only: its data is lost, and it begins empty again.' : '';
    for (const [id, { settings, settle }] of calls) {
      settle(id === running
        ? new LotwiseError(error.code, `${settings.what}: ${error.message}${gone}`, { details: error.details })
        : settings.transaction === undefined ? lostBefore(settings.what, gone) : lostInside(settings.what, gone));
    }
    this.#onLost();
  }
}

/** A listener that throws is its owner's affair and must not cost the call. */
function tell<T>(listener: ((value: T) => void) | undefined, value: T): void {
  try {
    listener?.(value);
  } catch (error) {
    queueMicrotask(() => { throw error; });
  }
}

function lostBefore(what: string, consequence = ''): LotwiseError {
  return new LotwiseError('WORKER_LOST', `${what}: the engine stopped before this call had begun; call again.${consequence}`, { retryable: true });
}

function lostInside(what: string, consequence = ''): LotwiseError {
  return new LotwiseError('WORKER_LOST', `${what}: the engine stopped, and the transaction was rolled back; run it again.${consequence}`, { retryable: true });
}

function stopped(text: string): LotwiseError {
  return new LotwiseError('INTERNAL', `The engine of lotwise stopped, which is a fault in it: ${text}`, { details: { panic: text } });
}
