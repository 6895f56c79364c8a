/** The databases of an origin as files: what there is, and deleting one. Opens none. */
import { checkName } from './check.ts';
import { busy, lockName, ROOT_FOLDER, storageRoot } from './ownership.ts';

/**
 * Names and sizes of the databases of this origin, by name. Rejects with STORAGE_UNAVAILABLE where there
 * is no durable storage.
 *
 * @example
 * for (const { name, bytes } of await list()) console.log(name, bytes);
 */
export async function list(): Promise<{ name: string; bytes: number }[]> {
  const folder = await existing((await storageRoot()).getDirectoryHandle(ROOT_FOLDER));
  const databases: { name: string; bytes: number }[] = [];
  for await (const [name, handle] of folder?.entries() ?? []) {
    if (handle.kind === 'directory') databases.push({ name, bytes: await bytesIn(handle as FileSystemDirectoryHandle) });
  }
  return databases.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Deletes a closed database. One that is not there is fine. Rejects with DATABASE_BUSY while somebody has
 * it open, CONFIG_INVALID for a name that none can have, STORAGE_UNAVAILABLE.
 *
 * @example
 * await remove('lotwise');
 */
export async function remove(name: string): Promise<void> {
  checkName(name);
  const root = await storageRoot();
  await navigator.locks.request(lockName(name), { ifAvailable: true }, async (lock) => {
    if (lock === null) throw busy(name);
    const folder = await existing(root.getDirectoryHandle(ROOT_FOLDER));
    await existing(folder?.removeEntry(name, { recursive: true }));
  });
}

async function bytesIn(folder: FileSystemDirectoryHandle): Promise<number> {
  let bytes = 0;
  for await (const handle of folder.values()) {
    if (handle.kind === 'directory') bytes += await bytesIn(handle as FileSystemDirectoryHandle);
    else bytes += (await existing((handle as FileSystemFileHandle).getFile()))?.size ?? 0;
  }
  return bytes;
}

/** Undefined for what is not there, or not any more. */
async function existing<T>(promise: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotFoundError') return undefined;
    throw error;
  }
}
