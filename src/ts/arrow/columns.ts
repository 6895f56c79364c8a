/**
 * Columns of a batch as Arrow lays them out: validity bitmap, offsets, values.
 *
 * What lies in memory the same way in both formats is not copied. Knows nothing of messages.
 */
import type { ColumnHeader } from '../batch/format.ts';
import type { BatchReader } from '../batch/reader.ts';
import { joinTexts } from '../batch/text.ts';
import { plainText } from '../export/text.ts';
import { LotwiseError } from '../errors.ts';
import type { Value } from '../types.ts';

/** What a column is in Arrow: Int64, Float64, Utf8, Binary, Date32 (days), Timestamp (milliseconds, UTC). */
export type ArrowType = 'int' | 'float' | 'text' | 'binary' | 'date' | 'timestamp';

/** A column laid out. */
export interface ArrowColumn {
  nulls: number;
  /** Validity (empty without nulls), then what the type has: offsets, values. */
  buffers: Uint8Array<ArrayBuffer>[];
}

/** Offsets of Utf8 and Binary are signed 32-bit numbers. */
const COLUMN_BYTES_MAX = 2 ** 31 - 1;

const DAY_MS = 86_400_000;

/** Types whose columns may be null throughout; all others are text then. */
const DECLARED: { [type: string]: ArrowType } = { integer: 'int', real: 'float', blob: 'binary', date: 'date', timestamp: 'timestamp' };

/**
 * The type for the values that a column holds. What the dataset declares refines it; where the values
 * contradict that (a union in SQL can bring anything), the values decide. Values of several kinds are
 * Float64 if they are numbers that it holds exactly, text otherwise.
 */
export function arrowTypeOf(batch: BatchReader, column: ColumnHeader): ArrowType {
  const declared = DECLARED[column.type];
  switch (column.encoding) {
    case 'null': return declared ?? 'text';
    case 'f64': return 'float';
    case 'blob': return 'binary';
    case 'i32':
    case 'int53': return declared === 'float' || declared === 'timestamp' ? declared : 'int';
    case 'i64': return declared === 'timestamp' ? declared : 'int';
    case 'text':
    case 'dict': return declared === 'date' && days(batch.column(column)) !== undefined ? 'date' : 'text';
    case 'any': return floats(batch.column(column)) === undefined ? 'text' : 'float';
  }
}

/** The column as that type; undefined where some value cannot be. Text takes every value. */
export function arrowColumn(batch: BatchReader, column: ColumnHeader, type: ArrowType): ArrowColumn | undefined {
  const { rows } = batch.header;
  if (column.encoding === 'null') return { nulls: rows, buffers: [new Uint8Array(Math.ceil(rows / 8)), ...zeros(type, rows)] };
  const laidOut = values(batch, column, type);
  if (laidOut === undefined) return undefined;
  const { nulls, bitmap } = validity(batch, column);
  return { nulls, buffers: [bitmap, ...laidOut] };
}

function zeros(type: ArrowType, rows: number): Uint8Array<ArrayBuffer>[] {
  if (type === 'text' || type === 'binary') return [new Uint8Array(4 * (rows + 1)), new Uint8Array()];
  return [new Uint8Array((type === 'date' ? 4 : 8) * rows)];
}

/** Arrow's bit says that there is a value, ours that there is none. */
function validity(batch: BatchReader, column: ColumnHeader): { nulls: number; bitmap: Uint8Array<ArrayBuffer> } {
  const { rows } = batch.header;
  const ours = column.nulls === undefined ? undefined : batch.bytes(column.nulls);
  const mixed = column.encoding === 'any' ? batch.column(column) : undefined;
  const bitmap = new Uint8Array(Math.ceil(rows / 8));
  let nulls = 0;
  if (ours !== undefined || mixed !== undefined) {
    for (let row = 0; row < rows; row++) {
      const isNull = mixed === undefined ? (ours![row >> 3]! >> (row & 7)) & 1 : Number(mixed[row] === null);
      nulls += isNull;
      bitmap[row >> 3]! |= (1 - isNull) << (row & 7);
    }
  }
  return { nulls, bitmap: nulls === 0 ? new Uint8Array() : bitmap };
}

function values(batch: BatchReader, column: ColumnHeader, type: ArrowType): Uint8Array<ArrayBuffer>[] | undefined {
  const { encoding, parts } = column;
  switch (type) {
    case 'int':
    case 'timestamp':
      if (encoding === 'i64') return [batch.bytes(parts[0]!)];
      return encoding === 'i32' || encoding === 'int53' ? [integers(batch, column)] : undefined;
    case 'float':
      return encoding === 'f64' ? [batch.bytes(parts[0]!)] : one(floats(batch.column(column)));
    case 'binary':
      return encoding === 'blob' ? [batch.bytes(parts[0]!), batch.bytes(parts[1]!)] : undefined;
    case 'date':
      return encoding === 'text' || encoding === 'dict' ? one(days(batch.column(column))) : undefined;
    case 'text':
      if (encoding === 'dict') return fromDictionary(batch, column);
      if (encoding !== 'text') return rendered(batch.column(column));
      return [bytesOf(byteOffsets(batch, column, 0)), batch.bytes(parts[1]!)];
  }
}

function bytesOf({ buffer }: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer);
}

function one(array: ArrayBufferView<ArrayBuffer> | undefined): Uint8Array<ArrayBuffer>[] | undefined {
  return array && [bytesOf(array)];
}

/** As 64-bit integers, low word first. A null has left zero. */
function integers(batch: BatchReader, { encoding, parts }: ColumnHeader): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset } = batch.bytes(parts[0]!);
  const { rows } = batch.header;
  const source = encoding === 'i32' ? new Int32Array(buffer, byteOffset, rows) : new Float64Array(buffer, byteOffset, rows);
  const words = new Int32Array(2 * rows);
  for (let row = 0; row < rows; row++) {
    const value = source[row]!;
    words[2 * row] = value; // modulo 2^32, as every store into an Int32Array
    words[2 * row + 1] = Math.floor(value / 2 ** 32);
  }
  return bytesOf(words);
}

/** Numbers that a double holds exactly; undefined where something else stands among them. */
function floats(from: ArrayLike<Value>): Float64Array<ArrayBuffer> | undefined {
  const target = new Float64Array(from.length);
  for (let row = 0; row < target.length; row++) {
    const value = from[row];
    if (typeof value === 'number') target[row] = value;
    else if (value !== null) return undefined;
  }
  return target;
}

/** Days since 1970 of dates 'YYYY-MM-DD'; undefined where something else stands among them. */
function days(from: ArrayLike<Value>): Int32Array<ArrayBuffer> | undefined {
  const target = new Int32Array(from.length);
  const known = new Map<Value, number>([[null, 0]]);
  const date = new Date(0);
  for (let row = 0; row < target.length; row++) {
    const text = from[row] as string | null;
    let day = known.get(text);
    if (day === undefined) {
      const [, year, month, dayOfMonth] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text!)?.map(Number) ?? [];
      date.setUTCFullYear(year!, month! - 1, dayOfMonth);
      // 30 February would be a day of March, and no date at all not a number.
      if (date.getUTCMonth() + 1 !== month || date.getUTCDate() !== dayOfMonth) return undefined;
      known.set(text, day = date.getTime() / DAY_MS);
    }
    target[row] = day;
  }
  return target;
}

/** Offsets of a run of texts in bytes; in results they count UTF-16 units. */
function byteOffsets(batch: BatchReader, { parts, units }: ColumnHeader, first: number): Uint32Array<ArrayBuffer> {
  const offsets = batch.words(parts[first]!).slice();
  const bytes = batch.bytes(parts[first + 1]!);
  if (units !== 'utf16' || offsets.at(-1) === bytes.length) return offsets;
  let at = 0;
  let unit = 0;
  for (let index = 0; index < offsets.length; index++) {
    while (unit < offsets[index]!) {
      const lead = bytes[at]!;
      at += lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      unit += lead < 0xf0 ? 1 : 2; // a surrogate pair
    }
    offsets[index] = at;
  }
  return offsets;
}

/** Plain text, so that the type of a column does not depend on how often its values repeat. */
function fromDictionary(batch: BatchReader, column: ColumnHeader): Uint8Array<ArrayBuffer>[] {
  const codes = batch.words(column.parts[0]!);
  const entries = byteOffsets(batch, column, 1);
  const source = batch.bytes(column.parts[2]!);
  const nulls = column.nulls && batch.bytes(column.nulls);
  const offsets = new Uint32Array(codes.length + 1);
  let end = 0;
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row]!;
    const isNull = nulls !== undefined && (nulls[row >> 3]! & (1 << (row & 7))) !== 0;
    if (!isNull) end += entries[code + 1]! - entries[code]!;
    checkSize(end, column);
    offsets[row + 1] = end;
  }
  const bytes = new Uint8Array(end);
  for (let row = 0; row < codes.length; row++) {
    const to = offsets[row + 1]!;
    // Short runs: a loop is faster here than a call for each.
    for (let from = entries[codes[row]!]!, at = offsets[row]!; at < to; at++) bytes[at] = source[from++]!;
  }
  return [bytesOf(offsets), bytes];
}

function rendered(from: ArrayLike<Value>): Uint8Array<ArrayBuffer>[] {
  const joined = joinTexts(Array.from(from, (value) => (value === null ? '' : plainText(value))));
  if ('malformed' in joined) throw new LotwiseError('INTERNAL', 'The engine gave text that is not well-formed.');
  return [bytesOf(joined.offsets), joined.bytes];
}

function checkSize(bytes: number, { name }: ColumnHeader): void {
  if (bytes <= COLUMN_BYTES_MAX) return;
  throw new LotwiseError('LIMIT_EXCEEDED', `Arrow: column '${name}' has more than 2 GiB of text, which its offsets cannot count. Take fewer rows or leave the column out.`, {
    details: { column: name, bytesMax: COLUMN_BYTES_MAX },
  });
}
