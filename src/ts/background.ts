/**
 * Work beside calls, step by step: indexes that an import left for later, and segments of the columnstore.
 *
 * Knows when a step may be made; what it does is the engine's business.
 */
import type { Engine, EngineJob } from './engine.ts';
import { fieldsOfError } from './errors.ts';

/** From the opening to the first look for segments: the first answers come first. */
const FIRST_LOOK_MS = 1_000;

/** Writes are followed by a look, but not by one each. */
const LOOK_MS = 250;

/** What has to wait is looked at again so much later. */
const WAIT_MS = 1_000;

/**
 * While calls are made, segments take no more than one part in so many and one of the time: a tenth, so that whoever
 * writes without pause does so at nine tenths of the speed.
 */
const REST_TIMES = 9;

export class Background {
  /** Asks for steps. */
  readonly #wake: () => void;
  #job: EngineJob | undefined;
  /** It makes segments: its transactions end with each step. */
  #seals = false;
  /** The engine may have more indexes to make. */
  #mayLack = true;
  #holdsWriter = false;
  /** When segments are looked for; undefined: when somebody has written. */
  #lookAt: number | undefined = performance.now() + FIRST_LOOK_MS;
  #restUntil = 0;
  #called = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /** Whether it is in its transaction: writes have to wait. */
  get holdsWriter(): boolean {
    return this.#holdsWriter;
  }

  /** An index may have come to be missing. */
  lookForIndexes(): void {
    this.#mayLack = true;
  }

  /** A call has run; where it wrote, segments may have to be made. */
  called(wrote: boolean): void {
    this.#called = true;
    if (wrote) this.#lookAt ??= performance.now() + LOOK_MS;
  }

  /** Goes on for some milliseconds; false where there is nothing to do now. */
  step(engine: Engine, writerIsFree: boolean): boolean {
    const startedAt = performance.now();
    const job = this.#job ??= this.#start(engine, startedAt, writerIsFree);
    const at = job === undefined ? this.#lookAt : this.#seals ? this.#restUntil : undefined;
    if (at !== undefined && startedAt < at) this.#wakeIn(at - startedAt);
    if (job === undefined || (at !== undefined && startedAt < at)) return false;
    const needsWriter = job.needsWriter();
    if (needsWriter && !this.#holdsWriter && !writerIsFree) return false;
    this.#holdsWriter = needsWriter && !this.#seals;
    try {
      if (job.step()) this.#end(job);
    } catch (error) {
      if (fieldsOfError(error) === undefined) throw error;
      // It stays missing, and questions are answered without it; what was begun is tried again later.
      this.#end(job);
    }
    const endedAt = performance.now();
    this.#restUntil = this.#called ? endedAt + REST_TIMES * (endedAt - startedAt) : 0;
    this.#called = false;
    return true;
  }

  /** As if it had not begun; no more steps. */
  abort(): void {
    clearTimeout(this.#timer);
    const job = this.#job;
    if (job === undefined) return;
    job.abort();
    this.#end(job);
  }

  #start(engine: Engine, now: number, writerIsFree: boolean): EngineJob | undefined {
    this.#seals = false;
    const index = this.#mayLack ? engine.indexStart() : undefined;
    this.#mayLack = index !== undefined;
    if (index !== undefined || !writerIsFree || this.#lookAt === undefined || now < this.#lookAt) return index;
    const job = engine.sealStart();
    // After this one there may be another.
    this.#lookAt = job !== undefined ? now : engine.sealWaits() ? now + WAIT_MS : undefined;
    this.#seals = job !== undefined;
    return job;
  }

  #wakeIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#wake, ms);
  }

  #end(job: EngineJob): void {
    this.#job = undefined;
    this.#holdsWriter = false;
    job.free();
  }
}
