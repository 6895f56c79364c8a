/**
 * Calls that are given up while they run, and how far they are.
 *
 * A running call hears no message. Where the page is cross-origin isolated, both sides share memory: a slot
 * for each of the last calls holds the id of one that was given up.
 */
import type { Progress } from './types.ts';

/** More than calls may wait: none takes the slot of another one. */
const SLOTS = 1024;

/** Reports are for people. */
const PROGRESS_INTERVAL_MS = 100;

/** Steps of SQLite's virtual machine from one look to the next; the engine counts them. */
const STEPS_BETWEEN_LOOKS = 1_000;

/** Memory for both sides, or undefined where there is none to share. */
export function sharedSlots(): SharedArrayBuffer | undefined {
  return globalThis.crossOriginIsolated === true ? new SharedArrayBuffer(SLOTS * Int32Array.BYTES_PER_ELEMENT) : undefined;
}

/** Tells the other side, also in the middle of a statement. */
export function giveUp(slots: SharedArrayBuffer | undefined, id: number): void {
  if (slots !== undefined) Atomics.store(new Int32Array(slots), id % SLOTS, id);
}

/** What watches one call; undefined where there is nothing to watch. */
export function watchOf(id: number, slots: Int32Array | undefined, report: ((progress: Progress) => void) | undefined): (() => boolean) | undefined {
  if (slots === undefined && report === undefined) return undefined;
  const startedAt = performance.now();
  let looks = 0;
  let dueAt = startedAt + PROGRESS_INTERVAL_MS;
  return () => {
    looks += 1;
    const now = report === undefined ? 0 : performance.now();
    if (report !== undefined && now >= dueAt) {
      dueAt = now + PROGRESS_INTERVAL_MS;
      report({ phase: 'query', done: looks * STEPS_BETWEEN_LOOKS, unit: 'steps', elapsedMs: now - startedAt });
    }
    return slots !== undefined && Atomics.load(slots, id % SLOTS) === id;
  };
}
