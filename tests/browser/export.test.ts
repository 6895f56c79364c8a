/** Files on their way out over the package: what comes out goes in again as the same rows, from one state of the data. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { RecordBatchReader, tableFromIPC } from 'apache-arrow';
import { productionRecordsCsv } from '../../benches/workloads.ts';
import type { AggregateQuery, Database, Dataset, ExportOptions, Row, Value } from '../../src/ts/types.ts';
import { randomFrom, testSeed } from '../client/random.ts';
import { packageFolder } from './helpers/server.ts';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

const COLUMNS: Dataset['columns'] = {
  id: { type: 'integer', primaryKey: true }, n: { type: 'integer' }, x: { type: 'real' }, t: { type: 'text' }, needed: { type: 'text', required: true },
  d: { type: 'date' }, at: { type: 'timestamp' }, iso: { type: 'timestampText' }, b: { type: 'blob' }, j: { type: 'json' },
};
const DATASETS: Dataset[] = [{ name: 'source', columns: COLUMNS }, { name: 'target', columns: COLUMNS }];

async function bytesOf(db: Database, options: ExportOptions): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(await db.exportFile(options)).arrayBuffer());
}

describe('node', () => {
  let open: typeof import('../../src/ts/index.ts').open;
  before(async () => {
    ({ open } = await import(pathToFileURL(join(packageFolder, 'node.js')).href) as typeof import('../../src/ts/index.ts'));
  });

  async function all(db: Database, dataset: string): Promise<Row[]> {
    return (await db.records({ dataset, orderBy: [{ by: 'id' }], limit: 10_000 })).rows;
  }

  /** Exports what is in `source`, imports it into `target`; the rows there. */
  async function roundTrip(db: Database, format: 'csv' | 'json' | 'ndjson' | 'sqlite', formulas?: 'escape' | 'keep'): Promise<Row[]> {
    const file = await bytesOf(db, { format, query: { dataset: 'source' }, ...(formulas && { formulas }) });
    await db.execute('DELETE FROM target');
    await db.importFile(file, { dataset: 'target', format, ...(format === 'sqlite' && { table: 'source' }) });
    return all(db, 'target');
  }

  test('what was exported is imported as the same rows', { timeout: TEST_MS_MAX }, async () => {
    const seed = testSeed();
    const random = randomFrom(seed);
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
    const maybe = <T>(make: () => T): (() => T | null) => () => (random() < 0.2 ? null : make());
    const alphabet = ['a', 'B', ' ', '"', ',', ';', '\n', '\r', '\r\n', '\t', '\\', '/', "'", '=', '+', '-', '@', '＝', 'é', '日', '𝒳', '\u2028', '{', ']', '0', '\uFEFF', '\u0001'];
    const text = (): string => Array.from({ length: Math.floor(random() * 8) }, () => pick(alphabet)).join('');
    const real = (): number => pick([random(), -random() * 1e9, 0, 5e-324, 1.7976931348623157e308, Infinity, -Infinity, 1e21, 123456789.125, 2 ** 60, 7]);
    const day = (): string => new Date(Math.floor(random() * 4e12) - 2e12).toISOString().slice(0, 10);
    const makers: { [column: string]: () => Value } = {
      n: maybe(() => BigInt.asIntN(64, BigInt(Math.floor(random() * 2 ** 53)) << BigInt(Math.floor(random() * 12)))), x: maybe(real), t: maybe(text), needed: text, d: maybe(day),
      at: maybe(() => Math.floor((random() - 0.5) * 1e15)), iso: maybe(() => `${day()}T01:02:03.004Z`), b: maybe(() => new Uint8Array(Math.floor(random() * 6)).map(() => random() * 256)),
      j: maybe(() => JSON.stringify(pick([{}, [1, 'x', null], { a: text(), b: [0.5, -7] }, 'text', 7, true]))),
    };
    try {
      const db = await open({ storage: 'memory', datasets: DATASETS });
      for (let round = 0; round < 25; round++) {
        await db.execute('DELETE FROM source');
        await db.append('source', Array.from({ length: 1 + Math.floor(random() * 150) }, () => Object.fromEntries(Object.entries(makers).map(([name, make]) => [name, make()]))));
        const source = await all(db, 'source');
        for (const format of ['sqlite', 'json', 'ndjson'] as const) assert.deepEqual(await roundTrip(db, format), source, format);
        // In an empty field of a CSV our reader finds null, if the column may be null.
        for (const row of source) if (row['t'] === '') row['t'] = null;
        assert.deepEqual(await roundTrip(db, 'csv', 'keep'), source, 'csv');
      }
      await db.close();
    } catch (error) {
      throw new Error(`seed ${seed} (give it as LOTWISE_SEED)`, { cause: error });
    }
  });

  test('formulas that were escaped come back with their mark and are the only texts that differ', async () => {
    const db = await open({ storage: 'memory', datasets: DATASETS });
    const texts = ['=1+1', 'plain', '-5', '@x', 'a=b', "'quoted"];
    await db.append('source', texts.map((t, index) => ({ id: index + 1, t, n: -index, x: -0.5, needed: 'x' })));
    const marked = (await all(db, 'source')).map((row, index) => ({ ...row, t: ["'=1+1", 'plain', "'-5", "'@x", 'a=b', "'quoted"][index] }));
    assert.deepEqual(await roundTrip(db, 'csv'), marked);
    await db.close();
  });

  test('queries of every kind, and none, in every format', async () => {
    const db = await open({ storage: 'memory' });
    await db.importFile([...productionRecordsCsv(25_000, 7)].join(''), { dataset: 'production_records' });
    const everything = await bytesOf(db, { format: 'ndjson' });
    assert.equal(new TextDecoder().decode(everything).split('\n').length, 25_001);
    const lines: AggregateQuery = { dataset: 'production_records', groupBy: ['line'], measures: { n: 'count', good: { sum: 'good_quantity' } } };
    assert.deepEqual(JSON.parse(new TextDecoder().decode(await bytesOf(db, { format: 'json', query: lines }))), (await db.aggregate(lines)).rows);
    const arrow = await bytesOf(db, { format: 'arrow', query: { dataset: 'production_records', columns: ['production_date', 'good_quantity'], where: { shift: 1 } } });
    assert.ok([...RecordBatchReader.from(arrow)].length > 0);
    const { rows: [expected] } = await db.query('SELECT sum(good_quantity) AS good, count(*) AS n FROM production_records WHERE shift = 1');
    const table = tableFromIPC(arrow);
    let good = 0n;
    for (const value of table.getChild('good_quantity') as Iterable<bigint>) good += value;
    assert.deepEqual({ good: Number(good), n: table.numRows }, expected);
    assert.deepEqual(table.schema.fields.map(({ type }) => String(type)), ['Date32<DAY>', 'Int64']);
    const limited = await bytesOf(db, { format: 'csv', query: { dataset: 'production_records', columns: ['id'], orderBy: [{ by: 'id', desc: true }], limit: 2 } });
    assert.equal(new TextDecoder().decode(limited), 'id\r\n25000\r\n24999\r\n');
    const sql = await bytesOf(db, { format: 'csv', query: { sql: 'SELECT :a AS a, NULL AS b', params: { a: 2n ** 60n } } });
    assert.equal(new TextDecoder().decode(sql), 'a,b\r\n1152921504606846976,\r\n');
    const none = await bytesOf(db, { format: 'csv', query: { dataset: 'production_records', where: { line: [] }, columns: ['id', 'line'] } });
    assert.equal(new TextDecoder().decode(none), 'id,line\r\n');
    await assert.rejects(db.exportFile({ format: 'csv', query: { dataset: 'nowhere' } }), { code: 'NOT_FOUND' });
    await assert.rejects(db.exportFile({ format: 'csv', query: { sql: 'DELETE FROM production_records' } }), { code: 'SQL_INVALID' });
    await assert.rejects(db.exportFile({ format: 'sqlite', query: { sql: 'SELECT 1 AS a, 2 AS a' } }).then((file) => new Response(file).arrayBuffer()), { code: 'QUERY_INVALID' });
    await assert.rejects(bytesOf(db, { format: 'arrow', query: { sql: 'WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i LIMIT 20000) SELECT iif(n < 15000, n, \'x\') AS mixed FROM i' } }), { code: 'QUERY_INVALID' });
    await db.define(DATASETS[0]!);
    await assert.rejects(db.exportFile({ format: 'csv' }), (error: Error & { code: string }) => error.code === 'QUERY_INVALID' && /production_records, source/.test(error.message));
    await db.close();
  });

  test('a million rows pass through in pieces', { timeout: TEST_MS_MAX }, async () => {
    const db = await open({ storage: 'memory' });
    const query = { sql: "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i LIMIT 1000000) SELECT n, 'lot ' || n AS lot, n / 7.0 AS x FROM i" };
    const start = process.memoryUsage();
    let [bytes, reads, largest, peak] = [0, 0, 0, 0];
    for await (const piece of await db.exportFile({ format: 'csv', query }) as unknown as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      largest = Math.max(largest, piece.length);
      if (reads++ % 50 === 0) peak = Math.max(peak, process.memoryUsage().arrayBuffers - start.arrayBuffers);
    }
    assert.ok(bytes > 35_000_000, `${bytes} bytes`);
    assert.ok(largest < 256 * 1024, `a piece of ${largest} bytes`);
    assert.ok(peak < 20_000_000, `${peak} bytes in buffers`);
    await db.close();
  });
});

for (const kind of ['chromium', 'firefox'] as const) {
  describe(kind, () => {
    const suite = useBrowser(kind);

    test('a database goes out as one file while it is written, and comes in again', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const db = await lotwise.open({ name: 'export' });
        const row = (id: number) => ({ id, production_date: '2025-06-10', item_code: `ITEM-${id % 7}`, lot_number: `L${id}`, line: 'LINE-01', shift: 1, good_quantity: id, defect_quantity: 0, defect_code: '' });
        await db.append('production_records', Array.from({ length: 100_000 }, (_, id) => row(id + 1)));
        const reader = (await db.exportFile({ format: 'sqlite' })).getReader();
        const pieces: Uint8Array<ArrayBuffer>[] = [];
        let writes = 0;
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          pieces.push(value);
          await db.append('production_records', [row(200_000 + writes)]);
          await db.execute('DELETE FROM production_records WHERE id = ?', [++writes]);
        }
        const file = new Blob(pieces);
        const rows = await db.exportFile({ format: 'sqlite', query: { dataset: 'production_records', where: { id: { gt: 100 } }, limit: 1_000 } });
        const some = await new Response(rows).blob();
        // Cancelled in the middle: the statement is freed, or the seventeenth would be refused.
        for (let times = 0; times < 20; times++) {
          const cancelled = (await db.exportFile({ format: 'csv' })).getReader();
          await cancelled.read();
          await cancelled.cancel();
        }
        const totals = 'SELECT count(*) AS n, sum(good_quantity) AS good, min(id) AS first FROM production_records';
        const now = (await db.query(totals)).rows;
        await db.close();
        await lotwise.remove('export');
        const again = await lotwise.open({ name: 'import' });
        const report = await again.importFile(file, { dataset: 'production_records' });
        const then = (await again.query(totals)).rows;
        await again.execute('DELETE FROM production_records');
        await again.importFile(some, { dataset: 'production_records' });
        const part = (await again.query(totals)).rows;
        await again.close();
        await lotwise.remove('import');
        return { writes, pieces: pieces.length, rows: report.rows, then, now, part };
      });
      assert.ok(got.pieces >= 3 && got.writes === got.pieces, `${got.pieces} pieces`);
      assert.equal(got.rows, 100_000);
      assert.deepEqual(got.then, [{ n: 100_000, good: (100_000 * 100_001) / 2, first: 1 }]);
      assert.deepEqual(got.now.map((row) => [row['n'], row['first']]), [[100_000, got.writes + 1]]);
      assert.deepEqual(got.part, [{ n: 1_000, good: 1_000 * 600.5, first: 101 }]);
    });
  });
}
