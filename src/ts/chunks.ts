/**
 * The bytes of a source on the engine's side: there already, or pulled from the calling side chunk by chunk.
 */
import { LotwiseError, cancelled, textOf } from './errors.ts';
import type { Chunk, SourceMessage } from './protocol.ts';

/** Read at once: larger reads are no faster, smaller ones cost more. */
const SLICE_BYTES = 4 * 1024 * 1024;

/** Chunks of a stream that may be on their way at a time. */
const CHUNKS_AHEAD = 8;

/** What the reading of a source needs of the call that it serves. */
export interface SourceCall {
  /** What is given up with it, for messages. */
  what: string;
  chunks: ChunkQueue;
  signal: AbortSignal;
  pull(): void;
}

/** The chunks of a source, in order. */
export async function* chunksOf(source: SourceMessage, call: SourceCall, sliceBytes = SLICE_BYTES): AsyncGenerator<Uint8Array> {
  switch (source.from) {
    case 'bytes':
      yield source.bytes;
      break;
    case 'blob':
      for (let begin = 0; begin < source.blob.size; begin += sliceBytes) {
        yield new Uint8Array(await readable(source.blob.slice(begin, begin + sliceBytes)));
      }
      break;
    case 'chunks':
      for (let ahead = 1; ahead < CHUNKS_AHEAD; ahead++) call.pull();
      for (;;) {
        call.pull();
        const chunk = await orCancelled(call.chunks.take(), call);
        if ('failed' in chunk) throw sourceFailed(chunk.failed);
        if ('end' in chunk) return;
        yield chunk.bytes;
      }
  }
}

async function readable(blob: Blob): Promise<ArrayBuffer> {
  try {
    return await blob.arrayBuffer();
  } catch (error) {
    // A file that was changed or taken away after it had been chosen.
    throw sourceFailed(textOf(error));
  }
}

/** A stream may stall for ever; giving up must not wait for it. */
function orCancelled<T>(promise: Promise<T>, call: SourceCall): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled(call.what));
    if (call.signal.aborted) onAbort();
    call.signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => call.signal.removeEventListener('abort', onAbort));
  });
}

function sourceFailed(cause: string): LotwiseError {
  return new LotwiseError('INPUT_INVALID', `The source failed while it was read, and nothing was imported: ${cause}`);
}

/** Chunks that were pulled, waiting for their turn; never more than were asked for. */
export class ChunkQueue {
  readonly #chunks: Chunk[] = [];
  #waiting: ((chunk: Chunk) => void) | undefined;

  give(chunk: Chunk): void {
    if (this.#waiting === undefined) {
      this.#chunks.push(chunk);
      return;
    }
    this.#waiting(chunk);
    this.#waiting = undefined;
  }

  take(): Promise<Chunk> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return Promise.resolve(chunk);
    return new Promise((resolve) => { this.#waiting = resolve; });
  }
}
