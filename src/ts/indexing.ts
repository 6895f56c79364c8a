/**
 * Indexes that an import left for later, built step by step between calls.
 *
 * Knows when a step may be made; what it does is the engine's business.
 */
import type { Engine, EngineIndexJob } from './engine.ts';
import { fieldsOfError } from './errors.ts';

export class Indexing {
  #job: EngineIndexJob | undefined;
  /** The engine may have more of them. */
  #mayLack = true;
  #holdsWriter = false;

  /** Whether it is in its transaction: writes have to wait. */
  get holdsWriter(): boolean {
    return this.#holdsWriter;
  }

  /** An index may have come to be missing. */
  lookAgain(): void {
    this.#mayLack = true;
  }

  /** Goes on for some milliseconds; false where there is nothing to do now. */
  step(engine: Engine, writerIsFree: boolean): boolean {
    if (this.#mayLack) this.#job ??= engine.indexStart();
    const job = this.#job;
    if (job === undefined) {
      this.#mayLack = false;
      return false;
    }
    const needsWriter = job.needsWriter();
    if (needsWriter && !this.#holdsWriter && !writerIsFree) return false;
    this.#holdsWriter = needsWriter;
    try {
      if (job.step()) this.#end(job);
    } catch (error) {
      if (fieldsOfError(error) === undefined) throw error;
      // It stays missing, and questions are answered without it; the next process tries again.
      this.#end(job);
    }
    return true;
  }

  /** As if it had not begun. */
  abort(): void {
    const job = this.#job;
    if (job === undefined) return;
    job.abort();
    this.#end(job);
  }

  #end(job: EngineIndexJob): void {
    this.#job = undefined;
    this.#holdsWriter = false;
    job.free();
  }
}
