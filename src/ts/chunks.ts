/**
 * The bytes of a source on the engine's side: there already, or pulled from the calling side chunk by chunk. A
 * database becomes a file that is read anywhere.
 */
import { joined } from './encoding/bytes.ts';
import { LotwiseError, cancelled, textOf } from './errors.ts';
import { MAGIC_BYTES, isDatabase, ofBlob, ofBytes, type ForeignFile, type Spool } from './foreign-file.ts';
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
  pause(): Promise<void>;
  /** Where a stream is kept that has to be whole. */
  spool(): Promise<Spool>;
}

/** What a source turned out to be: text in chunks, or a database. */
export type OpenedSource = { chunks: AsyncIterable<Uint8Array>; file?: undefined } | { file: ForeignFile };

/** How a source is to be read. */
export interface SourceOptions {
  /** As the caller says. */
  format: string | undefined;
  sliceBytes?: number;
  /** Told while a stream that is a database arrives. */
  arrived?(bytes: number): void;
}

/** Finds out what a source is; a database that comes as a stream is whole afterwards. */
export async function openSource(source: SourceMessage, call: SourceCall, { format = 'sqlite', sliceBytes, arrived }: SourceOptions): Promise<OpenedSource> {
  const chunks = chunksOf(source, call, sliceBytes);
  if (format !== 'sqlite') return { chunks };
  if (source.from === 'bytes' && isDatabase(source.bytes)) return { file: ofBytes(source.bytes) };
  if (source.from === 'blob' && isDatabase(new Uint8Array(await readable(source.blob.slice(0, MAGIC_BYTES))))) {
    const file = ofBlob(source.blob);
    if (file !== undefined) return { file };
  }
  let head: Uint8Array = new Uint8Array();
  while (head.length < MAGIC_BYTES) {
    const { value } = await chunks.next();
    if (value === undefined) break;
    head = joined(head, value);
  }
  if (!isDatabase(head)) return { chunks: following(head, chunks) };
  const file = await call.spool();
  try {
    for await (const chunk of following(head, chunks)) {
      file.write(chunk);
      arrived?.(file.size);
      await call.pause();
      if (call.signal.aborted) throw cancelled(call.what);
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  return { file };
}

async function* following(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}

/** The chunks of a source, in order. */
async function* chunksOf(source: SourceMessage, call: SourceCall, sliceBytes = SLICE_BYTES): AsyncGenerator<Uint8Array> {
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
    throw sourceFailed(`${textOf(error).replace(/\W+$/, '')}. If it was changed or moved since it was chosen, choose it again, or import a copy of it.`);
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
