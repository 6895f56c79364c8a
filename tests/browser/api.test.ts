/** Every member of the API, over both storages, in both browsers. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Dataset } from '../../src/ts/types.ts';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

type Storage = 'opfs' | 'memory';

/** A few production records that every test here begins with. */
const RECORDS = [
  { id: 1, production_date: '2025-06-09', item_code: 'ITEM-A', lot_number: 'L20250609-01-0001', line: 'LINE-01', shift: 1, good_quantity: 100, defect_quantity: 0, defect_code: '' },
  { id: 2, production_date: '2025-06-10', item_code: 'ITEM-A', lot_number: 'L20250610-01-0001', line: 'LINE-01', shift: 2, good_quantity: 200, defect_quantity: 10, defect_code: 'D01' },
  { id: 3, production_date: '2025-06-10', item_code: 'ITEM-B', lot_number: 'L20250610-02-0001', line: 'LINE-02', shift: 1, good_quantity: 300, defect_quantity: 30, defect_code: 'D02' },
  { id: 4, production_date: '2025-06-12', item_code: 'ITEM-B', lot_number: 'L20250612-02-0001', line: 'LINE-02', shift: 1, good_quantity: 400, defect_quantity: 0, defect_code: '' },
];
type Given = { storage: Storage; records: typeof RECORDS };

for (const kind of ['chromium', 'firefox'] as const) {
  for (const storage of ['opfs', 'memory'] as const) {
    describe(`${kind}, ${storage}`, () => {
      const suite = useBrowser(kind);
      const given: Given = { storage, records: RECORDS };

      test('capabilities tell what was read back', { timeout: TEST_MS_MAX }, async () => {
        const { name, capabilities } = await suite.inTab(async ({ storage }: Given) => {
          const db = await lotwise.open({ name: 'caps', storage });
          await db.close();
          return { name: db.name, capabilities: db.capabilities };
        }, given);
        const { sqliteVersion, pageBytes, pageCacheBytes, persisted, ...rest } = capabilities;
        assert.equal(name, 'caps');
        assert.deepEqual(rest, {
          storage, role: 'leader', crossOriginIsolated: false, cancellation: 'deadline', workersMax: 1,
          journalMode: 'wal', synchronous: rest.synchronous,
        });
        if (storage === 'opfs') assert.equal(rest.synchronous, 'full');
        assert.match(sqliteVersion, /^3\.\d+\.\d+$/);
        assert.ok(pageBytes >= 4096 && pageCacheBytes > 0);
        assert.equal(typeof persisted, 'boolean');
      });

      test('append, query, execute and executeMany', { timeout: TEST_MS_MAX }, async () => {
        const got = await suite.inTab(async ({ storage, records }: Given) => {
          const db = await lotwise.open({ name: 'sql', storage });
          try {
            const appended = await db.append('production_records', records);
            const lot = await db.query('SELECT id, line FROM production_records WHERE lot_number = ?', ['L20250610-02-0001']);
            const named = await db.query('SELECT count(*) AS n FROM production_records WHERE line = :line', { line: 'LINE-02' });
            const executed = await db.execute('UPDATE production_records SET shift = 3 WHERE id = :id', { id: 4 });
            const several = await db.execute('DELETE FROM production_records WHERE id = 1; UPDATE production_records SET shift = 2 WHERE id = 3');
            const many = await db.executeMany('UPDATE production_records SET good_quantity = ? WHERE id = ?', [[1, 2], [2, 3]]);
            const manyNamed = await db.executeMany('UPDATE production_records SET defect_code = :code WHERE id = :id', [{ id: 2, code: 'X' }, { id: 3, code: 'Y' }]);
            const returning = await db.query('DELETE FROM production_records WHERE id = 4 RETURNING id, shift');
            const left = await db.query('SELECT id, shift, good_quantity, defect_code FROM production_records ORDER BY id');
            return {
              appended, lot: lot.rows, columns: lot.columns, named: named.rows, executed, several, many, manyNamed,
              returning: { rows: returning.rows, route: returning.meta.route }, left: left.rows, meta: left.meta,
            };
          } finally {
            await db.close();
            if (storage === 'opfs') await lotwise.remove('sql');
          }
        }, given);
        assert.equal(got.appended.changes, 4);
        assert.equal(got.appended.lastInsertRowid, 4);
        assert.deepEqual(got.lot, [{ id: 3, line: 'LINE-02' }]);
        assert.deepEqual(got.columns.map(({ name }) => name), ['id', 'line']);
        assert.deepEqual(got.named, [{ n: 2 }]);
        assert.deepEqual([got.executed.changes, got.several.changes, got.many.changes, got.manyNamed.changes], [1, 2, 2, 2]);
        assert.deepEqual(got.returning, { rows: [{ id: 4, shift: 3 }], route: 'write' });
        assert.deepEqual(got.left, [{ id: 2, shift: 2, good_quantity: 1, defect_code: 'X' }, { id: 3, shift: 2, good_quantity: 2, defect_code: 'Y' }]);
        const versions = [got.appended, got.executed, got.several, got.many, got.manyNamed].map(({ dataVersion }) => dataVersion);
        assert.deepEqual(versions, [...new Set(versions)].toSorted((a, b) => a - b), 'each write raises the version');
        assert.ok(got.meta.dataVersion > versions.at(-1)!);
        assert.deepEqual([got.meta.cache, got.meta.ageMs, got.meta.partitions], ['bypass', 0, ['live']]);
        assert.ok(got.meta.elapsedMs >= got.meta.queuedMs && got.meta.queuedMs >= 0);
      });

      test('aggregate', { timeout: TEST_MS_MAX }, async () => {
        const got = await suite.inTab(async ({ storage, records }: Given) => {
          const db = await lotwise.open({ name: 'aggregate', storage });
          try {
            await db.append('production_records', records);
            const days = await db.aggregate({
              dataset: 'production_records', range: { from: '2025-06-09', to: '2025-06-12' }, groupBy: [{ time: 'day' }], fill: true,
              measures: { n: 'count', good: { sum: 'good_quantity' } },
            });
            const worst = await db.aggregate({
              dataset: 'production_records', groupBy: ['item_code'], where: { any: [{ shift: 1 }, { defect_quantity: { gt: 0 } }] },
              measures: { lots: { countDistinct: 'lot_number' }, most: { max: 'good_quantity' }, least: { min: 'good_quantity' }, mean: { avg: 'good_quantity' },
                rate: { ratio: [['defect_quantity'], ['good_quantity', 'defect_quantity']] }, early: { count: true, where: { shift: 1 } } },
              having: { lots: { gte: 1 } }, orderBy: [{ by: 'rate', desc: true }], limit: 5,
            });
            const nothing = await db.aggregate({ dataset: 'production_records', where: { line: [] }, measures: { n: 'count', good: { sum: 'good_quantity' } } });
            return { days: days.rows, worst: worst.rows, columns: worst.columns.map(({ name }) => name), nothing: nothing.rows };
          } finally {
            await db.close();
            if (storage === 'opfs') await lotwise.remove('aggregate');
          }
        }, given);
        assert.deepEqual(got.days, [
          { day: '2025-06-09', n: 1, good: 100 }, { day: '2025-06-10', n: 2, good: 500 }, { day: '2025-06-11', n: 0, good: null }, { day: '2025-06-12', n: 1, good: 400 },
        ]);
        assert.deepEqual(got.columns, ['item_code', 'lots', 'most', 'least', 'mean', 'rate', 'early']);
        assert.deepEqual(got.worst, [
          { item_code: 'ITEM-B', lots: 2, most: 400, least: 300, mean: 350, rate: 30 / 730, early: 2 },
          { item_code: 'ITEM-A', lots: 2, most: 200, least: 100, mean: 150, rate: 10 / 310, early: 1 },
        ]);
        assert.deepEqual(got.nothing, [{ n: 0, good: null }]);
      });

      test('records, page by page', { timeout: TEST_MS_MAX }, async () => {
        const got = await suite.inTab(async ({ storage, records }: Given) => {
          const db = await lotwise.open({ name: 'records', storage });
          try {
            await db.append('production_records', records);
            const pages: unknown[][] = [];
            let after: string | undefined;
            do {
              const page = await db.records({ dataset: 'production_records', columns: ['id'], limit: 3, ...(after !== undefined && { after }) });
              pages.push([...page.column('id')]);
              after = page.next;
            } while (after !== undefined);
            const prefix = await db.records({ dataset: 'production_records', where: { lot_number: { prefix: 'l20250610' } }, orderBy: [{ by: 'good_quantity' }] });
            return { pages, prefix: prefix.rows };
          } finally {
            await db.close();
            if (storage === 'opfs') await lotwise.remove('records');
          }
        }, given);
        assert.deepEqual(got.pages, [[4, 3, 2], [1]]);
        assert.deepEqual(got.prefix, [RECORDS[1], RECORDS[2]]);
      });

      test('results as columns', { timeout: TEST_MS_MAX }, async () => {
        const got = await suite.inTab(async ({ storage, records }: Given) => {
          const db = await lotwise.open({ name: 'columns', storage });
          try {
            await db.append('production_records', records);
            const result = await db.query("SELECT id, id / 8.0 AS part, NULL AS none, CASE id WHEN 2 THEN 'two' WHEN 3 THEN 3 ELSE 0.5 END AS mixed, 9007199254740993 + id AS big, x'0102' AS bytes, line, line AS id FROM production_records ORDER BY 1");
            return {
              kinds: [0, 1, 'none', 'mixed', 'line'].map((key) => Object.prototype.toString.call(result.column(key))),
              first: [...result.column(0)], part: [...result.column('part')], mixed: [...result.column('mixed')], big: [...result.column('big')].map(String),
              types: [...result.column('big')].map((value) => typeof value), bytes: [...result.column('bytes')].map((value) => [...value as Uint8Array]),
              last: result.rows[0]!['id'], rowCount: result.rowCount, same: result.rows === result.rows,
            };
          } finally {
            await db.close();
            if (storage === 'opfs') await lotwise.remove('columns');
          }
        }, given);
        assert.deepEqual(got.kinds, ['[object Int32Array]', '[object Float64Array]', '[object Array]', '[object Array]', '[object Array]']);
        assert.deepEqual([got.first, got.part, got.mixed], [[1, 2, 3, 4], [0.125, 0.25, 0.375, 0.5], [0.5, 'two', 3, 0.5]]);
        assert.deepEqual(got.big, ['9007199254740994', '9007199254740995', '9007199254740996', '9007199254740997']);
        assert.deepEqual(got.types, Array(4).fill('bigint'));
        assert.deepEqual(got.bytes, Array(4).fill([1, 2]));
        assert.deepEqual([got.last, got.rowCount, got.same], ['LINE-01', 4, true]);
      });

      test('explain', { timeout: TEST_MS_MAX }, async () => {
        const { sql, aggregate } = await suite.inTab(async ({ storage }: Given) => {
          const db = await lotwise.open({ name: 'explain', storage });
          try {
            return {
              sql: await db.explain('SELECT * FROM production_records WHERE lot_number = ?', ['L1']),
              aggregate: await db.explain({ dataset: 'production_records', measures: { n: { sum: 'defect_quantity' } } }),
            };
          } finally {
            await db.close();
            if (storage === 'opfs') await lotwise.remove('explain');
          }
        }, given);
        assert.deepEqual([sql.route, sql.indexes, sql.fullScans, sql.temporarySorts, sql.partitions], ['index', ['idx_lot_number'], [], 0, ['live']]);
        assert.match(sql.steps[0]!.detail, /idx_lot_number/);
        assert.deepEqual([aggregate.route, aggregate.fullScans], ['scan', ['production_records']]);
        assert.match(aggregate.sql, /select/i);
      });

      test('errors keep code, message and place', { timeout: TEST_MS_MAX }, async () => {
        const got = await suite.inTab(async ({ storage, records }: Given) => {
          const db = await lotwise.open({ name: 'errors', storage });
          try {
            await db.append('production_records', records);
            const gaveUp = AbortSignal.abort();
            return {
              sql: await failureOf(db.query('SELECT nonsense FROM production_records')),
              begin: await failureOf(db.execute('BEGIN')),
              conflict: await failureOf(db.append('production_records', [records[0]!])),
              unknown: await failureOf(db.append('production_records', [{ ...records[0]!, id: 9, colour: 'red' }])),
              dataset: await failureOf(db.append('nowhere', [{ a: 1 }])),
              type: await failureOf(db.append('production_records', [{ ...records[0]!, id: 9 }, { ...records[0]!, id: 10, shift: 'early' }])),
              date: await failureOf(db.append('production_records', [{ ...records[0]!, id: 9, production_date: '2025-13-01' }])),
              query: await failureOf(db.aggregate({ dataset: 'production_records', measures: { n: { sum: 'colour' } } })),
              cancelled: await failureOf(db.query('SELECT 1', [], { signal: gaveUp })),
              count: (await db.query('SELECT count(*) AS n FROM production_records')).rows[0]!['n'],
            };
          } finally {
            await db.close();
            if (storage === 'opfs') await lotwise.remove('errors');
          }
        }, given);
        const { count, ...failures } = got;
        assert.deepEqual(Object.fromEntries(Object.entries(failures).map(([key, failure]) => [key, failure?.code])), {
          sql: 'SQL_INVALID', begin: 'SQL_INVALID', conflict: 'CONSTRAINT_VIOLATION', unknown: 'INPUT_INVALID', dataset: 'NOT_FOUND', type: 'INPUT_INVALID', date: 'INPUT_INVALID',
          query: 'QUERY_INVALID', cancelled: 'CANCELLED',
        });
        for (const failure of Object.values(failures)) assert.ok(failure?.ours && failure.name === 'LotwiseError');
        assert.match(failures.sql!.message, /nonsense/);
        assert.match(failures.unknown!.message, /colour/);
        assert.match(failures.type!.message, /shift/);
        assert.equal(count, 4, 'nothing of the failed appends stayed');
      });

      test('conflicts are refused, left out or replaced', { timeout: TEST_MS_MAX }, async () => {
        const got = await suite.inTab(async ({ storage, records }: Given) => {
          const db = await lotwise.open({ name: 'conflicts', storage });
          try {
            await db.append('production_records', records);
            const again = [{ ...records[0]!, good_quantity: 7 }, { ...records[0]!, id: 5 }];
            const good = async () => [...(await db.query('SELECT good_quantity FROM production_records WHERE id IN (1, 5) ORDER BY id')).column(0)];
            const ignored = await db.append('production_records', again, { onConflict: 'ignore' });
            const afterIgnore = await good();
            await db.append('production_records', again, { onConflict: 'replace' });
            return { ignored: ignored.changes, afterIgnore, afterReplace: await good() };
          } finally {
            await db.close();
            if (storage === 'opfs') await lotwise.remove('conflicts');
          }
        }, given);
        assert.deepEqual(got, { ignored: 1, afterIgnore: [100, 100], afterReplace: [7, 100] });
      });

      test('a dataset of the user, with defaults and both presets beside it', { timeout: TEST_MS_MAX }, async () => {
        const got = await suite.inTab(async ({ storage }: Given) => {
          const readings = {
            name: 'readings', time: 'at', measures: ['value'], indexes: [{ name: 'idx_sensor', columns: ['sensor', { column: 'at', desc: true }], where: 'value IS NOT NULL' }],
            columns: {
              sensor: { type: 'text', required: true, collate: 'nocase' }, at: { type: 'timestamp', required: true }, value: { type: 'real' },
              state: { type: 'text', default: 'new' }, extra: { type: 'json' }, raw: { type: 'blob' },
            },
          } as const;
          const db = await lotwise.open({ name: 'user', storage, datasets: [lotwise.presets.productionRecords, lotwise.presets.changeEvents, structuredClone(readings) as unknown as Dataset] });
          try {
            await db.append('readings', [{ sensor: 'S1', at: 1_750_000_000_000, value: 1, extra: '{"a":1}' }, { sensor: 's1', at: 1_750_000_060_000, value: 2.5, state: 'old', raw: new Uint8Array([7]) }]);
            await db.append('events', { change_group_id: [1, 1], component_name: ['CMP-000', 'CMP-001'], timestamp: [0, 30], value: new Float64Array([0.5, 1]), flag: new Int32Array([0, 1]) });
            const rows = await db.query("SELECT sensor, value, state, extra, hex(raw) AS raw FROM readings WHERE sensor = 'S1' ORDER BY at");
            const minutes = await db.aggregate({ dataset: 'readings', groupBy: [{ time: 'minute' }], measures: { mean: { avg: 'value' } } });
            const tables = await db.query("SELECT count(*) AS n FROM events");
            return { rows: rows.rows, minutes: minutes.rows, events: tables.rows };
          } finally {
            await db.close();
            if (storage === 'opfs') await lotwise.remove('user');
          }
        }, given);
        assert.deepEqual(got.rows, [{ sensor: 'S1', value: 1, state: 'new', extra: '{"a":1}', raw: '' }, { sensor: 's1', value: 2.5, state: 'old', extra: null, raw: '07' }]);
        assert.deepEqual(got.minutes.map((row) => row['mean']), [1, 2.5]);
        assert.match(String(got.minutes[0]!['minute']), /^2025-06-15T15:06/);
        assert.deepEqual(got.events, [{ n: 2 }]);
      });

      test('closing twice, using afterwards, await using', { timeout: TEST_MS_MAX }, async () => {
        const got = await suite.inTab(async ({ storage }: Given) => {
          const db = await lotwise.open({ name: 'close', storage });
          await Promise.all([db.close(), db.close()]);
          const dispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
          const other = await lotwise.open({ name: 'close', storage });
          await other[dispose as typeof Symbol.asyncDispose]();
          return { closed: await failureOf(db.query('SELECT 1')), disposed: await failureOf(other.append('production_records', [])) };
        }, given);
        assert.deepEqual([got.closed?.code, got.disposed?.code], ['CLOSED', 'CLOSED']);
      });
    });
  }
}
