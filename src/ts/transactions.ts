/**
 * The transaction that holds the writer, on the engine's side: which one it is, and what happens when its
 * caller falls silent. Knows no SQL.
 */
import { LotwiseError } from './errors.ts';

/**
 * A write outside that has waited for so long behind a transaction which made no call meanwhile is refused.
 * Most likely it is made inside the callback of that very transaction, and they would wait for each other.
 */
const STALLED_MS = 1_000;

/** How often silence is looked at. */
const WATCH_MS = 250;

/** Ended ones whose reason is kept, for calls that come too late. */
const ENDED_MAX = 32;

/** What is done about silence. */
export interface Silence {
  /** A transaction without a call for so long is rolled back. */
  idleMs(): number;
  rollback(id: number): void;
  /** Refuses writes that have waited since then. */
  refuseWaiting(since: number, error: LotwiseError): void;
}

export class Transactions {
  readonly #silence: Silence;
  readonly #ended = new Map<number, LotwiseError>();
  #open: { id: number; lastUsedAt: number; watch: ReturnType<typeof setInterval> } | undefined;

  constructor(silence: Silence) {
    this.#silence = silence;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  began(id: number): void {
    this.#open = { id, lastUsedAt: performance.now(), watch: setInterval(() => this.#watch(), WATCH_MS) };
  }

  /** A call inside it is to run; throws why it cannot. */
  check(id: number): void {
    if (this.#open?.id !== id) throw this.#ended.get(id) ?? new LotwiseError('CLOSED', 'The transaction has ended.');
  }

  /** A call inside it has run. */
  used(): void {
    if (this.#open !== undefined) this.#open.lastUsedAt = performance.now();
  }

  /** It was committed or rolled back; with a reason where its caller did not ask for that. */
  ended(reason?: LotwiseError): void {
    if (this.#open === undefined) return;
    clearInterval(this.#open.watch);
    if (reason !== undefined) {
      this.#ended.set(this.#open.id, reason);
      const [oldest] = this.#ended.keys();
      if (this.#ended.size > ENDED_MAX && oldest !== undefined) this.#ended.delete(oldest);
    }
    this.#open = undefined;
  }

  #watch(): void {
    if (this.#open === undefined) return;
    const { id, lastUsedAt } = this.#open;
    const now = performance.now();
    const transactionIdleMs = this.#silence.idleMs();
    if (now - lastUsedAt >= transactionIdleMs) {
      this.ended(new LotwiseError(
        'TIMEOUT',
        `The transaction made no call for ${transactionIdleMs} ms, the limit in query.transactionIdleMs, and was rolled back. Fetch what it needs before it begins.`,
        { retryable: true, details: { transactionIdleMs } },
      ));
      this.#silence.rollback(id);
    } else if (now - lastUsedAt >= STALLED_MS) {
      this.#silence.refuseWaiting(now - STALLED_MS, new LotwiseError(
        'DATABASE_BUSY',
        `The write waited ${STALLED_MS} ms for a transaction that made no call meanwhile. Inside the callback of transaction() write through its parameter, not through the database; elsewhere try again.`,
        { retryable: true },
      ));
    }
  }
}
