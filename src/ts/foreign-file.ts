/**
 * SQLite files on the engine's side: pages are read where they lie, when they are asked for, so that no file is
 * ever in memory as a whole.
 */
import type { ReadAt } from './engine.ts';
import { textOf } from './errors.ts';

const MAGIC = 'SQLite format 3\0';

/** So many bytes tell a database. */
export const MAGIC_BYTES = MAGIC.length;

export function isDatabase(head: Uint8Array): boolean {
  return MAGIC_BYTES <= head.length && String.fromCharCode(...head.subarray(0, MAGIC_BYTES)) === MAGIC;
}

/** A file that is read anywhere. */
export interface ForeignFile {
  readonly size: number;
  /** There are so many bytes. Throws a text that says why they cannot be read. */
  readonly read: ReadAt;
  /** Nothing is read any more. */
  close(): Promise<void>;
}

/** Keeps what arrives as a stream until it can be read as a file. */
export interface Spool extends ForeignFile {
  write(bytes: Uint8Array): void;
}

/** Read from a Blob at once: a read of 8 KiB takes 0.5 ms in Chromium, and one of 256 KiB 0.8 ms. */
const BLOCK_BYTES = 256 * 1024;

/** Blocks of a Blob that are kept: indexes are checked in an order of their own. */
const BLOCKS_MAX = 128;

/** SQLite looks at the header whenever it begins to read, to see whether somebody has written. */
const HEADER_BYTES = 100;

/** What is used of FileReaderSync, which only workers of browsers have. */
type SyncReader = new () => { readAsArrayBuffer(blob: Blob): ArrayBuffer };
const { FileReaderSync } = globalThis as { FileReaderSync?: SyncReader };

/** A Blob; undefined where it cannot be read without waiting. */
export function ofBlob(blob: Blob): ForeignFile | undefined {
  if (FileReaderSync === undefined) return undefined;
  const reader = new FileReaderSync();
  const readNow = (begin: number, length: number): Uint8Array => {
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(reader.readAsArrayBuffer(blob.slice(begin, begin + length)));
    } catch (error) {
      // A file that was changed or taken away after it had been chosen.
      throw textOf(error);
    }
    if (bytes.length !== length) throw 'it has become shorter';
    return bytes;
  };
  // In order of their last use.
  const blocks = new Map<number, Uint8Array>();
  const block = (number: number): Uint8Array => {
    const begin = number * BLOCK_BYTES;
    const bytes = blocks.get(number) ?? readNow(begin, Math.min(BLOCK_BYTES, blob.size - begin));
    blocks.delete(number);
    if (blocks.size === BLOCKS_MAX) blocks.delete(blocks.keys().next().value!);
    blocks.set(number, bytes);
    return bytes;
  };
  return {
    size: blob.size,
    read: (offset, length) => (offset + length <= HEADER_BYTES ? readNow(offset, length) : readBlocks(offset, length, block)),
    close: async () => blocks.clear(),
  };
}

/** Bytes that are there already. */
export function ofBytes(bytes: Uint8Array): ForeignFile {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length), close: async () => {} };
}

/** Where there are no files: a stream that is a database has to be whole before its first row is read. */
export function spoolInMemory(): Spool {
  const blocks: Uint8Array[] = [];
  let size = 0;
  return {
    get size() { return size; },
    write(bytes) {
      for (let at = 0; at < bytes.length;) {
        if (size % BLOCK_BYTES === 0) blocks.push(new Uint8Array(BLOCK_BYTES));
        const part = bytes.subarray(at, at + BLOCK_BYTES - (size % BLOCK_BYTES));
        blocks.at(-1)!.set(part, size % BLOCK_BYTES);
        at += part.length;
        size += part.length;
      }
    },
    read: (offset, length) => readBlocks(offset, length, (number) => blocks[number]!),
    close: async () => { blocks.length = 0; },
  };
}

/** Bytes that lie in one block, as pages do, or in several. */
function readBlocks(offset: number, length: number, block: (number: number) => Uint8Array): Uint8Array {
  const begin = offset % BLOCK_BYTES;
  const first = block(Math.floor(offset / BLOCK_BYTES)).subarray(begin, begin + length);
  if (first.length === length) return first;
  const bytes = new Uint8Array(length);
  bytes.set(first);
  bytes.set(readBlocks(offset + first.length, length - first.length, block), first.length);
  return bytes;
}
