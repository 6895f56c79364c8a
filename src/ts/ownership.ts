/**
 * Who owns the files of a database: the one worker that holds the Web Lock `lotwise:<name>`.
 *
 * The lock is taken by the very worker that opens the files, and held until they are closed. So lock and
 * file handles pass on together: also when the page is reloaded, crashes or is thrown away, because the
 * browser then ends the worker and both are free. That is why nothing here listens to pagehide: an engine
 * that ends in the middle of a write leaves a WAL, and SQLite recovers from it when it opens the files next.
 */
import { LotwiseError, textOf } from './errors.ts';

/** How long to wait for an owner that is about to end, such as the page before a reload. */
const WAIT_MS = 2_000;

export function lockName(name: string): string {
  return `lotwise:${name}`;
}

/** Folder of all databases of an origin; a database is a folder in it. */
export const ROOT_FOLDER = 'lotwise';

/** Another tab, or another open() of this one, has the files. */
export function busy(name: string): LotwiseError {
  return new LotwiseError(
    'DATABASE_BUSY',
    `Database '${name}' is open elsewhere: in another tab or window of this site, or by another open() of this page. Close it there and try again.`,
    { retryable: true, details: { name } },
  );
}

/** Storage is missing or locked away; says why, and what else can be done. */
export function unavailable(reason: string): LotwiseError {
  return new LotwiseError(
    'STORAGE_UNAVAILABLE',
    `No durable storage here: ${reason}. Without it, open({ storage: 'memory' }) keeps the data until the page is closed.`,
  );
}

/** Root of the origin's private file system, or STORAGE_UNAVAILABLE with the reason. */
export async function storageRoot(): Promise<FileSystemDirectoryHandle> {
  const scope = globalThis as { isSecureContext?: boolean; navigator?: Partial<Navigator> };
  if (scope.isSecureContext === false) {
    throw unavailable('the page is not a secure context. Serve it over https, or from localhost');
  }
  if (scope.navigator?.storage?.getDirectory === undefined || scope.navigator.locks === undefined) {
    throw unavailable('this host has no origin private file system (OPFS)');
  }
  try {
    return await scope.navigator.storage.getDirectory();
  } catch (error) {
    // Private windows and blocked site data answer with SecurityError.
    throw unavailable(`the browser refuses the origin private file system (${textOf(error)}); private windows and blocked site data do that`);
  }
}

/** Takes the lock of the files; the function that comes back frees it, and resolves when it is free. */
export async function takeFiles(name: string): Promise<() => Promise<void>> {
  await storageRoot();
  if (typeof FileSystemFileHandle === 'undefined' || !('createSyncAccessHandle' in FileSystemFileHandle.prototype)) {
    throw unavailable('this browser has no synchronous file access in workers (createSyncAccessHandle)');
  }
  return new Promise((resolve, reject) => {
    const held = navigator.locks.request(lockName(name), { signal: AbortSignal.timeout(WAIT_MS) }, () => new Promise<void>((free) => {
      resolve(async () => {
        free();
        await held;
      });
    }));
    held.catch((error: unknown) => reject(isTimeout(error) ? busy(name) : unavailable(`the Web Lock of the files was refused (${textOf(error)})`)));
  });
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && (error.name === 'TimeoutError' || error.name === 'AbortError');
}
