/**
 * A transaction as its callback sees it, and what runs the callback: committed when it resolves, rolled back
 * when it does not.
 *
 * Invariants:
 * 1. A transaction lives in one engine; when that is lost, it is too.
 * 2. While a nested transaction is open, calls of the outer one are refused: they would be undone with it.
 * 3. After its end every call is refused.
 */
import { Caller, throwIfGivenUp, unexpected, type Send } from './caller.ts';
import { checkWriteOptions } from './check.ts';
import { LotwiseError, cancelled } from './errors.ts';
import type { Answer, Operation, WriteSettings } from './protocol.ts';
import type { CallSettings } from './session.ts';
import type { Transaction, WriteOptions } from './types.ts';

const WHAT = 'transaction()';

type Work<T> = (tx: Transaction) => Promise<T>;

/** Runs a callback in a transaction of its own. */
export async function runTransaction<T>(send: Send, work: Work<T>, options: WriteOptions): Promise<T> {
  checkWork(work, options);
  const { idempotencyKey, durability, signal, timeoutMs } = options;
  const begun = await send({ op: 'begin', idempotencyKey, durability }, { what: WHAT, signal, timeoutMs });
  if (begun.type !== 'begun') throw unexpected(begun);
  if (begun.repeated !== undefined) return resultFrom(begun.repeated) as T;
  const inside: Send = (operation, settings) => send(operation, { ...settings, transaction: begun.transaction });
  const tx = new OpenTransaction(inside);
  const rollback = async (): Promise<void> => {
    tx.end();
    // Gone with its engine, or ended for its silence: rolled back either way.
    await inside({ op: 'rollback' }, { what: WHAT, timeoutMs: Number.POSITIVE_INFINITY }).catch(() => {});
  };
  try {
    const value = await orGivenUp(work(tx), options);
    const result = idempotencyKey === undefined ? '' : resultText(value);
    tx.end();
    await inside({ op: 'commit', result }, { what: WHAT, timeoutMs: Number.POSITIVE_INFINITY });
    return value;
  } catch (error) {
    await rollback();
    throw error;
  }
}

class OpenTransaction extends Caller implements Transaction {
  readonly #send: Send;
  #state: 'open' | 'nested' | 'ended' = 'open';

  constructor(send: Send) {
    super();
    this.#send = send;
  }

  async transaction<T>(work: Work<T>, options: WriteOptions = {}): Promise<T> {
    checkWork(work, options);
    refuseInside(options);
    this.#check(WHAT);
    this.#state = 'nested';
    const nested = new OpenTransaction(this.#send);
    const end = (keep: boolean): Promise<Answer> => {
      nested.end();
      return this.#send({ op: 'endSavepoint', keep }, { what: WHAT, timeoutMs: Number.POSITIVE_INFINITY });
    };
    try {
      await this.#send({ op: 'savepoint' }, { what: WHAT });
      try {
        const value = await orGivenUp(work(nested), options);
        await end(true);
        return value;
      } catch (error) {
        // Where the whole transaction has ended there is no savepoint to undo.
        await end(false).catch(() => {});
        throw error;
      }
    } finally {
      if (this.#state === 'nested') this.#state = 'open';
    }
  }

  /** No call is taken any more. */
  end(): void {
    this.#state = 'ended';
  }

  protected async send(operation: Operation, settings: CallSettings): Promise<Answer> {
    refuseInside(operation as WriteSettings);
    this.#check(settings.what);
    return this.#send(operation, settings);
  }

  protected pin(what: string): Promise<Send> {
    this.#check(what);
    return Promise.resolve(this.#send);
  }

  #check(what: string): void {
    if (this.#state === 'ended') throw new LotwiseError('CLOSED', `${what}: the transaction has ended.`);
    if (this.#state === 'nested') {
      throw new LotwiseError('QUERY_INVALID', `${what}: a nested transaction is open; call its own parameter, or wait until it has ended.`);
    }
  }
}

function checkWork(work: unknown, options: WriteOptions): void {
  if (typeof work !== 'function') throw new LotwiseError('QUERY_INVALID', `${WHAT}: the first argument has to be a function that takes the transaction.`);
  checkWriteOptions(WHAT, options);
  throwIfGivenUp(WHAT, options.signal);
}

/** The callback may wait for something else than the database; its signal and its time limit hold there too. */
function orGivenUp<T>(work: Promise<T>, { signal, timeoutMs }: WriteOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled(WHAT, signal?.reason));
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
      reject(new LotwiseError('TIMEOUT', `${WHAT}: the callback did not end within ${timeoutMs} ms, and the transaction was rolled back.`, { details: { timeoutMs } }));
    }, timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    Promise.resolve(work).then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    });
  });
}

/** What belongs to the transaction as a whole. */
function refuseInside({ idempotencyKey, durability }: WriteSettings): void {
  const given = idempotencyKey !== undefined ? 'idempotencyKey' : durability !== undefined ? 'durability' : undefined;
  if (given !== undefined) throw new LotwiseError('QUERY_INVALID', `${given}: inside a transaction it is the whole of it that is repeated, or durable; give it to transaction().`);
}

/** What a repetition will be told, as text. */
function resultText(value: unknown): string {
  try {
    return value === undefined ? '' : JSON.stringify(value) ?? '';
  } catch (error) {
    throw new LotwiseError('INPUT_INVALID', `${WHAT}: with an idempotencyKey the callback has to return what JSON can hold: ${String(error)}`);
  }
}

function resultFrom(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text);
}
