/** Streams that are open on the engine's side, by the call that opened them. Knows no SQL. */
import type { CallOptions, EngineStream } from './engine.ts';
import { LotwiseError } from './errors.ts';

/** Each has a connection of its own, with its page cache. */
const STREAMS_MAX = 16;

export class Streams {
  readonly #open = new Map<number, { stream: EngineStream; transaction: number | undefined }>();

  open(id: number, transaction: number | undefined, start: () => EngineStream): void {
    if (this.#open.size >= STREAMS_MAX) {
      throw new LotwiseError('LIMIT_EXCEEDED', `${STREAMS_MAX} streams and exports are open already; leave the loop of one, or cancel one that is not read any more.`, { retryable: true });
    }
    this.#open.set(id, { stream: start(), transaction });
  }

  next(id: number, rows: number, options: CallOptions): ReturnType<EngineStream['next']> {
    const open = this.#open.get(id);
    if (open === undefined) throw new LotwiseError('CLOSED', 'The stream has ended: it was closed, or its transaction was.');
    return open.stream.next(rows, options);
  }

  /** Frees its statement; nothing where it has ended. */
  close(id: number): void {
    const open = this.#open.get(id);
    this.#open.delete(id);
    open?.stream.close();
    open?.stream.free();
  }

  closeThose(isOne: (transaction: number | undefined) => boolean): void {
    for (const [id, { transaction }] of [...this.#open]) if (isOne(transaction)) this.close(id);
  }

  closeAll(): void {
    this.closeThose(() => true);
  }
}
