/** Files on their way out: what is written is what the rows hold, in every format, in pieces of bounded size. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordBatchReader, tableFromIPC } from 'apache-arrow';
import { BatchReader } from '../../src/ts/batch/reader.ts';
import { encoderFor } from '../../src/ts/export/encoder.ts';
import type { Value } from '../../src/ts/types.ts';
import { engineBatch, type EngineColumn } from './engine-batch.ts';

type RowFormat = 'csv' | 'json' | 'ndjson' | 'arrow';
type Rows = readonly (readonly Value[])[];

/** Columns as 'name' or 'name:type'. */
function batchOf(columns: readonly string[], rows: Rows): BatchReader {
  return new BatchReader(engineBatch(rows.length, columns.map((column, index): EngineColumn => {
    const [name = '', type = 'text'] = column.split(':');
    return { name, type, values: rows.map((row) => row[index]!) };
  })));
}

function bytesOf(format: RowFormat, batches: readonly BatchReader[], formulas?: 'escape' | 'keep'): Uint8Array<ArrayBuffer> {
  const encoder = encoderFor(format, formulas);
  const pieces = [...batches.flatMap((batch) => [...encoder.rows(batch)]), ...encoder.end()];
  return new Uint8Array(Buffer.concat(pieces));
}

function textOf(format: RowFormat, batches: readonly BatchReader[], formulas?: 'escape' | 'keep'): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytesOf(format, batches, formulas));
}

test('CSV: a header once, CRLF, quotes where they are needed', () => {
  const first = batchOf(['id', 'a "b"', 'c,d'], [[1, 'plain', null], [2, 'a,b', ''], [3, 'say "hi"', 'two\r\nlines']]);
  const second = batchOf(['id', 'a "b"', 'c,d'], [[4, ' edge', 'edge '], [5, '\uFEFFx', 'l\nf']]);
  assert.equal(textOf('csv', [first, second]), [
    'id,"a ""b""","c,d"', '1,plain,', '2,"a,b",""', '3,"say ""hi""","two\r\nlines"', '4," edge","edge "', '5,"\uFEFFx","l\nf"', '',
  ].join('\r\n'));
});

test('CSV: every kind of value', () => {
  const values = [0.1, -1.5, 1e300, 5e-324, Infinity, -Infinity, 2n ** 63n - 1n, -(2n ** 63n), 2 ** 53 - 1, new Uint8Array([0, 16, 255]), new Uint8Array(), '2025-06-10', 'nul\0'];
  assert.equal(textOf('csv', [batchOf(['v'], values.map((value) => [value]))]), [
    'v', '0.1', '-1.5', '1e+300', '5e-324', 'Infinity', '-Infinity', '9223372036854775807', '-9223372036854775808', '9007199254740991', '\\x0010ff', '\\x', '2025-06-10', 'nul\0', '',
  ].join('\r\n'));
});

test('CSV: a row of one null is no empty line', () => {
  assert.equal(textOf('csv', [batchOf(['v'], [[null], ['x'], [null]])]), 'v\r\n""\r\nx\r\n""\r\n');
  assert.equal(textOf('csv', [batchOf(['a', 'b'], [[null, null]])]), 'a,b\r\n,\r\n');
});

test('CSV: text that would run as a formula is escaped, or kept where that is asked for', () => {
  const dangerous = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1+1', '＋1', '－1', '＠A', ' =1', '\u00a0@x', '=cmd|"/C calc"!A0', '=', '\tx'];
  const batch = batchOf(['v'], dangerous.map((text) => [text]));
  const fields = (text: string): string[] => text.split('\r\n').slice(1, -1).map((field) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field));
  assert.deepEqual(fields(textOf('csv', [batch])), dangerous.map((text) => `'${text}`));
  assert.deepEqual(fields(textOf('csv', [batch], 'keep')), dangerous);
  // Numbers are none, nor is a sign inside a text.
  const harmless = [[-5, 'a=1'], [-0.5, 'x'], [null, '']] as const;
  assert.equal(textOf('csv', [batchOf(['=name', 'b'], harmless)]), "'=name,b\r\n-5,a=1\r\n-0.5,x\r\n,\"\"\r\n");
});

test('JSON: an array of objects, read again as they were', () => {
  const columns = ['id', 't', 'x', 'b', '__proto__'];
  const rows: Rows = [[1, 'a"\\\n\u2028\0', 0.1, new Uint8Array([251, 255]), 'p'], [null, '', -Infinity, new Uint8Array(), null], [3, '𝒳', 5e-324, null, 'q']];
  const text = textOf('json', [batchOf(columns, rows.slice(0, 1)), batchOf(columns, []), batchOf(columns, rows.slice(1))]);
  const parsed = JSON.parse(text) as object[];
  assert.deepEqual(parsed.map((row) => Object.entries(row)), [
    [['id', 1], ['t', 'a"\\\n\u2028\0'], ['x', 0.1], ['b', '+/8='], ['__proto__', 'p']],
    [['id', null], ['t', ''], ['x', '-Infinity'], ['b', ''], ['__proto__', null]],
    [['id', 3], ['t', '𝒳'], ['x', 5e-324], ['b', null], ['__proto__', 'q']],
  ]);
});

test('JSON: integers are exact literals', () => {
  const values = [2n ** 63n - 1n, -(2n ** 63n), 2 ** 53 - 1, 2n ** 53n + 1n, 0];
  assert.equal(textOf('ndjson', [batchOf(['n'], values.map((value) => [value]))]), values.map((value) => `{"n":${value}}\n`).join(''));
});

test('JSON: blobs of every length are base64', () => {
  const blobs = [0, 1, 2, 3, 4, 12_287, 12_288, 12_289, 100_000].map((length) => new Uint8Array(length).map((_, index) => index * 7));
  const rows = JSON.parse(textOf('json', [batchOf(['b'], blobs.map((blob) => [blob]))])) as { b: string }[];
  assert.deepEqual(rows.map(({ b }) => new Uint8Array(Buffer.from(b, 'base64'))), blobs);
});

test('NDJSON: JSON columns stand as they are, what is no JSON as text, one row a line', () => {
  const rows: Rows = [['{"b":1,\n "a":[1.10]}'], ['12345678901234567890'], ['{broken'], [null], ['"text"'], ['']];
  assert.equal(textOf('ndjson', [batchOf(['j:json'], rows)]), '{"j":{"b":1,  "a":[1.10]}}\n{"j":12345678901234567890}\n{"j":"{broken"}\n{"j":null}\n{"j":"text"}\n{"j":""}\n');
});

test('JSON: of columns with the same name the last one counts', () => {
  assert.equal(textOf('ndjson', [batchOf(['a', 'b', 'a'], [[1, 2, 3]])]), '{"b":2,"a":3}\n');
});

test('no rows, and no batch at all', () => {
  const empty = batchOf(['a', 'b'], []);
  assert.equal(textOf('csv', [empty]), 'a,b\r\n');
  assert.equal(textOf('csv', []), '');
  for (const batches of [[empty], []]) {
    assert.deepEqual(JSON.parse(textOf('json', batches)), []);
    assert.equal(textOf('ndjson', batches), '');
  }
  assert.deepEqual(tableFromIPC(bytesOf('arrow', [empty])).schema.names, ['a', 'b']);
  assert.equal(tableFromIPC(bytesOf('arrow', [])).numCols, 0);
});

test('Arrow: many batches under one schema', () => {
  const columns = ['id:integer', 'd:date', 'x:real', 'later:text', 't'];
  const batches = [
    batchOf(columns, [[1, '2025-06-10', 0.5, null, 'a']]),
    batchOf(columns, []),
    batchOf(columns, [[2n ** 60n, null, null, 'now', null], [2 ** 40, '2025-06-11', 1, 7, 'ä']]),
    batchOf(columns, [[null, null, null, null, null]]),
  ];
  const bytes = bytesOf('arrow', batches);
  assert.equal([...RecordBatchReader.from(bytes)].length, 3);
  const table = tableFromIPC(bytes);
  assert.deepEqual(table.schema.fields.map(({ type }) => String(type)), ['Int64', 'Date32<DAY>', 'Float64', 'Utf8', 'Utf8']);
  assert.deepEqual([...table].map((row) => row.toArray()), [
    [1n, Date.parse('2025-06-10'), 0.5, null, 'a'], [2n ** 60n, null, null, 'now', null], [2n ** 40n, Date.parse('2025-06-11'), 1, '7', 'ä'], [null, null, null, null, null],
  ]);
});

test('Arrow: a value that does not go with the schema is named, not changed', () => {
  for (const [type, first, later] of [['text', 1, 'x'], ['text', 1, 0.5], ['text', 0.5, 2n ** 60n], ['date', '2025-01-01', 'soon'], ['text', new Uint8Array(), 'x'], ['timestamp', 1, 'x']] as const) {
    assert.throws(() => bytesOf('arrow', [batchOf([`v:${type}`], [[first]]), batchOf([`v:${type}`], [[later]])]), { code: 'QUERY_INVALID', message: /'v'.*CAST/ });
  }
});

test('a million rows go out in pieces, and nothing of them stays', () => {
  const texts = Array.from({ length: 1_000 }, (_, index) => `L2025${index}`);
  const batch = batchOf(['id', 'lot', 'x'], texts.map((text, index) => [index, text, index / 7]));
  for (const format of ['csv', 'json', 'ndjson', 'arrow'] as const) {
    const encoder = encoderFor(format);
    let largest = 0;
    let bytes = 0;
    const take = (pieces: Iterable<Uint8Array>): void => {
      for (const { length } of pieces) {
        largest = Math.max(largest, length);
        bytes += length;
      }
    };
    for (let round = 0; round < 1_000; round++) take(encoder.rows(batch));
    take(encoder.end());
    assert.ok(bytes > 20_000_000, format);
    assert.ok(largest <= 70_000, `${format}: a piece of ${largest} bytes`);
  }
});
