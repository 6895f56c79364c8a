/**
 * Rows on their way to the engine: objects, arrays of columns or parameter sets become one LWB1 batch.
 *
 * Every value keeps its kind exactly: whole safe numbers are integers, others reals, booleans 0 and 1, NaN
 * null. Knows nothing of datasets: names and types of columns are the engine's to judge.
 */
import { LotwiseError } from '../errors.ts';
import { MAGIC, TAG, roundUp8, type BatchHeader, type ColumnHeader, type Encoding, type PartRange } from './format.ts';
import { isWellFormed, joinTexts } from './text.ts';

/** Largest batch. Offsets of text are 32 bits, and a batch is in memory several times on its way. */
export const BATCH_BYTES_MAX = 256 * 1024 * 1024;

/** Dictionary encoding pays while most values are repeated: this many distinct ones are allowed at least. */
const DICTIONARY_ENTRIES_MIN = 64;

/** Rows of objects (own enumerable members) or columns; `what` opens the error messages. */
export function encodeRows(rows: unknown, what: string): Uint8Array<ArrayBuffer> {
  if (Array.isArray(rows)) return encodeColumns(columnsOfRows(rows, what), rows.length, what);
  if (typeof rows !== 'object' || rows === null || ArrayBuffer.isView(rows)) {
    throw invalid(`${what}: rows have to be an array of objects, or an object of columns.`);
  }
  const columns = new Map<string, ArrayLike<unknown>>();
  let length: number | undefined;
  for (const [name, values] of Object.entries(rows)) {
    if (!isArrayLike(values)) throw invalid(`${what}: column '${name}' has to be an array of values.`, { column: name });
    length ??= values.length;
    if (values.length !== length) {
      throw invalid(`${what}: column '${name}' has ${values.length} values, the columns before it have ${length}.`, { column: name });
    }
    columns.set(name, values);
  }
  return encodeColumns(columns, length ?? 0, what);
}

/** Parameter sets, all by position or all by name; columns are then named '1', '2', … or as the parameters. */
export function encodeParams(sets: unknown, what: string): { batch: Uint8Array<ArrayBuffer>; named: boolean } {
  if (!Array.isArray(sets)) throw invalid(`${what}: params have to be an array of parameter sets.`);
  const named = sets.length > 0 && !Array.isArray(sets[0]);
  const columns = named ? columnsOfRows(sets, what) : columnsOfLists(sets, what);
  for (const [name, values] of columns) {
    for (let row = 0; row < sets.length; row++) {
      if (values[row] === undefined) throw invalid(`${what}: parameter '${name}' is missing in set ${row} (counted from 0).`, { column: name, row });
    }
  }
  return { batch: encodeColumns(columns, sets.length, what), named };
}

function columnsOfRows(rows: readonly unknown[], what: string): Map<string, unknown[]> {
  const columns = new Map<string, unknown[]>();
  let known: string[] = [];
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index];
    if (typeof row !== 'object' || row === null || Array.isArray(row) || ArrayBuffer.isView(row)) {
      throw invalid(`${what}: row ${index} (counted from 0) has to be an object of named values.`, { row: index });
    }
    const keys = Object.keys(row);
    for (let position = 0; position < keys.length; position++) {
      const key = keys[position]!;
      if (key !== known[position] && !columns.has(key)) columns.set(key, []);
    }
    known = keys;
  }
  for (const [name, values] of columns) {
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] as Record<string, unknown>;
      // Own members only: a column may be called 'constructor' or '__proto__'.
      values.push(Object.hasOwn(row, name) ? row[name] : undefined);
    }
  }
  return columns;
}

function columnsOfLists(sets: readonly unknown[], what: string): Map<string, unknown[]> {
  const columns = new Map<string, unknown[]>();
  const width = Array.isArray(sets[0]) ? sets[0].length : 0;
  for (let position = 0; position < width; position++) columns.set(String(position + 1), []);
  const lists = [...columns.values()];
  for (let row = 0; row < sets.length; row++) {
    const set: unknown = sets[row];
    if (!Array.isArray(set) || set.length !== width) {
      throw invalid(`${what}: set ${row} (counted from 0) has to be an array of ${width} values, as the first one.`, { row });
    }
    for (let position = 0; position < width; position++) lists[position]!.push(set[position]);
  }
  return columns;
}

// ───────────────────────── one column ─────────────────────────

/** Bits for the kinds of values that a column holds. */
const KIND = { null: 1, int32: 2, int53: 4, int64: 8, real: 16, text: 32, blob: 64, absent: 128 } as const;

/** A column on its way: its name, its values, and how to name a place in it. */
interface Source {
  name: string;
  values: ArrayLike<unknown>;
  what: string;
}

function encodeColumns(columns: ReadonlyMap<string, ArrayLike<unknown>>, rows: number, what: string): Uint8Array<ArrayBuffer> {
  const writer = new BatchWriter();
  for (const [name, values] of columns) {
    if (!isWellFormed(name)) throw invalid(`${what}: the name of column '${name}' holds half of a surrogate pair.`, { column: name });
    encodeColumn(writer, { name, values, what }, rows);
  }
  return writer.finish(rows);
}

function encodeColumn(writer: BatchWriter, source: Source, rows: number): void {
  const { values } = source;
  let kinds = 0;
  for (let row = 0; row < rows; row++) kinds |= kindOf(values[row], source, row);

  if (kinds === KIND.absent) return; // no row gives it: the same as no column
  const solid = kinds & ~KIND.null;
  const nulls = kinds !== solid && solid !== 0 ? nullBitmap(values, rows) : undefined;
  const add = (encoding: Encoding, ...parts: ArrayBufferView<ArrayBuffer>[]): void => writer.add(source.name, encoding, parts, nulls);
  const isNull = (row: number): boolean => (nulls !== undefined && (nulls[row >> 3]! & (1 << (row & 7))) !== 0);

  if (solid === 0) add('null');
  else if (solid === KIND.int32) add('i32', fill(new Int32Array(rows), values, isNull));
  else if ((solid & ~(KIND.int32 | KIND.int53)) === 0) add('int53', fill(new Float64Array(rows), values, isNull));
  else if ((solid & ~(KIND.int32 | KIND.int53 | KIND.int64)) === 0) add('i64', bigints(values, rows, isNull));
  else if (solid === KIND.real) add('f64', fill(new Float64Array(rows), values, isNull));
  else if (solid === KIND.text) encodeTexts(source, rows, isNull, add);
  else if (solid === KIND.blob) add('blob', ...blobs(source, rows, isNull));
  else writer.add(source.name, 'any', encodeAny(source, rows), undefined);
}

function kindOf(value: unknown, source: Source, row: number): number {
  switch (typeof value) {
    case 'number':
      if ((value | 0) === value) return KIND.int32;
      if (Number.isSafeInteger(value)) return KIND.int53;
      return Number.isNaN(value) ? KIND.null : KIND.real;
    case 'string': return KIND.text;
    case 'boolean': return KIND.int32;
    case 'undefined': return KIND.absent;
    case 'bigint':
      if (BigInt.asIntN(64, value) === value) return KIND.int64;
      throw misplaced(source, row, `the integer ${shortened(value.toString())} does not fit in 64 bits.`);
    case 'object':
      if (value === null) return KIND.null;
      if (value instanceof Uint8Array) return KIND.blob;
      break;
  }
  const hint = value instanceof Date ? ' Give a date as text such as \'2025-06-10\', a moment as its getTime().' : '';
  throw misplaced(source, row, `${describe(value)} is no value; allowed are null, boolean, number, bigint, string and Uint8Array.${hint}`);
}

function nullBitmap(values: ArrayLike<unknown>, rows: number): Uint8Array<ArrayBuffer> {
  const bitmap = new Uint8Array(Math.ceil(rows / 8));
  for (let row = 0; row < rows; row++) {
    const value = values[row];
    if (value === null || Number.isNaN(value)) bitmap[row >> 3]! |= 1 << (row & 7);
  }
  return bitmap;
}

function fill<T extends Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(target: T, values: ArrayLike<unknown>, isNull: (row: number) => boolean): T {
  for (let row = 0; row < target.length; row++) {
    // Plus 0: -0 is the integer 0.
    if (!isNull(row)) target[row] = Number(values[row]) + 0;
  }
  return target;
}

function bigints(values: ArrayLike<unknown>, rows: number, isNull: (row: number) => boolean): BigInt64Array<ArrayBuffer> {
  const target = new BigInt64Array(rows);
  for (let row = 0; row < rows; row++) {
    if (!isNull(row)) target[row] = BigInt(values[row] as bigint | number | boolean);
  }
  return target;
}

/** As a dictionary while values repeat, else one by one. */
function encodeTexts(
  source: Source, rows: number, isNull: (row: number) => boolean,
  add: (encoding: Encoding, ...parts: ArrayBufferView<ArrayBuffer>[]) => void,
): void {
  const entriesMax = Math.max(DICTIONARY_ENTRIES_MIN, rows >> 3);
  const codes = new Uint32Array(rows);
  const rowOfEntry: number[] = [];
  const codeOf = new Map<string, number>();
  let row = 0;
  for (; row < rows && codeOf.size <= entriesMax; row++) {
    const text = isNull(row) ? '' : source.values[row] as string;
    let code = codeOf.get(text);
    if (code === undefined) {
      code = codeOf.size;
      codeOf.set(text, code);
      rowOfEntry.push(row);
    }
    codes[row] = code;
  }
  if (row === rows && codeOf.size <= entriesMax) {
    const { offsets, bytes } = joined([...codeOf.keys()], source, (index) => rowOfEntry[index]!);
    add('dict', codes, offsets, bytes);
    return;
  }
  const texts = new Array<string>(rows);
  for (let index = 0; index < rows; index++) texts[index] = isNull(index) ? '' : source.values[index] as string;
  const { offsets, bytes } = joined(texts, source, (index) => index);
  add('text', offsets, bytes);
}

function joined(texts: string[], source: Source, rowOf: (index: number) => number) {
  let units = 0;
  for (const text of texts) units += text.length;
  if (units > BATCH_BYTES_MAX) throw tooLarge(source.what);
  const result = joinTexts(texts);
  if ('malformed' in result) {
    throw misplaced(source, rowOf(result.malformed), 'the text holds half of a surrogate pair and would not come back as it is. Repair it with toWellFormed().');
  }
  return result;
}

function blobs(source: Source, rows: number, isNull: (row: number) => boolean): [Uint32Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] {
  const offsets = new Uint32Array(rows + 1);
  let end = 0;
  for (let row = 0; row < rows; row++) {
    if (!isNull(row)) end += (source.values[row] as Uint8Array).length;
    if (end > BATCH_BYTES_MAX) throw tooLarge(source.what);
    offsets[row + 1] = end;
  }
  const bytes = new Uint8Array(end);
  for (let row = 0; row < rows; row++) {
    if (!isNull(row)) bytes.set(source.values[row] as Uint8Array, offsets[row]!);
  }
  return [offsets, bytes];
}

/** Values of several kinds, or left out in some rows: a tag and a slot each. */
function encodeAny(source: Source, rows: number): [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] {
  const tags = new Uint8Array(rows);
  const slots = new DataView(new ArrayBuffer(rows * 8));
  const runs: Uint8Array[] = [];
  let end = 0;
  const addRun = (row: number, bytes: Uint8Array): void => {
    if (end + bytes.length > BATCH_BYTES_MAX) throw tooLarge(source.what);
    slots.setUint32(row * 8, end, true);
    slots.setUint32(row * 8 + 4, bytes.length, true);
    runs.push(bytes);
    end += bytes.length;
  };
  for (let row = 0; row < rows; row++) {
    const value = source.values[row];
    if (value === undefined) tags[row] = TAG.absent;
    else if (value === null || Number.isNaN(value)) tags[row] = TAG.null;
    else if (typeof value === 'string') {
      tags[row] = TAG.text;
      addRun(row, joined([value], source, () => row).bytes);
    } else if (value instanceof Uint8Array) {
      tags[row] = TAG.blob;
      addRun(row, value);
    } else if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      tags[row] = TAG.real;
      slots.setFloat64(row * 8, value, true);
    } else {
      tags[row] = TAG.integer;
      slots.setBigInt64(row * 8, BigInt(value as bigint | number | boolean), true);
    }
  }
  const bytes = new Uint8Array(end);
  let at = 0;
  for (const run of runs) {
    bytes.set(run, at);
    at += run.length;
  }
  return [tags, new Uint8Array(slots.buffer), bytes];
}

// ───────────────────────── the batch ─────────────────────────

/** Gathers columns, then lays them out in one buffer. */
class BatchWriter {
  readonly #columns: ColumnHeader[] = [];
  readonly #parts: { at: number; view: ArrayBufferView<ArrayBuffer> }[] = [];
  #length = 0;

  add(name: string, encoding: Encoding, parts: readonly ArrayBufferView<ArrayBuffer>[], nulls: Uint8Array<ArrayBuffer> | undefined): void {
    // The engine knows the types of its columns; what is sent has none.
    const column: ColumnHeader = { name, type: '', encoding, parts: parts.map((part) => this.#place(part)) };
    if (nulls !== undefined) column.nulls = this.#place(nulls);
    if (encoding === 'text' || encoding === 'dict') column.units = 'utf8';
    this.#columns.push(column);
  }

  finish(rows: number): Uint8Array<ArrayBuffer> {
    const header: BatchHeader = { rows, columns: this.#columns };
    const json = new TextEncoder().encode(JSON.stringify(header));
    const data = roundUp8(8 + json.length);
    const batch = new Uint8Array(data + this.#length);
    const view = new DataView(batch.buffer);
    view.setUint32(0, MAGIC, true);
    view.setUint32(4, json.length, true);
    batch.set(json, 8);
    for (const { at, view: part } of this.#parts) {
      batch.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), data + at);
    }
    return batch;
  }

  #place(view: ArrayBufferView<ArrayBuffer>): PartRange {
    const at = this.#length;
    this.#parts.push({ at, view });
    this.#length = roundUp8(at + view.byteLength);
    if (this.#length > BATCH_BYTES_MAX) throw tooLarge('The batch');
    return [at, view.byteLength];
  }
}

// ───────────────────────── errors ─────────────────────────

function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

/** A value in few words, for messages. */
export function describe(value: unknown): string {
  if (value === undefined) return 'undefined';
  if (value instanceof Date) return 'a Date';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) {
    const name: unknown = value.constructor?.name;
    return typeof name === 'string' && name !== 'Object' && name !== '' ? `an object (${name})` : 'an object';
  }
  return `a ${typeof value}`;
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function misplaced({ name, what }: Source, row: number, problem: string): LotwiseError {
  return invalid(`${what}: column '${name}', row ${row} (counted from 0): ${problem}`, { column: name, row });
}

function invalid(message: string, details?: { column?: string; row?: number }): LotwiseError {
  return new LotwiseError('INPUT_INVALID', message, { details });
}

function tooLarge(what: string): LotwiseError {
  return new LotwiseError('LIMIT_EXCEEDED', `${what}: more than ${BATCH_BYTES_MAX / 1024 / 1024} MB in one call; give the rows in several.`, { details: { bytesMax: BATCH_BYTES_MAX } });
}
