/** A file as a stream: batches are fetched as they are read, and encoded piece by piece. */
import { BatchReader } from '../batch/reader.ts';
import { cancelled } from '../errors.ts';
import type { Encoder } from './encoder.ts';

/** Batches in the order of the file. Its end, however it comes, frees what is behind it. */
type Batches = AsyncGenerator<{ batch: Uint8Array<ArrayBuffer> }, void, undefined>;

/** Resolves when the first batch is there, so that a question that is wrong fails here and not while it is read. */
export async function fileOf(batches: Batches, encoder: Encoder, signal: AbortSignal | undefined): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  let first: Awaited<ReturnType<Batches['next']>> | undefined = await batches.next();
  const pieces = async function* (): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    try {
      for (;;) {
        const { done, value } = first ?? await batches.next();
        first = undefined;
        if (done === true) break;
        yield* encoder.rows(new BatchReader(value.batch));
      }
      yield* encoder.end();
    } finally {
      await batches.return();
    }
  }();
  // One that has not begun does not come to its `finally`.
  const free = async (): Promise<void> => {
    await pieces.return();
    await batches.return();
  };
  if (signal?.aborted) {
    await free();
    throw cancelled('exportFile()', signal.reason);
  }
  let giveUp = (): void => {};
  const over = (): void => signal?.removeEventListener('abort', giveUp);
  return new ReadableStream({
    start(controller) {
      giveUp = () => {
        over();
        controller.error(cancelled('exportFile()', signal?.reason));
        free().catch(() => {});
      };
      signal?.addEventListener('abort', giveUp);
    },
    async pull(controller) {
      try {
        const { done, value } = await pieces.next();
        if (done !== true) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      over();
    },
    async cancel() {
      over();
      await free();
    },
  });
}
