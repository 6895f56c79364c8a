/**
 * Arrow streams: what Arrow's own library reads in them is what the result holds. (It drops a byte-order mark
 * at the beginning of a text, so none stands there.)
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataType, RecordBatchReader, tableFromIPC, type Table } from 'apache-arrow';
import { arrowColumn } from '../../src/ts/arrow/columns.ts';
import { BatchResult } from '../../src/ts/batch/decode.ts';
import { encodeRows } from '../../src/ts/batch/encode.ts';
import type { ColumnHeader } from '../../src/ts/batch/format.ts';
import { BatchReader } from '../../src/ts/batch/reader.ts';
import { LotwiseError } from '../../src/ts/errors.ts';
import type { ResultMeta, Row, Value } from '../../src/ts/types.ts';
import { engineBatch, type EngineColumn } from './engine-batch.ts';
import { randomFrom, testSeed } from './random.ts';

const META: ResultMeta = { route: 'scan', cache: 'bypass', ageMs: 0, elapsedMs: 0, queuedMs: 0, partitions: ['live'], dataVersion: 1 };

function resultOf(batch: Uint8Array<ArrayBuffer>): BatchResult {
  return new BatchResult(batch, META);
}

function read(batch: Uint8Array<ArrayBuffer>): Table {
  return tableFromIPC(resultOf(batch).toArrow());
}

function typesOf(table: Table): string[] {
  return table.schema.fields.map(({ type }) => String(type));
}

/** A column as Arrow's library reads it: bigint for Int64, milliseconds for dates and timestamps. */
function column(table: Table, index = 0): unknown[] {
  return [...table.getChildAt(index)!];
}

/** Values as they are in a result, for integers that arrive as bigint. */
function plain(value: unknown): unknown {
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** One column of an engine's batch whose type is declared. */
function declared(type: string, values: readonly Value[]): Uint8Array<ArrayBuffer> {
  return engineBatch(values.length, [{ name: 'v', type, values }]);
}

test('every kind of value, with nulls', () => {
  const rows: Row[] = [
    { int: 1, big: 2 ** 40, huge: 2n ** 63n - 1n, real: 0.1, text: 'ä', coded: 'x', blob: new Uint8Array([1, 2]), none: null },
    { int: null, big: null, huge: null, real: null, text: null, coded: null, blob: null, none: null },
    { int: -(2 ** 31), big: 1 - 2 ** 53, huge: -(2n ** 63n), real: -Infinity, text: '', coded: 'x', blob: new Uint8Array(), none: null },
    { int: 2 ** 31 - 1, big: 2 ** 53 - 1, huge: -1n, real: Infinity, text: '𝒳\uFEFF\0日', coded: '', blob: new Uint8Array([0]), none: null },
  ];
  const table = read(encodeRows(rows, 'append()'));
  assert.deepEqual(typesOf(table), ['Int64', 'Int64', 'Int64', 'Float64', 'Utf8', 'Utf8', 'Binary', 'Utf8']);
  assert.ok(table.schema.fields.every(({ nullable }) => nullable));
  assert.equal(table.numRows, 4);
  assert.deepEqual(table.schema.fields.map((_, index) => table.getChildAt(index)!.nullCount), [1, 1, 1, 1, 1, 1, 1, 4]);
  const got = rows.map((_, row) => Object.fromEntries(table.schema.fields.map(({ name }, index) => [name, plain(table.getChildAt(index)!.get(row))])));
  assert.deepEqual(got, rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]))));
});

test('integers of every width, to the last bit', () => {
  for (const values of [[0, 1, -1, 2 ** 31 - 1, -(2 ** 31)], [2 ** 31, -(2 ** 31) - 1, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, 1 - 2 ** 53, 0], [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 0n]]) {
    assert.deepEqual(column(read(encodeRows({ v: values }, 'append()'))), values.map(BigInt));
  }
});

test('no rows, no columns', () => {
  assert.deepEqual([read(encodeRows([], 'append()')).numRows, read(encodeRows([], 'append()')).numCols], [0, 0]);
  const types = { integer: 'Int64', real: 'Float64', text: 'Utf8', date: 'Date32<DAY>', timestamp: 'Timestamp<MILLISECOND, UTC>', timestampText: 'Utf8', blob: 'Binary', json: 'Utf8', null: 'Utf8' };
  const columns = Object.keys(types).map((type): EngineColumn => ({ name: type, type, values: [] }));
  const empty = read(engineBatch(0, columns));
  assert.equal(empty.numRows, 0);
  assert.deepEqual(typesOf(empty), Object.values(types));
  // The same types where all is null: a schema does not depend on the rows.
  const nulls = read(engineBatch(9, columns.map((each) => ({ ...each, values: Array<null>(9).fill(null) }))));
  assert.deepEqual(typesOf(nulls), Object.values(types));
  columns.forEach((_, index) => assert.deepEqual(column(nulls, index), Array(9).fill(null)));
});

test('bitmaps at the edges of bytes', () => {
  for (const rows of [1, 7, 8, 9, 16, 17, 65]) {
    const values = Array.from({ length: rows }, (_, row) => (row % 3 === 1 || row === rows - 1 ? null : row));
    assert.deepEqual(column(read(encodeRows({ v: values }, 'append()'))).map(plain), values);
  }
});

test('dates and timestamps where they are declared', () => {
  const dates = ['1970-01-01', '2024-02-29', null, '0000-01-01', '9999-12-31', '1969-12-31'];
  const table = read(declared('date', dates));
  assert.ok(DataType.isDate(table.schema.fields[0]!.type));
  assert.deepEqual(column(table), dates.map((date) => date && Date.parse(date)));
  const moments = [0, 1_750_000_000_123, null, -1];
  const timestamps = read(declared('timestamp', moments));
  assert.deepEqual(typesOf(timestamps), ['Timestamp<MILLISECOND, UTC>']);
  assert.deepEqual(column(timestamps), moments);
  assert.deepEqual(typesOf(read(declared('timestamp', [2 ** 40]))), ['Timestamp<MILLISECOND, UTC>']);
});

test('what is no date stays text, and the column with it', () => {
  for (const wrong of ['2023-02-29', '2023-13-01', '2023-1-1', '2023-00-10', '2023-01-00', ' 2023-01-01', '2023-01-01T00:00', '', 'soon']) {
    const table = read(declared('date', ['2023-01-01', wrong, null]));
    assert.deepEqual(typesOf(table), ['Utf8'], wrong);
    assert.deepEqual(column(table), ['2023-01-01', wrong, null]);
  }
});

test('values that contradict what is declared', () => {
  for (const [type, values, arrow] of [['integer', ['x'], 'Utf8'], ['real', [1, 2], 'Float64'], ['real', ['x'], 'Utf8'], ['text', [1], 'Int64'], ['timestamp', [0.5], 'Float64'], ['date', [7], 'Int64'], ['blob', [1.5], 'Float64'], ['real', [2n ** 62n], 'Int64']] as const) {
    const table = read(declared(type, values));
    assert.deepEqual(typesOf(table), [arrow], `${type} ${String(values)}`);
    assert.deepEqual(column(table).map(plain), [...values]);
  }
});

test('mixtures are numbers where that is exact, else text', () => {
  for (const [values, type, expected] of [
    [[1, 0.5, null], 'Float64', [1, 0.5, null]],
    [[2 ** 53 - 1, 0.5], 'Float64', [2 ** 53 - 1, 0.5]],
    [[2n ** 53n + 1n, 0.5], 'Utf8', ['9007199254740993', '0.5']],
    [['a', 7, 0.5, null, Infinity, new Uint8Array([0, 255]), 2n ** 63n - 1n], 'Utf8', ['a', '7', '0.5', null, 'Infinity', '\\x00ff', '9223372036854775807']],
  ] as const) {
    const table = read(encodeRows({ v: values }, 'append()'));
    assert.deepEqual(typesOf(table), [type]);
    assert.deepEqual(column(table), [...expected]);
  }
});

test('a null in a dictionary leaves no text behind, whatever its code', () => {
  const reader = new BatchReader(encodeRows({ v: ['secret', null, 'b'] }, 'append()'));
  const [{ parts }] = reader.header.columns as [ColumnHeader];
  assert.equal(parts.length, 3);
  reader.words(parts[0]!)[1] = 0;
  const { buffers } = arrowColumn(reader, reader.header.columns[0]!, 'text')!;
  assert.deepEqual(buffers.map((buffer) => [...buffer]), [[0b101], [0, 0, 0, 0, 6, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0], [...new TextEncoder().encode('secretb')]]);
});

test('names of every kind, also twice', () => {
  const names = ['__proto__', 'constructor', '', 'ä "𝒳"', 'twice', 'twice', 'a\0b'];
  const table = read(engineBatch(1, names.map((name, index) => ({ name, type: 'integer', values: [index] }))));
  assert.deepEqual(table.schema.fields.map(({ name }) => name), names);
  assert.deepEqual(names.map((_, index) => column(table, index)), names.map((_, index) => [BigInt(index)]));
});

test('2,000 columns', () => {
  const table = read(engineBatch(2, Array.from({ length: 2_000 }, (_, index) => ({ name: `c${index}`, type: 'integer', values: [index, null] }))));
  assert.equal(table.numCols, 2_000);
  for (const index of [0, 999, 1_999]) assert.deepEqual(column(table, index), [BigInt(index), null]);
});

test('huge text', () => {
  const text = `${'x'.repeat(10_000_000)}\0é`;
  assert.deepEqual(column(read(declared('text', ['', text, null, 'z']))), ['', text, null, 'z']);
});

test('text past what offsets can count is refused', () => {
  const text = 'x'.repeat(2 ** 20);
  const result = resultOf(encodeRows({ v: Array<string>(2_048).fill(text) }, 'append()'));
  assert.throws(() => result.toArrow(), (error) => {
    assert.ok(error instanceof LotwiseError);
    assert.equal(error.code, 'LIMIT_EXCEEDED');
    assert.match(error.message, /'v'.*2 GiB/);
    return true;
  });
});

test('the stream is one schema, one batch and an end, at multiples of 8', () => {
  const bytes = resultOf(encodeRows([{ a: 1, b: 'text' }], 'append()')).toArrow();
  assert.equal(bytes.length % 8, 0);
  assert.deepEqual([...bytes.subarray(-8)], [255, 255, 255, 255, 0, 0, 0, 0]);
  const batches = [...RecordBatchReader.from(bytes)];
  assert.equal(batches.length, 1);
});

test('random rows come out as in the result', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const makers: (() => Value)[] = [
    () => null, () => Math.floor(random() * 100), () => Math.floor((random() - 0.5) * 2 ** 53), () => random() * 1e6,
    () => BigInt.asIntN(64, BigInt(Math.floor(random() * 2 ** 53)) << 11n), () => pick(['', 'a', 'LINE-01', 'ä', '日本', '😀', '\0', 'a\uFEFF']),
    () => String(random()), () => new Uint8Array(Math.floor(random() * 5)).fill(random() * 256),
  ];
  try {
    for (let round = 0; round < 200; round++) {
      const rows = Math.floor(random() * 200);
      const columns = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, index): EngineColumn => {
        const of = [() => null, pick(makers)];
        return { name: `c${index}`, type: 'any', values: Array.from({ length: rows }, () => pick(of)()) };
      });
      const batch = engineBatch(rows, columns);
      const table = read(batch);
      columns.forEach((each, index) => assert.deepEqual(column(table, index).map(plain), each.values.map(plain)));
    }
  } catch (error) {
    throw new Error(`seed ${seed} (give it as LOTWISE_SEED)`, { cause: error });
  }
});
