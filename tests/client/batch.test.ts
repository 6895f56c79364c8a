/** The columnar batch: what goes in comes out, exactly; what cannot is refused with its place. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchResult } from '../../src/ts/batch/decode.ts';
import { BATCH_BYTES_MAX, encodeParams, encodeRows } from '../../src/ts/batch/encode.ts';
import { MAGIC, roundUp8, type BatchHeader } from '../../src/ts/batch/format.ts';
import { LotwiseError } from '../../src/ts/errors.ts';
import type { ResultMeta, Row, Value } from '../../src/ts/types.ts';
import { randomFrom, testSeed } from './random.ts';

const META: ResultMeta = { route: 'scan', cache: 'bypass', ageMs: 0, elapsedMs: 0, queuedMs: 0, partitions: ['live'], dataVersion: 1 };

function decode(batch: Uint8Array<ArrayBuffer>): BatchResult {
  return new BatchResult(batch, META);
}

function headerOf(batch: Uint8Array<ArrayBuffer>): BatchHeader {
  const length = new DataView(batch.buffer).getUint32(4, true);
  return JSON.parse(new TextDecoder().decode(batch.subarray(8, 8 + length))) as BatchHeader;
}

function encodingsOf(rows: unknown): Record<string, string> {
  return Object.fromEntries(headerOf(encodeRows(rows, 'append()')).columns.map(({ name, encoding }) => [name, encoding]));
}

/** What a value is after the trip. */
function expected(value: Value | undefined): Value {
  if (value === undefined || Number.isNaN(value)) return null;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) return Number(value);
  return Object.is(value, -0) ? 0 : value;
}

function assertRoundTrip(rows: Record<string, Value | undefined>[]): void {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => rows.some((row) => row[name] !== undefined));
  const result = decode(encodeRows(rows, 'append()'));
  assert.deepEqual(result.columns.map(({ name }) => name), names);
  assert.equal(result.rowCount, rows.length);
  const wanted = rows.map((row) => Object.fromEntries(names.map((name) => [name, expected(row[name])])));
  assert.deepEqual(result.rows, wanted);
  for (const name of names) assert.deepEqual([...result.column(name)], wanted.map((row) => row[name]));
}

function assertRefused(rows: unknown, details: object, message: RegExp): void {
  assert.throws(() => encodeRows(rows, 'append()'), (error) => {
    assert.ok(error instanceof LotwiseError);
    assert.equal(error.code, 'INPUT_INVALID');
    assert.match(error.message, message);
    assert.deepEqual(error.details, details);
    return true;
  });
}

test('every kind of value comes back as it was', () => {
  assertRoundTrip([
    { int: 1, big: 2 ** 40, huge: 2n ** 62n, real: 0.5, text: 'ä', blob: new Uint8Array([1, 2]), flag: true, none: null, mixed: 'x' },
    { int: -2, big: -(2 ** 40), huge: -(2n ** 63n), real: Infinity, text: '', blob: new Uint8Array(), flag: false, none: null, mixed: 7 },
    { int: null, big: null, huge: null, real: null, text: null, blob: null, flag: null, none: null, mixed: 2.5 },
    { int: 0, big: 2 ** 53 - 1, huge: 5n, real: -Infinity, text: '\u0000𝒳\uFEFF', blob: new Uint8Array([0]), flag: true, none: NaN, mixed: null },
  ]);
});

test('a byte-order mark at the beginning of a column is text', () => {
  assertRoundTrip([{ text: '\uFEFFa' }, { text: 'b' }]);
});

test('each column takes the narrowest encoding', () => {
  assert.deepEqual(encodingsOf([
    { a: 1, b: 2 ** 40, c: 1n, d: 0.5, e: 'x', f: new Uint8Array(), g: null, h: 1, i: 1 },
    { a: 2, b: 1, c: 1, d: 1.5, e: 'x', f: null, g: null, h: 'x' },
  ]), { a: 'i32', b: 'int53', c: 'i64', d: 'f64', e: 'dict', f: 'blob', g: 'null', h: 'any', i: 'any' });
  assert.deepEqual(encodingsOf({ lot: Array.from({ length: 1_000 }, (_, i) => `L${i}`) }), { lot: 'text' });
});

test('whole and broken numbers in one column keep their kind', () => {
  assert.deepEqual(encodingsOf([{ value: 1 }, { value: 1.5 }]), { value: 'any' });
});

test('columns can be given as arrays and typed arrays', () => {
  const result = decode(encodeRows({ id: new Int32Array([1, 2]), value: new Float64Array([0.5, 1.5]), name: ['a', null] }, 'append()'));
  assert.deepEqual(result.rows, [{ id: 1, value: 0.5, name: 'a' }, { id: 2, value: 1.5, name: null }]);
});

test('no rows and no columns are an empty batch', () => {
  for (const nothing of [[], {}, { a: [] }]) assert.equal(decode(encodeRows(nothing, 'append()')).rowCount, 0);
});

test('columns without nulls are typed arrays', () => {
  const result = decode(encodeRows([{ a: 1, b: 0.5, c: null }, { a: 2, b: 1.5, c: 3 }], 'append()'));
  assert.ok(result.column('a') instanceof Int32Array);
  assert.ok(result.column(1) instanceof Float64Array);
  assert.deepEqual(result.column('c'), [null, 3]);
  assert.equal(result.column('a'), result.column(0));
});

test('a column that is not there is named, with those that are', () => {
  const result = decode(encodeRows([{ a: 1 }], 'append()'));
  assert.throws(() => result.column('b'), (error) => error instanceof LotwiseError && error.code === 'NOT_FOUND' && /'b'.*'a'/.test(error.message));
  assert.throws(() => result.column(1), { code: 'NOT_FOUND' });
});

test('names of Object.prototype are columns like any other', () => {
  const rows = JSON.parse('[{"__proto__": "p", "constructor": 1, "toString": null}, {"__proto__": "q", "hasOwnProperty": 2}]') as Row[];
  const result = decode(encodeRows(rows, 'append()'));
  assert.deepEqual(result.columns.map(({ name }) => name), ['__proto__', 'constructor', 'toString', 'hasOwnProperty']);
  const [first, second] = result.rows;
  assert.equal(Object.getPrototypeOf(first), Object.prototype);
  assert.equal(Object.getOwnPropertyDescriptor(first, '__proto__')?.value, 'p');
  assert.deepEqual(Object.entries(second!), [['__proto__', 'q'], ['constructor', null], ['toString', null], ['hasOwnProperty', 2]]);
  assert.equal(({} as Row)['p'], undefined);
});

test('what is no value is refused with column and row', () => {
  const at = { column: 'v', row: 1 };
  assertRefused([{ v: 1 }, { v: new Date() }], at, /column 'v', row 1 .*a Date is no value; allowed are null.*getTime/);
  assertRefused([{ v: 1 }, { v: { a: 1 } }], at, /an object is no value/);
  assertRefused([{ v: 1 }, { v: [1] }], at, /an array is no value/);
  assertRefused([{ v: 1 }, { v: () => 1 }], at, /a function is no value/);
  assertRefused([{ v: 1 }, { v: 2n ** 63n }], at, /9223372036854775808 does not fit in 64 bits/);
  assertRefused([{ v: 1 }, { v: -(2n ** 63n) - 1n }], at, /64 bits/);
  assertRefused({ v: ['a', Symbol('s')] }, at, /a symbol is no value/);
});

test('half a surrogate pair is refused with column and row, in every encoding', () => {
  const distinct = Array.from({ length: 1_000 }, (_, i) => `L${i}`);
  for (const bad of ['\ud800', 'a\udc00', '\udc00\ud800']) {
    assertRefused([{ v: 'a' }, { v: bad }], { column: 'v', row: 1 }, /half of a surrogate pair/);
    assertRefused({ v: distinct.with(7, bad) }, { column: 'v', row: 7 }, /surrogate/);
    assertRefused([{ v: 1 }, { v: bad }], { column: 'v', row: 1 }, /surrogate/);
  }
  // Two halves that only meet where values are joined.
  assertRefused({ v: distinct.with(3, 'x\ud83d').with(4, '\ude00y') }, { column: 'v', row: 3 }, /surrogate/);
});

test('rows and columns of the wrong shape are refused', () => {
  const refused = (rows: unknown, message: RegExp): void => {
    assert.throws(() => encodeRows(rows, 'append()'), (error) => error instanceof LotwiseError && error.code === 'INPUT_INVALID' && message.test(error.message));
  };
  refused([{ a: 1 }, null], /row 1 .*has to be an object/);
  refused([[1]], /row 0 .*has to be an object/);
  refused('text', /array of objects/);
  refused({ a: [1], b: [1, 2] }, /column 'b' has 2 values, the columns before it have 1/);
  refused({ a: 'abc' }, /column 'a' has to be an array/);
});

test('parameter sets are columns by position or by name', () => {
  const lists = encodeParams([[1, 'a'], [2, null]], 'executeMany()');
  assert.equal(lists.named, false);
  assert.deepEqual(decode(lists.batch).rows, [{ 1: 1, 2: 'a' }, { 1: 2, 2: null }]);
  const objects = encodeParams([{ id: 1 }, { id: 2 }], 'executeMany()');
  assert.equal(objects.named, true);
  assert.deepEqual(decode(objects.batch).rows, [{ id: 1 }, { id: 2 }]);
  for (const [sets, message] of [
    [[[1], [1, 2]], /set 1 .*array of 1 values/], [[[1], { a: 1 }], /set 1/], [[{ a: 1 }, { b: 1 }], /'a' is missing in set 1/],
    [[{ a: 1 }, [1]], /row 1/], [[[undefined]], /'1' is missing in set 0/], ['x', /array of parameter sets/],
  ] as const) {
    assert.throws(() => encodeParams(sets, 'executeMany()'), (error) => error instanceof LotwiseError && error.code === 'INPUT_INVALID' && message.test(error.message));
  }
});

test('a batch past the limit is refused before it is made', () => {
  const quarter = new Uint8Array(BATCH_BYTES_MAX / 4);
  const text = 'x'.repeat(BATCH_BYTES_MAX / 4);
  for (const value of [quarter, text]) {
    const values = Array<typeof value>(5).fill(value);
    assert.throws(() => encodeRows({ value: values.map((each, i) => (typeof each === 'string' ? each + i : each)) }, 'append()'), { code: 'LIMIT_EXCEEDED' });
    assert.throws(() => encodeRows({ value: [...values, 1] }, 'append()'), { code: 'LIMIT_EXCEEDED' });
  }
});

/** A batch as the engine makes it: text offsets count UTF-16 units. */
function engineBatch(rows: number, columns: { name: string; encoding: string; parts: ArrayBufferView<ArrayBuffer>[]; nulls?: Uint8Array<ArrayBuffer> }[]): Uint8Array<ArrayBuffer> {
  const views: { at: number; view: ArrayBufferView<ArrayBuffer> }[] = [];
  let end = 0;
  const place = (view: ArrayBufferView<ArrayBuffer>): [number, number] => {
    const at = end;
    views.push({ at, view });
    end = roundUp8(at + view.byteLength);
    return [at, view.byteLength];
  };
  const header = { rows, columns: columns.map(({ name, encoding, parts, nulls }) => ({ name, type: 'text', encoding, units: 'utf16', parts: parts.map(place), ...(nulls && { nulls: place(nulls) }) })) };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const data = roundUp8(8 + json.length);
  const batch = new Uint8Array(data + end);
  new DataView(batch.buffer).setUint32(0, MAGIC, true);
  new DataView(batch.buffer).setUint32(4, json.length, true);
  batch.set(json, 8);
  for (const { at, view } of views) batch.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), data + at);
  return batch;
}

test('results count text in UTF-16 units', () => {
  const bytes = new TextEncoder().encode('\uFEFFä𝒳z');
  const batch = engineBatch(4, [
    { name: 'plain', encoding: 'text', parts: [new Uint32Array([0, 1, 2, 4, 5]), bytes] },
    { name: 'coded', encoding: 'dict', parts: [new Uint32Array([1, 0, 0, 1]), new Uint32Array([0, 2, 5]), bytes], nulls: new Uint8Array([0b0100]) },
    { name: 'plain', encoding: 'null', parts: [] },
  ]);
  const result = decode(batch);
  assert.deepEqual([...result.column(0)], ['\uFEFF', 'ä', '𝒳', 'z']);
  assert.deepEqual(result.column('coded'), ['𝒳z', '\uFEFFä', null, '𝒳z']);
  // Of columns with the same name the last one wins.
  assert.deepEqual(result.column('plain'), [null, null, null, null]);
  assert.deepEqual(result.rows[1], { plain: null, coded: '\uFEFFä' });
});

test('a batch that does not lie at a multiple of 8 is read all the same', () => {
  const batch = encodeRows([{ a: 0.5 }], 'append()');
  const shifted = new Uint8Array(batch.length + 3);
  shifted.set(batch, 3);
  assert.deepEqual(decode(shifted.subarray(3)).rows, [{ a: 0.5 }]);
});

test('bytes that are no batch are refused', () => {
  for (const bytes of [new Uint8Array(), new Uint8Array(64)]) assert.throws(() => decode(bytes), { code: 'INTERNAL' });
});

test('random rows come back as they were', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const makers: (() => Value | undefined)[] = [
    () => null, () => undefined, () => random() < 0.5, () => Math.floor(random() * 100), () => Math.floor((random() - 0.5) * 2 ** 53),
    () => random() * 1e6, () => pick([0, -0, NaN, Infinity, -Infinity, 2 ** 53 - 1, 2 ** 31, -(2 ** 31), 2 ** 63]),
    () => BigInt.asIntN(64, BigInt(Math.floor(random() * 2 ** 53)) << 11n), () => pick(['', 'a', 'LINE-01', 'ä', '日本', '😀', '\0', '\uFEFF']),
    () => String(random()), () => new Uint8Array(Math.floor(random() * 5)).fill(random() * 256),
  ];
  try {
    for (let round = 0; round < 300; round++) {
      const columns = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, i) => ({ name: `c${i}`, makers: Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(makers)) }));
      const rows = Array.from({ length: Math.floor(random() * 200) }, () => Object.fromEntries(columns.map(({ name, makers: of }) => [name, pick(of)()])));
      assertRoundTrip(rows);
    }
  } catch (error) {
    throw new Error(`seed ${seed} (give it as LOTWISE_SEED)`, { cause: error });
  }
});
