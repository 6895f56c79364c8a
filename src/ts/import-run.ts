/**
 * One import on the engine's side: from a source into an open import of the engine, with progress,
 * cancellation and the promise that a failure leaves nothing behind.
 */
import { chunksOf, type SourceCall } from './chunks.ts';
import { TextInput } from './encoding/text-input.ts';
import type { Engine, EngineImport, EngineImportOptions } from './engine.ts';
import { cancelled, fieldsOfError } from './errors.ts';
import type { SourceMessage } from './protocol.ts';
import type { ImportReport, Progress } from './types.ts';

/** Handed to the engine at once: so long, some 20 ms, a question may have to wait. */
const PUSH_BYTES = 256 * 1024;

const PROGRESS_INTERVAL_MS = 100;

/** What an import needs of the call that it serves. */
export interface ImportCall extends SourceCall {
  /** When the call was made. */
  sentAt: number;
  pause(): Promise<void>;
  progress(progress: Progress): void;
}

export interface ImportWork {
  options: EngineImportOptions;
  /** Label of TextDecoder; undefined: to be found out. */
  encoding: string | undefined;
  source: SourceMessage;
  totalBytes: number | undefined;
}

/** Runs the import to its end; rolls it back where it fails or is given up. */
export async function runImport(engine: Engine, work: ImportWork, call: ImportCall): Promise<ImportReport> {
  throwIfCancelled(call);
  const startedAt = performance.now();
  const job = engine.importStart(work.options);
  try {
    const bytes = await pushAll(job, work, call, startedAt);
    let report = job.finish();
    while (report === undefined) {
      await call.pause();
      throwIfCancelled(call);
      report = job.finish();
    }
    call.progress(progressOf(bytes, bytes, startedAt));
    job.free();
    return { ...report, bytes, elapsedMs: Math.max(0, performance.now() - call.sentAt) };
  } catch (error) {
    // After a panic the instance is not to be touched again; the transaction dies with it.
    if (fieldsOfError(error) !== undefined) {
      job.abort();
      job.free();
    }
    throw error;
  }
}

async function pushAll(job: EngineImport, { encoding, source, totalBytes }: ImportWork, call: ImportCall, startedAt: number): Promise<number> {
  const input = new TextInput(encoding);
  let told = input.encoding;
  const give = (text: Uint8Array): void => {
    // Before the first bytes that were decoded: the engine names it where one of them is bad.
    if (input.encoding !== told && input.encoding !== undefined) job.setEncoding(told = input.encoding);
    if (text.length > 0) job.push(text);
  };
  let bytes = 0;
  let reportedAt = startedAt;
  for await (const chunk of chunksOf(source, call)) {
    for (let begin = 0; begin < chunk.length; begin += PUSH_BYTES) {
      const slice = chunk.subarray(begin, begin + PUSH_BYTES);
      give(input.push(slice));
      bytes += slice.length;
      const now = performance.now();
      if (now - reportedAt >= PROGRESS_INTERVAL_MS) {
        reportedAt = now;
        call.progress(progressOf(bytes, totalBytes, startedAt));
      }
      await call.pause();
      throwIfCancelled(call);
    }
  }
  give(input.end());
  return bytes;
}

function progressOf(done: number, total: number | undefined, startedAt: number): Progress {
  const elapsedMs = performance.now() - startedAt;
  const progress: Progress = { phase: 'import', done, unit: 'bytes', elapsedMs };
  if (total !== undefined && total >= done) {
    progress.total = total;
    if (done > 0) progress.etaMs = (elapsedMs / done) * (total - done);
  }
  return progress;
}

function throwIfCancelled({ signal, what }: ImportCall): void {
  if (signal.aborted) throw cancelled(what);
}
