/** Results as Arrow streams, read by another engine: DuckDB-Wasm. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { productionRecordsCsv } from '../../benches/workloads.ts';
import type { Dataset } from '../../src/ts/types.ts';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

const DUCKDB = dirname(fileURLToPath(import.meta.resolve('@duckdb/duckdb-wasm')));

describe('chromium', () => {
  const suite = useBrowser('chromium');
  before(async () => {
    const { outputFiles } = await build({ entryPoints: [fileURLToPath(new URL('./helpers/duckdb.ts', import.meta.url))], bundle: true, write: false, format: 'esm', target: 'es2022' });
    const [worker, wasm] = [await readFile(join(DUCKDB, 'duckdb-browser-eh.worker.js')), await readFile(join(DUCKDB, 'duckdb-eh.wasm'))];
    suite.server.route('/duckdb/index.js', () => ({ type: 'text/javascript', body: outputFiles[0]!.text }));
    suite.server.route('/duckdb/worker.js', () => ({ type: 'text/javascript', body: worker }));
    suite.server.route('/duckdb/duckdb.wasm', () => ({ type: 'application/wasm', body: wasm }));
    suite.server.route('/20k.csv', () => ({ type: 'text/csv', body: productionRecordsCsv(20_000, 7) }));
  }, { timeout: TEST_MS_MAX });

  test('DuckDB reads what was asked here, and comes to the same sums', { timeout: TEST_MS_MAX }, async () => {
    const { here, there, types } = await suite.inTab(async () => {
      const db = await lotwise.open({ storage: 'memory' });
      await db.importFile(await (await fetch('/20k.csv')).text(), { dataset: 'production_records' });
      const records = await db.records({ dataset: 'production_records', limit: 10_000 });
      const all = await db.query('SELECT * FROM production_records');
      await import('/duckdb/index.js' as string);
      const duckdb = await openDuckdb();
      await duckdb.insertArrowFromIPCStream(all.toArrow(), { name: 'everything' });
      const file = await db.exportFile({ format: 'arrow', query: { dataset: 'production_records' } });
      await duckdb.insertArrowFromIPCStream(new Uint8Array(await new Response(file).arrayBuffer()), { name: 'exported' });
      await duckdb.insertArrowFromIPCStream(records.toArrow(), { name: 'records' });
      const sums = (table: string) => `SELECT line, count(*) AS n, sum(good_quantity) AS good, sum(defect_quantity) AS defects, min(lot_number) AS first, count(DISTINCT item_code) AS items FROM ${table} GROUP BY line ORDER BY line`;
      const asked = async (sql: string) => [...await duckdb.query(sql)].map((row) => Object.fromEntries(Object.entries(row.toJSON()).map(([name, value]) => [name, typeof value === 'string' ? value : Number(value)])));
      const newest = 'SELECT count(*) AS n, sum(id) AS ids, min(production_date) AS since, max(production_date) AS "until" FROM ';
      const type = async (column: string) => String((await asked(`SELECT typeof(${column}) AS t FROM records LIMIT 1`))[0]!['t']);
      return {
        here: [(await db.query(sums('production_records'))).rows, (await db.query(sums('production_records'))).rows, (await db.query(`${newest} (SELECT * FROM production_records ORDER BY production_date DESC, id DESC LIMIT 10000)`)).rows],
        there: [await asked(sums('everything')), await asked(sums('exported')), await asked(`SELECT n, ids, since::VARCHAR AS since, "until"::VARCHAR AS "until" FROM (${newest} records)`)],
        types: [await type('production_date'), await type('id'), await type('line')],
      };
    });
    assert.ok(here[0]!.length > 5);
    assert.deepEqual(there, here);
    assert.deepEqual(types, ['DATE', 'BIGINT', 'VARCHAR']);
  });

  test('DuckDB reads every kind of value', { timeout: TEST_MS_MAX }, async () => {
    const { got, none } = await suite.inTab(async () => {
      const dataset = { name: 'every', columns: {
        id: { type: 'integer', primaryKey: true }, n: { type: 'integer' }, x: { type: 'real' }, t: { type: 'text' }, d: { type: 'date' }, m: { type: 'timestamp' }, b: { type: 'blob' }, j: { type: 'json' }, nothing: { type: 'real' },
      } };
      const db = await lotwise.open({ storage: 'memory', datasets: [dataset as unknown as Dataset] });
      await db.append('every', [
        { id: 1, n: 2n ** 63n - 1n, x: Infinity, t: 'a\0é𝒳', d: '2024-02-29', m: 1_750_000_000_123, b: new Uint8Array([0, 255]), j: '{"a":1}' },
        { id: 2 },
        { id: 3, n: -(2n ** 63n), x: -0.1, t: '', d: '1969-12-31', m: -1, b: new Uint8Array(), j: '[]' },
      ]);
      await import('/duckdb/index.js' as string);
      const duckdb = await openDuckdb();
      await duckdb.insertArrowFromIPCStream((await db.records({ dataset: 'every', orderBy: [{ by: 'id' }] })).toArrow(), { name: 'every' });
      await duckdb.insertArrowFromIPCStream((await db.records({ dataset: 'every', where: { id: 4 } })).toArrow(), { name: 'none' });
      const sql = 'SELECT n::VARCHAR AS n, x::VARCHAR AS x, hex(encode(t)) AS t, d::VARCHAR AS d, epoch_ms(m)::VARCHAR AS m, hex(b) AS b, j, nothing, typeof(nothing) AS kind FROM every ORDER BY id';
      const asked = async (sql: string) => [...await duckdb.query(sql)].map((row) => row.toJSON());
      return { got: await asked(sql), none: (await asked('SELECT count(*)::INTEGER AS n FROM none'))[0]!['n'] };
    });
    assert.deepEqual(got, [
      { n: '9223372036854775807', x: 'inf', t: '6100C3A9F09D92B3', d: '2024-02-29', m: '1750000000123', b: '00FF', j: '{"a":1}', nothing: null, kind: 'DOUBLE' },
      { n: null, x: null, t: null, d: null, m: null, b: null, j: null, nothing: null, kind: 'DOUBLE' },
      { n: '-9223372036854775808', x: '-0.1', t: '', d: '1969-12-31', m: '-1', b: '', j: '[]', nothing: null, kind: 'DOUBLE' },
    ]);
    assert.equal(none, 0);
  });
});
