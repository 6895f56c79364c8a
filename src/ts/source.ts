/**
 * Sources of an import on the calling side: what can be handed over at once, and what has to be read here
 * and passed on chunk by chunk.
 *
 * Streams are read here on every host. A chunk is posted when the engine asks for it, so that a large
 * source is never in memory as a whole. Handing over the stream itself was measured and is slower: a
 * Response of 64 MB took 0.50 s in Chromium and 1.4 to 1.6 s in Firefox to reach the worker, in chunks 0.13
 * to 0.17 s and 0.3 to 0.6 s, with shorter pauses of the page.
 */
import { describe } from './batch/encode.ts';
import { isWellFormed } from './batch/text.ts';
import { LotwiseError, textOf } from './errors.ts';
import { isDatabase } from './foreign-file.ts';
import type { Chunk, SourceMessage } from './protocol.ts';
import type { ImportSource } from './types.ts';

/** A source made ready to post; `feed` reads what is left to read here. */
export interface PreparedSource {
  message: SourceMessage;
  totalBytes: number | undefined;
  transfer: ArrayBuffer[];
  feed: Feed | undefined;
}

/** `what` is the call, for messages. */
export function prepareSource(what: string, source: ImportSource): PreparedSource {
  const invalid = (problem: string): LotwiseError => new LotwiseError('INPUT_INVALID', `${what}: ${problem}.`);
  if (typeof source === 'string') {
    if (!isWellFormed(source)) throw invalid('the text holds half of a surrogate pair; repair it with toWellFormed()');
    return ofBytes(new TextEncoder().encode(source));
  }
  if (source instanceof Blob) return { message: { from: 'blob', blob: source }, totalBytes: source.size, transfer: [], feed: undefined };
  // Copies: the caller's buffer stays usable.
  if (source instanceof ArrayBuffer) return ofBytes(new Uint8Array(source.slice(0)));
  if (source instanceof Uint8Array) return ofBytes(new Uint8Array(source));
  if (source instanceof Response) return ofResponse(source, invalid);
  if (source instanceof ReadableStream) return ofStream(source, undefined, invalid);
  throw invalid(`${describe(source)} is no source; allowed are File, Blob, Response, ReadableStream, string, ArrayBuffer and Uint8Array`);
}

function ofBytes(bytes: Uint8Array<ArrayBuffer>): PreparedSource {
  return { message: { from: 'bytes', bytes }, totalBytes: bytes.length, transfer: [bytes.buffer], feed: undefined };
}

type Refusal = (problem: string) => LotwiseError;

function ofResponse(response: Response, invalid: Refusal): PreparedSource {
  if (!response.ok) throw invalid(`the response is an error (${response.status} ${response.statusText} for ${response.url})`);
  if (response.bodyUsed) throw invalid('the response has been read already');
  if (response.body === null) return ofBytes(new Uint8Array());
  // Compressed on its way, it is longer than it says.
  const length = response.headers.has('content-encoding') ? NaN : Number(response.headers.get('content-length') ?? NaN);
  return ofStream(response.body, Number.isSafeInteger(length) ? length : undefined, invalid);
}

function ofStream(stream: ReadableStream<Uint8Array>, totalBytes: number | undefined, invalid: Refusal): PreparedSource {
  if (stream.locked) throw invalid('the stream is being read by somebody else');
  return { message: { from: 'chunks' }, totalBytes, transfer: [], feed: new Feed(stream) };
}

/** Looked at most of what is in memory already, unless it is a database. */
const LOOK_BYTES_MAX = 8 * 1024 * 1024;

/** As much of a source as an inspection may want, and whether that is less than all. */
export function prepareLook(what: string, source: ImportSource): { prepared: PreparedSource; isCut: boolean } {
  const size = typeof source === 'string' ? source.length : source instanceof ArrayBuffer || source instanceof Uint8Array ? source.byteLength : 0;
  if (size <= LOOK_BYTES_MAX) return { prepared: prepareSource(what, source), isCut: false };
  if (typeof source === 'string') return { prepared: prepareSource(what, source.slice(0, LOOK_BYTES_MAX).replace(/[\ud800-\udbff]$/, '')), isCut: true };
  const bytes = source instanceof Uint8Array ? source : new Uint8Array(source as ArrayBuffer);
  if (isDatabase(bytes)) return { prepared: prepareSource(what, bytes), isCut: false };
  return { prepared: prepareSource(what, bytes.subarray(0, LOOK_BYTES_MAX)), isCut: true };
}

/** Reads a stream at the pace at which the engine asks. */
export class Feed {
  readonly #reader: ReadableStreamDefaultReader<unknown>;
  #reading: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(stream: ReadableStream<unknown>) {
    this.#reader = stream.getReader();
  }

  /** Reads one chunk more and gives it to `post`; after the end it does nothing. */
  pull(post: (chunk: Chunk, transfer: ArrayBuffer[]) => void): void {
    this.#reading = this.#reading.then(async () => {
      if (this.#ended) return;
      const chunk = await this.#read();
      this.#ended ||= !('bytes' in chunk);
      post(chunk, 'bytes' in chunk ? [chunk.bytes.buffer] : []);
    });
  }

  /** The import is over: tells a stream that was not read to its end that the rest is not wanted. */
  stop(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    // What the source says to that is of no consequence any more.
    this.#reader.cancel(reason).catch(() => {});
  }

  async #read(): Promise<Chunk> {
    try {
      const { done, value } = await this.#reader.read();
      if (done) return { end: true };
      if (value instanceof Uint8Array) return { bytes: new Uint8Array(value) }; // a copy: the chunk is the source's
      return { failed: `its chunks have to be Uint8Arrays, and one is ${describe(value)}` };
    } catch (error) {
      return { failed: textOf(error) };
    }
  }
}
