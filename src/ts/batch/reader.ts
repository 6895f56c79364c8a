/**
 * A batch of the engine with its header read: columns as values, or as the parts that they lie in.
 *
 * Knows the format of the batch and nothing else.
 */
import { LotwiseError } from '../errors.ts';
import type { Value } from '../types.ts';
import { MAGIC, TAG, roundUp8, type BatchHeader, type ColumnHeader, type PartRange } from './format.ts';

// Offsets count what stands in the bytes, a byte-order mark at the beginning included.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Values of a column in order. */
export type Column = ArrayLike<Value> & Iterable<Value>;

/** One batch. Nothing is decoded before it is asked for, and nothing is kept. */
export class BatchReader {
  readonly header: BatchHeader;
  readonly #buffer: ArrayBuffer;
  readonly #data: number;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    // Typed arrays look into the buffer itself and want it to begin at a multiple of 8.
    const batch = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
    const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
    if (batch.byteLength < 8 || view.getUint32(0, true) !== MAGIC) {
      throw new LotwiseError('INTERNAL', 'The engine answered with something that is not a batch. Do worker.js and lotwise_bg.wasm belong to the same version of lotwise?');
    }
    const length = view.getUint32(4, true);
    this.header = JSON.parse(decoder.decode(batch.subarray(8, 8 + length))) as BatchHeader;
    this.#buffer = batch.buffer;
    this.#data = batch.byteOffset + roundUp8(8 + length);
  }

  /** The values of a column. */
  column(header: ColumnHeader): Column {
    const { rows } = this.header;
    const values = this.#values(header, rows);
    if (header.nulls === undefined) return values;
    const nulls = this.bytes(header.nulls);
    const withNulls = new Array<Value>(rows);
    for (let row = 0; row < rows; row++) {
      withNulls[row] = (nulls[row >> 3]! & (1 << (row & 7))) === 0 ? values[row]! : null;
    }
    return withNulls;
  }

  /** A part of 32-bit words: offsets or codes. */
  words([offset, length]: PartRange): Uint32Array<ArrayBuffer> {
    return new Uint32Array(this.#buffer, this.#data + offset, length / 4);
  }

  /** The bytes of a part: a view into the batch. */
  bytes([offset, length]: PartRange): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer, this.#data + offset, length);
  }

  #values(header: ColumnHeader, rows: number): Column {
    const part = (index: number): PartRange => header.parts[index]!;
    switch (header.encoding) {
      case 'null': return new Array<Value>(rows).fill(null);
      case 'i32': return new Int32Array(this.#buffer, this.#data + part(0)[0], rows);
      case 'f64':
      case 'int53': return new Float64Array(this.#buffer, this.#data + part(0)[0], rows);
      case 'i64': return Array.from(new BigInt64Array(this.#buffer, this.#data + part(0)[0], rows), numberWhereSafe);
      case 'text': return this.#texts(part(0), part(1), rows, header.units);
      case 'dict': return this.#dictionary(header, rows);
      case 'blob': return this.#blobs(part(0), part(1), rows);
      case 'any': return this.#any(header, rows);
    }
  }

  #texts(offsetsPart: PartRange, bytesPart: PartRange, count: number, units: ColumnHeader['units']): string[] {
    const offsets = this.words(offsetsPart);
    const bytes = this.bytes(bytesPart);
    const texts = new Array<string>(count);
    if (units === 'utf16') {
      const all = decoder.decode(bytes);
      for (let index = 0; index < count; index++) texts[index] = all.slice(offsets[index], offsets[index + 1]);
    } else {
      for (let index = 0; index < count; index++) texts[index] = decoder.decode(bytes.subarray(offsets[index], offsets[index + 1]));
    }
    return texts;
  }

  #dictionary(header: ColumnHeader, rows: number): string[] {
    const [codesPart, offsetsPart, bytesPart] = header.parts as [PartRange, PartRange, PartRange];
    const codes = this.words(codesPart);
    const entries = this.#texts(offsetsPart, bytesPart, Math.max(0, offsetsPart[1] / 4 - 1), header.units);
    const texts = new Array<string>(rows);
    // Without entries every row is null, and its text is never looked at.
    for (let row = 0; row < rows; row++) texts[row] = entries[codes[row]!] ?? '';
    return texts;
  }

  #blobs(offsetsPart: PartRange, bytesPart: PartRange, rows: number): Uint8Array[] {
    const offsets = this.words(offsetsPart);
    const bytes = this.bytes(bytesPart);
    // Copies: the caller may transfer one without losing the others.
    return Array.from({ length: rows }, (_, row) => bytes.slice(offsets[row], offsets[row + 1]));
  }

  #any(header: ColumnHeader, rows: number): Value[] {
    const [tagsPart, slotsPart, bytesPart] = header.parts as [PartRange, PartRange, PartRange];
    const tags = this.bytes(tagsPart);
    const slots = new DataView(this.#buffer, this.#data + slotsPart[0], slotsPart[1]);
    const bytes = this.bytes(bytesPart);
    const values = new Array<Value>(rows);
    for (let row = 0; row < rows; row++) {
      const at = row * 8;
      const run = (): [number, number] => {
        const begin = slots.getUint32(at, true);
        return [begin, begin + slots.getUint32(at + 4, true)];
      };
      switch (tags[row]) {
        case TAG.integer: values[row] = numberWhereSafe(slots.getBigInt64(at, true)); break;
        case TAG.real: values[row] = slots.getFloat64(at, true); break;
        case TAG.text: values[row] = decoder.decode(bytes.subarray(...run())); break;
        case TAG.blob: values[row] = bytes.slice(...run()); break;
        default: values[row] = null;
      }
    }
    return values;
  }
}

function numberWhereSafe(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
