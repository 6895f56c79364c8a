/**
 * LWB1, the columnar batch that crosses the boundary to the engine, both ways.
 *
 * Little endian throughout:
 *
 *     0  'LWB1'
 *     4  u32 length H of the header
 *     8  header: H bytes of JSON, see `BatchHeader`; zeros up to a multiple of 8
 *     D  data; every part begins at a multiple of 8, offsets in the header are relative to D
 *
 * Parts of a column by encoding, for N rows:
 *
 * | encoding | parts |
 * |---|---|
 * | i32   | Int32[N] |
 * | f64   | Float64[N], reals |
 * | int53 | Float64[N], whole numbers within ±(2^53-1) |
 * | i64   | BigInt64[N] |
 * | text  | Uint32[N+1] offsets, bytes of all values joined, UTF-8 |
 * | dict  | Uint32[N] codes, Uint32[K+1] offsets, bytes of the K entries |
 * | blob  | Uint32[N+1] offsets, bytes |
 * | any   | Uint8[N] tags, 8 bytes × N of slots, bytes |
 * | null  | none |
 *
 * A null leaves its slot zero or empty and sets its bit in `nulls` (bit i of the bitmap, lowest first);
 * `any` tells nulls by tag instead. Text offsets count UTF-16 units where `units` is 'utf16' (results: the
 * bytes are decoded once and sliced) and bytes otherwise (input).
 */

/** First four bytes, as a little-endian u32: 'LWB1'. */
export const MAGIC = 0x3142574c;

/** Where a part lies: offset from the beginning of the data, length in bytes. */
export type PartRange = [offset: number, length: number];

export type Encoding = 'i32' | 'f64' | 'int53' | 'i64' | 'text' | 'dict' | 'blob' | 'any' | 'null';

export interface ColumnHeader {
  name: string;
  type: string;
  encoding: Encoding;
  nulls?: PartRange;
  parts: PartRange[];
  units?: 'utf8' | 'utf16';
}

export interface BatchHeader {
  rows: number;
  columns: ColumnHeader[];
}

/** Tags of the encoding `any`. `absent` is for input only: the column's default applies. */
export const TAG = { null: 0, integer: 1, real: 2, text: 3, blob: 4, absent: 5 } as const;

export function roundUp8(length: number): number {
  return Math.ceil(length / 8) * 8;
}
