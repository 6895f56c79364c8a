/**
 * The database behind the dashboard, and how the data shown is replaced as a whole.
 *
 * 1. Two database names take turns. `pointer` in localStorage says which one is shown; it is switched only when
 *    the other one is complete.
 * 2. Whatever lies in the database that the pointer does not name is left over from a replacement that did not
 *    finish, and is thrown away.
 *
 * Knows nothing of the page.
 */
import { list, open, remove, type Database } from 'lotwise';
import { recall } from './recall.ts';

const SLOTS = ['dashboard-a', 'dashboard-b'] as const;
type Slot = (typeof SLOTS)[number];
const POINTER_KEY = 'lotwise.dashboard';

export type Storage = 'opfs' | 'memory';
export type Source = { kind: 'none' } | { kind: 'demo' } | { kind: 'file'; name: string };
interface Pointer { slot: Slot; source: Source }

export class Store {
  #storage: Storage;
  #slot: Slot;
  #database: Database;
  #source: Source;
  /** Nothing was ever shown here: the first visit. */
  readonly fresh: boolean;

  private constructor(storage: Storage, database: Database, pointer: Pointer, fresh: boolean) {
    this.#storage = storage;
    this.#slot = pointer.slot;
    this.#database = database;
    this.#source = pointer.source;
    this.fresh = fresh;
  }

  static async open(storage: Storage): Promise<Store> {
    const saved = storage === 'opfs' ? readPointer() : undefined;
    const pointer = saved ?? { slot: SLOTS[0], source: { kind: 'none' } };
    if (storage === 'opfs') {
      if (saved === undefined) await discard(pointer.slot);
      await discard(other(pointer.slot));
    }
    const database = await open({ name: pointer.slot, storage });
    return new Store(storage, database, pointer, saved === undefined);
  }

  get database(): Database { return this.#database; }
  get source(): Source { return this.#source; }
  get storage(): Storage { return this.#storage; }

  /** Remembers that the person chose to begin without data, so that the next visit does not ask again. */
  keepEmpty(): void {
    this.#save({ slot: this.#slot, source: { kind: 'none' } });
  }

  /** Fills a new database and shows it from then on. Where `fill` rejects, all stays as it was. */
  async replace<T>(source: Source, fill: (database: Database) => Promise<T>): Promise<T> {
    const slot = other(this.#slot);
    if (this.#storage === 'opfs') await discard(slot);
    const next = await open({ name: slot, storage: this.#storage });
    let result: T;
    try {
      result = await fill(next);
      this.#save({ slot, source });
    } catch (error) {
      await next.close();
      if (this.#storage === 'opfs') await discard(slot);
      throw error;
    }
    const old = { database: this.#database, slot: this.#slot };
    this.#database = next;
    this.#slot = slot;
    this.#source = source;
    await old.database.close();
    if (this.#storage === 'opfs') await discard(old.slot);
    return result;
  }

  #save(pointer: Pointer): void {
    if (this.#storage === 'opfs') localStorage.setItem(POINTER_KEY, JSON.stringify(pointer));
  }
}

function other(slot: Slot): Slot {
  return slot === SLOTS[0] ? SLOTS[1] : SLOTS[0];
}

async function discard(slot: Slot): Promise<void> {
  const databases = await list();
  if (databases.some(({ name }) => name === slot)) await remove(slot);
}

/** What stands in localStorage may be anything: a pointer that cannot be read counts as none. */
function readPointer(): Pointer | undefined {
  let saved: unknown;
  try {
    saved = JSON.parse(recall(POINTER_KEY) ?? 'null');
  } catch {
    return undefined;
  }
  if (typeof saved !== 'object' || saved === null || !('slot' in saved) || !('source' in saved)) return undefined;
  const slot = SLOTS.find((name) => name === saved.slot);
  const source = readSource(saved.source);
  return slot && source && { slot, source };
}

function readSource(saved: unknown): Source | undefined {
  if (typeof saved !== 'object' || saved === null || !('kind' in saved)) return undefined;
  if (saved.kind === 'none' || saved.kind === 'demo') return { kind: saved.kind };
  if (saved.kind === 'file' && 'name' in saved && typeof saved.name === 'string') return { kind: 'file', name: saved.name };
  return undefined;
}
