/** Values through the whole package, every way in and every way out: in Chromium, Firefox and Node. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Dataset, Params, Row, Value } from '../../src/ts/types.ts';
import { packageFolder } from './helpers/server.ts';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

/** Runs a function where `lotwise` and `failureOf` are globals. It sees nothing of the test. */
type RunThere = <R>(work: () => Promise<R>) => Promise<R>;

for (const kind of ['chromium', 'firefox'] as const) {
  describe(kind, () => {
    const suite = useBrowser(kind);
    valuesOn((work) => suite.inTab(work));
  });
}

describe('node', () => {
  before(async () => {
    const lotwise = await import(pathToFileURL(join(packageFolder, 'node.js')).href) as typeof import('../../src/ts/index.ts');
    const failureOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, ({ name, code, message, retryable, details }: Failure) => ({ ours: true, name, code, message, retryable, details }));
    Object.assign(globalThis, { lotwise, failureOf });
  });
  valuesOn((work) => work());
});

function valuesOn(there: RunThere): void {
  test('every value comes back as it was, whatever way it took', { timeout: TEST_MS_MAX }, async () => {
    const ways = await there(async () => {
      const shown = (value: Value | undefined): string => {
        if (value instanceof Uint8Array) return `blob ${[...value].join(' ')}`;
        return `${value === null ? '' : typeof value} ${Object.is(value, -0) ? '-0' : String(value)}`.trim();
      };
      const given: Value[] = [
        0, -0, 1, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, 1 - 2 ** 53, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n), 5n,
        0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -1e-7, 2 ** 53, 1e300, Infinity, -Infinity, NaN, true, false, null,
        '', 'a\0b', '\0', '\uFEFFx', '𝒳한글', ' ', 'NULL', '1e5', new Uint8Array(), new Uint8Array([0, 255]),
      ];
      const db = await lotwise.open({ storage: 'memory' });
      await db.execute('CREATE TABLE anything (id INTEGER PRIMARY KEY, v ANY) STRICT');
      const ways: Record<string, string[]> = {};
      const position: string[] = [];
      const name: string[] = [];
      for (const value of given) {
        position.push(shown((await db.query('SELECT ? AS v', [value])).rows[0]!['v']));
        name.push(shown((await db.query('SELECT :v AS v', { v: value })).rows[0]!['v']));
      }
      Object.assign(ways, { position, name });
      const stored = async (way: string, write: () => Promise<unknown>): Promise<void> => {
        await db.execute('DELETE FROM anything');
        await write();
        const all = await db.query('SELECT v FROM anything ORDER BY id');
        ways[way] = all.rows.map((row) => shown(row['v']));
        ways[`${way}, column`] = Array.from(all.column('v'), shown);
        const one: string[] = [];
        for (let id = 1; id <= given.length; id++) one.push(shown((await db.query('SELECT v FROM anything WHERE id = ?', [id])).column(0)[0]));
        ways[`${way}, one by one`] = one;
      };
      await stored('execute', async () => {
        for (const [index, value] of given.entries()) await db.execute('INSERT INTO anything VALUES (?, ?)', [index + 1, value]);
      });
      await stored('executeMany', () => db.executeMany('INSERT INTO anything VALUES (?, ?)', given.map((value, index) => [index + 1, value])));
      await stored('executeMany by name', () => db.executeMany('INSERT INTO anything VALUES (:id, :v)', given.map((v, index) => ({ id: index + 1, v }))));
      await db.close();
      return ways;
    });
    const expected = [
      'number 0', 'number 0', 'number 1', 'number -1', 'number 2147483647', 'number 2147483648', 'number -2147483649', 'number 9007199254740991', 'number -9007199254740991',
      'bigint 9007199254740992', 'bigint 9223372036854775807', 'bigint -9223372036854775808', 'number 5',
      'number 0.1', 'number 0.3333333333333333', 'number 5e-324', 'number 1.7976931348623157e+308', 'number -1e-7', 'number 9007199254740992', 'number 1e+300', 'number Infinity', 'number -Infinity',
      'null', 'number 1', 'number 0', 'null',
      'string', 'string a\0b', 'string \0', 'string \uFEFFx', 'string 𝒳한글', 'string', 'string NULL', 'string 1e5', 'blob ', 'blob 0 255',
    ];
    assert.equal(Object.keys(ways).length, 11);
    for (const [way, got] of Object.entries(ways)) assert.deepEqual(got, expected, way);
  });

  test('columns of a dataset keep what they declare', { timeout: TEST_MS_MAX }, async () => {
    const got = await there(async () => {
      const dataset = { name: 'every', time: 'd', columns: {
        id: { type: 'integer', primaryKey: true }, n: { type: 'integer' }, x: { type: 'real' }, t: { type: 'text' }, d: { type: 'date' },
        at: { type: 'timestamp' }, iso: { type: 'timestampText' }, b: { type: 'blob' }, j: { type: 'json' },
      } } as unknown as Dataset;
      const rows: Row[] = [
        { id: 2n ** 60n, n: 2n ** 63n - 1n, x: Infinity, t: 'a\0b', d: '2024-02-29', at: 1_750_000_000_123, iso: '2025-06-10T12:00:00+09:00', b: new Uint8Array([1, 0]), j: '{"a": [1.10, null]}' },
        { id: 2, n: -7, x: 3, t: '', d: '0001-01-01', at: -1, iso: '1969-12-31T23:59:59.999Z', b: new Uint8Array(), j: 'null' },
        { id: 3, n: null, x: NaN, t: null, d: null, at: null, iso: null, b: null, j: null },
      ];
      const db = await lotwise.open({ storage: 'memory', datasets: [dataset] });
      const readable = (row: Row): string[] => Object.values(row).map((value) => (typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? `[${[...value]}]` : String(value)));
      const all = async (): Promise<string[][]> => (await db.records({ dataset: 'every', orderBy: [{ by: 'id' }] })).rows.map((row) => readable(row as Row));
      const written = await db.append('every', rows.slice(1));
      const big = await db.append('every', rows.slice(0, 1));
      const byRows = await all();
      await db.execute('DELETE FROM every');
      await db.append('every', Object.fromEntries(Object.keys(rows[0]!).map((name) => [name, rows.map((row) => row[name]!)])));
      const byColumns = await all();
      const types = (await db.query('SELECT typeof(n) AS n, typeof(x) AS x, typeof(t) AS t, typeof(b) AS b FROM every WHERE id = 2')).rows;
      const sum = (await db.aggregate({ dataset: 'every', where: { id: [2, 3] }, measures: { s: { sum: 'n' }, m: { max: 'x' }, first: { min: 'd' } } })).rows;
      const tooLarge = await failureOf(db.append('every', [{ id: 9, n: 2n ** 63n }]));
      const date = await failureOf(db.append('every', [{ id: 9, d: new Date(0) }]));
      const json = await failureOf(db.append('every', [{ id: 9, j: '{a:1}' }]));
      const whole = await failureOf(db.append('every', [{ id: 9, n: 0.5 }]));
      await db.close();
      return { byRows, byColumns, types, sum, rowids: [String(written.lastInsertRowid), typeof big.lastInsertRowid, String(big.lastInsertRowid)], refused: [tooLarge, date, json, whole] };
    });
    const expected = [
      ['2', '-7', '3', '', '0001-01-01', '-1', '1969-12-31T23:59:59.999Z', '[]', 'null'],
      ['3', 'null', 'null', 'null', 'null', 'null', 'null', 'null', 'null'],
      ['1152921504606846976n', '9223372036854775807n', 'Infinity', 'a\0b', '2024-02-29', '1750000000123', '2025-06-10T03:00:00.000Z', '[1,0]', '{"a": [1.10, null]}'],
    ];
    assert.deepEqual(got.byRows, expected);
    assert.deepEqual(got.byColumns, expected);
    assert.deepEqual(got.types, [{ n: 'integer', x: 'real', t: 'text', b: 'blob' }]);
    assert.deepEqual(got.sum, [{ s: -7, m: 3, first: '0001-01-01' }]);
    assert.deepEqual(got.rowids, ['3', 'bigint', '1152921504606846976']);
    assert.deepEqual(got.refused.map((failure) => failure?.code), Array(4).fill('INPUT_INVALID'));
    assert.match(got.refused[0]!.message, /'n', row 0 .*9223372036854775808 does not fit in 64 bits/);
    assert.match(got.refused[1]!.message, /'d', row 0 .*Date/);
    assert.match(got.refused[2]!.message, /j.*JSON/);
    assert.match(got.refused[3]!.message, /n.*whole/);
  });

  test('huge text and bytes', { timeout: TEST_MS_MAX }, async () => {
    const got = await there(async () => {
      const dataset = { name: 'notes', columns: { id: { type: 'integer', primaryKey: true }, t: { type: 'text' }, b: { type: 'blob' } } } as unknown as Dataset;
      const db = await lotwise.open({ storage: 'memory', datasets: [dataset] });
      const text = `${'0123456789'.repeat(1_000_000)}\0é𝒳`;
      const bytes = new Uint8Array(10_000_000).map((_, index) => index % 251);
      const same = (row: Row): boolean[] => [row['t'] === text, (row['b'] as Uint8Array).length === bytes.length, (row['b'] as Uint8Array).every((byte, index) => byte === bytes[index])];
      await db.append('notes', [{ id: 1, t: text, b: bytes }, { id: 2, t: '', b: new Uint8Array() }]);
      await db.execute('INSERT INTO notes VALUES (3, ?, ?)', [text, bytes]);
      const { rows } = await db.query('SELECT t, b FROM notes WHERE id <> 2 ORDER BY id');
      const found = (await db.query('SELECT id FROM notes WHERE t = ? AND b = ?', [text, bytes])).rowCount;
      const records = (await db.records({ dataset: 'notes', where: { t: text }, orderBy: [{ by: 'id' }] })).rows.map((row) => (row as Row)['id']);
      await db.close();
      return { same: rows.flatMap((row) => same(row as Row)), found, records };
    });
    assert.deepEqual(got, { same: Array(6).fill(true), found: 2, records: [1, 3] });
  });

  test('half a surrogate pair is refused, and the place is named', { timeout: TEST_MS_MAX }, async () => {
    const { failures, alive } = await there(async () => {
      const db = await lotwise.open({ storage: 'memory' });
      const dataset = 'production_records';
      const bad = 'x\ud83d';
      const failures: Record<string, Failure | undefined> = {
        sql: await failureOf(db.query(`SELECT '${bad}'`)),
        position: await failureOf(db.query('SELECT ?, ?', ['ok', bad])),
        name: await failureOf(db.query('SELECT :lot', { lot: bad })),
        parameterName: await failureOf(db.query('SELECT 1', { [bad]: 1 })),
        execute: await failureOf(db.execute('DELETE FROM production_records WHERE line = ?', [bad])),
        executeMany: await failureOf(db.executeMany('DELETE FROM production_records WHERE line = ?', [['ok'], [bad]])),
        append: await failureOf(db.append(dataset, [{ line: 'ok' }, { line: bad }])),
        columns: await failureOf(db.append(dataset, { line: ['ok', 'ok', bad] })),
        columnName: await failureOf(db.append(dataset, [{ [bad]: 1 }])),
        where: await failureOf(db.records({ dataset, where: { line: ['ok', bad] } })),
        whereName: await failureOf(db.records({ dataset, where: { [bad]: 1 } })),
        measureName: await failureOf(db.aggregate({ dataset, measures: { [bad]: 'count' } })),
        dataset: await failureOf(db.append(bad, [{ a: 1 }])),
        source: await failureOf(db.importFile(`a\n${bad}`, { dataset })),
      };
      const alive = (await db.query('SELECT 1 AS one')).rows[0]!['one'];
      await db.close();
      return { failures, alive };
    });
    const places: Record<string, RegExp> = {
      sql: /statement/, position: /parameter 2/, name: /'lot'/, parameterName: /parameter/, execute: /parameter 1/, executeMany: /'1', row 1/, append: /'line', row 1/, columns: /'line', row 2/,
      columnName: /column/, where: /where\.line\[1\]/, whereName: /where/, measureName: /measures/, dataset: /dataset/, source: /importFile/,
    };
    assert.deepEqual(Object.keys(failures).toSorted(), Object.keys(places).toSorted());
    for (const [way, failure] of Object.entries(failures)) {
      assert.ok(failure?.ours && failure.code !== 'INTERNAL', `${way}: ${failure?.code} ${failure?.message}`);
      assert.match(failure.message, /surrogate/, way);
      assert.match(failure.message, places[way]!, way);
    }
    assert.equal(alive, 1);
  });

  test('names of Object.prototype are names like any other', { timeout: TEST_MS_MAX }, async () => {
    const got = await there(async () => {
      const columns = JSON.parse('{"id": {"type": "integer", "primaryKey": true}, "__proto__": {"type": "text"}, "constructor": {"type": "integer"}, "toString": {"type": "text", "default": "d"}}') as Dataset['columns'];
      const db = await lotwise.open({ storage: 'memory', datasets: [{ name: '__proto__', columns, dimensions: ['__proto__'], measures: ['constructor'] }] });
      const rows = JSON.parse('[{"id": 1, "__proto__": "p", "constructor": 10}, {"id": 2, "constructor": 5, "toString": "t"}, {"id": 3, "__proto__": "p"}]') as Row[];
      await db.append('__proto__', rows);
      const entries = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(Object.entries(row)));
      const where = JSON.parse('{"__proto__": "p"}') as Row;
      const records = await db.records({ dataset: '__proto__', where, orderBy: [{ by: 'id' }], columns: ['id', '__proto__', 'constructor', 'toString'] });
      const groups = await db.aggregate({ dataset: '__proto__', groupBy: ['__proto__'], measures: JSON.parse('{"constructor": {"sum": "constructor"}, "valueOf": "count"}') as { [name: string]: 'count' } });
      const named = await db.query('SELECT :__proto__ AS "__proto__", :constructor AS c', JSON.parse('{"__proto__": 1, "constructor": 2}') as Params);
      const missing = await failureOf(db.query('SELECT :toString', {}));
      const json = await db.importFile('[{"id": 4, "__proto__": "j", "constructor": 1}]', { dataset: '__proto__' });
      const imported = await db.query('SELECT "__proto__" AS p FROM "__proto__" WHERE id = 4');
      await db.close();
      return { records: entries(records.rows), column: [...records.column('__proto__')], groups: entries(groups.rows), named: entries(named.rows), missing: missing?.code, json: json.rows, imported: imported.rows, clean: ({} as Row)['p'] === undefined };
    });
    assert.deepEqual(got, {
      records: ['[["id",1],["__proto__","p"],["constructor",10],["toString","d"]]', '[["id",3],["__proto__","p"],["constructor",null],["toString","d"]]'], column: ['p', 'p'],
      groups: ['[["__proto__",null],["constructor",5],["valueOf",1]]', '[["__proto__","p"],["constructor",10],["valueOf",2]]'], named: ['[["__proto__",1],["c",2]]'],
      missing: got.missing, json: 1, imported: [{ p: 'j' }], clean: true,
    });
    assert.ok(['INPUT_INVALID', 'SQL_INVALID'].includes(got.missing!), got.missing);
  });

  test('columns of the same name, without a name, and 2,000 of them', { timeout: TEST_MS_MAX }, async () => {
    const got = await there(async () => {
      const db = await lotwise.open({ storage: 'memory' });
      const twice = await db.query(`SELECT 1 AS a, 'x' AS b, 2 AS a, 3 AS "", 4 AS "a b"`);
      const wide = await db.query(`SELECT ${Array.from({ length: 2_000 }, (_, index) => `${index} AS c${index}`).join(', ')} UNION ALL SELECT ${Array.from({ length: 2_000 }, (_, index) => (index % 2 ? 'NULL' : `'t${index}'`)).join(', ')}`);
      const wider = await failureOf(db.query(`SELECT ${Array.from({ length: 2_001 }, () => '1').join(', ')}`));
      const values = Array.from({ length: 2_000 }, (_, index) => index);
      const params = await db.query(`SELECT sum(column1) AS sum FROM (VALUES ${values.map(() => '(?)').join(', ')})`, values);
      await db.close();
      const [first, second] = wide.rows as Row[];
      return {
        names: twice.columns.map(({ name }) => name), rows: twice.rows, byIndex: [0, 1, 2, 3, 4].map((index) => twice.column(index)[0]), byName: twice.column('a')[0],
        wide: [wide.columns.length, Object.keys(first!).length, first!['c0'], first!['c1999'], second!['c1998'], second!['c1999']], wider: wider?.code, sum: params.rows,
      };
    });
    assert.deepEqual(got, {
      names: ['a', 'b', 'a', '', 'a b'], rows: [{ a: 2, b: 'x', '': 3, 'a b': 4 }], byIndex: [1, 'x', 2, 3, 4], byName: 2,
      wide: [2_000, 2_000, 0, 1_999, 't1998', null], wider: 'SQL_INVALID', sum: [{ sum: (2_000 * 1_999) / 2 }],
    });
  });
}
