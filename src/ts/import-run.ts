/**
 * One import on the engine's side: from a source into an open import of the engine, with progress,
 * cancellation and the promise that a failure leaves nothing behind.
 */
import { openSource, type SourceCall } from './chunks.ts';
import { TextInput } from './encoding/text-input.ts';
import type { Engine, EngineImport, EngineImportOptions } from './engine.ts';
import { cancelled, fieldsOfError } from './errors.ts';
import type { ForeignFile } from './foreign-file.ts';
import type { SourceMessage } from './protocol.ts';
import type { ImportReport, Progress } from './types.ts';

/** Handed to the engine at once: so long, some 20 ms, a question may have to wait. */
const PUSH_BYTES = 256 * 1024;

const PROGRESS_INTERVAL_MS = 100;

/** What an import needs of the call that it serves. */
export interface ImportCall extends SourceCall {
  /** When the call was made. */
  sentAt: number;
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
  const job = engine.importStart(work.options);
  const tell = teller(call, work.totalBytes);
  let file: ForeignFile | undefined;
  try {
    const opened = await openSource(work.source, call, { format: work.options.format, arrived: (bytes) => tell('read', bytes) });
    file = opened.file;
    let report;
    if (opened.file !== undefined) report = await readFile(job, opened.file, call, tell);
    else report = await pushAll(job, opened.chunks, work.encoding, call, tell);
    job.free();
    return { ...report, elapsedMs: Math.max(0, performance.now() - call.sentAt) };
  } catch (error) {
    // After a panic the instance is not to be touched again; the transaction dies with it.
    if (fieldsOfError(error) !== undefined) {
      job.abort();
      job.free();
    }
    throw error;
  } finally {
    await file?.close();
  }
}

type Read = Omit<ImportReport, 'elapsedMs'>;

/** Text, in pieces. */
async function pushAll(job: EngineImport, chunks: AsyncIterable<Uint8Array>, encoding: string | undefined, call: ImportCall, tell: Tell): Promise<Read> {
  const input = new TextInput(encoding);
  let told = input.encoding;
  const give = (text: Uint8Array): void => {
    // Before the first bytes that were decoded: the engine names it where one of them is bad.
    if (input.encoding !== told) job.setEncoding(told = input.encoding);
    if (text.length > 0) job.push(text);
  };
  let bytes = 0;
  for await (const chunk of chunks) {
    for (let begin = 0; begin < chunk.length; begin += PUSH_BYTES) {
      const slice = chunk.subarray(begin, begin + PUSH_BYTES);
      give(input.push(slice));
      tell('import', bytes += slice.length);
      await call.pause();
      throwIfCancelled(call);
    }
  }
  give(input.end());
  return { ...await finish(job, call), bytes: tell('import', bytes, bytes, true) };
}

/** A database: the engine reads all of it to check it, and then what it needs. */
async function readFile(job: EngineImport, { size, read }: ForeignFile, call: ImportCall, tell: Tell): Promise<Read> {
  let phase = 'check';
  let bytes = 0;
  job.readFile(size, (offset, length) => {
    tell(phase, Math.min(bytes += length, size), size);
    return read(offset, length);
  });
  [phase, bytes] = ['import', 0];
  return { ...await finish(job, call), bytes: tell('import', size, size, true) };
}

async function finish(job: EngineImport, call: ImportCall): Promise<Omit<Read, 'bytes'>> {
  for (;;) {
    const report = job.finish();
    if (report !== undefined) return report;
    await call.pause();
    throwIfCancelled(call);
  }
}

/** Tells how far the import is, where that was not told just now or is the end. Returns how far. */
type Tell = (phase: string, done: number, total?: number, isEnd?: boolean) => number;

function teller(call: ImportCall, totalBytes: number | undefined): Tell {
  const startedAt = performance.now();
  let [toldAt, begunAt, current] = [startedAt, startedAt, ''];
  return (phase, done, total = totalBytes, isEnd = false) => {
    const now = performance.now();
    if (phase !== current) [begunAt, current] = [now, phase];
    if (now - toldAt < PROGRESS_INTERVAL_MS && !isEnd) return done;
    toldAt = now;
    const progress: Progress = { phase, done, unit: 'bytes', elapsedMs: now - startedAt };
    if (total !== undefined && total >= done) {
      progress.total = total;
      if (done > 0) progress.etaMs = ((now - begunAt) / done) * (total - done);
    }
    call.progress(progress);
    return done;
  };
}

function throwIfCancelled({ signal, what }: ImportCall): void {
  if (signal.aborted) throw cancelled(what);
}
