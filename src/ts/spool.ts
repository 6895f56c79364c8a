/**
 * Streams on their way in as files of the origin private file system, beside the database that they are for. Who
 * owns the files of the database owns these too.
 */
import { LotwiseError, textOf } from './errors.ts';
import type { Spool } from './foreign-file.ts';
import { ROOT_FOLDER, storageRoot } from './ownership.ts';

/** Inside the folder of a database. */
const FOLDER = 'spool';

/** What is used of FileSystemSyncAccessHandle, which only workers have. */
interface SyncFile {
  read(bytes: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  close(): void;
}

let made = 0;

/** Deletes what a worker that was ended in the middle has left. */
export async function sweepSpool(name: string): Promise<void> {
  try {
    await (await databaseFolder(name)).removeEntry(FOLDER, { recursive: true });
  } catch {
    // There is none, as nearly always; what cannot be deleted now is deleted at the next opening.
  }
}

/** A file that goes when it is closed. */
export async function spoolOnDisk(name: string): Promise<Spool> {
  const entry = `${made++}`;
  let folder: FileSystemDirectoryHandle;
  let file: SyncFile;
  try {
    folder = await (await databaseFolder(name)).getDirectoryHandle(FOLDER, { create: true });
    const handle = await folder.getFileHandle(entry, { create: true }) as FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncFile> };
    file = await handle.createSyncAccessHandle();
  } catch (error) {
    throw noRoom(textOf(error));
  }
  let size = 0;
  return {
    get size() { return size; },
    write(bytes) {
      let written = 0;
      let reason = 'the browser took a part of the bytes only';
      try {
        written = file.write(bytes, { at: size });
      } catch (error) {
        reason = textOf(error);
      }
      if (written !== bytes.length) throw noRoom(reason);
      size += written;
    },
    read(offset, length) {
      const bytes = new Uint8Array(length);
      let read = 0;
      try {
        read = file.read(bytes, { at: offset });
      } catch (error) {
        throw textOf(error);
      }
      if (read !== length) throw 'the browser returned a part of the bytes only';
      return bytes;
    },
    async close() {
      file.close();
      // What stays is deleted at the next opening.
      await folder.removeEntry(entry).catch(() => {});
    },
  };
}

function noRoom(reason: string): LotwiseError {
  return new LotwiseError('STORAGE_FULL', `There is no room to keep the stream until it is whole, as a database has to be (${reason}). Free storage, or pass the file itself in place of a stream.`);
}

async function databaseFolder(name: string): Promise<FileSystemDirectoryHandle> {
  return (await (await storageRoot()).getDirectoryHandle(ROOT_FOLDER)).getDirectoryHandle(name);
}
