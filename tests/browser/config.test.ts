/** Configuration of the package in the browser: over OPFS each field has its effect at once and survives a lost engine. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

for (const kind of ['chromium', 'firefox'] as const) {
  describe(`${kind}, configuration`, () => {
    const suite = useBrowser(kind);

    test('fields take effect without reopening, and are read back', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const db = await lotwise.open({ name: 'configured', datasets: [], config: { profile: 'lowMemory', query: { queueMax: 2 } } });
        try {
          const opened = { config: await db.config(), pageCacheBytes: db.capabilities.pageCacheBytes };
          const three = ['SELECT 1', 'SELECT 2', 'SELECT 3'].map((sql) => failureOf(db.query(sql)));
          const waiting = (await Promise.all(three)).map((failure) => failure?.code);
          const modes: string[] = [];
          await db.execute('CREATE TABLE t (x)');
          for (const journalMode of ['truncate', 'wal', 'persist', 'delete', 'wal'] as const) {
            await db.configure({ sqlite: { journalMode } });
            await db.execute('INSERT INTO t VALUES (hex(randomblob(1000)))');
            modes.push(`${db.capabilities.journalMode} ${db.capabilities.synchronous}`);
          }
          const tooBig = await failureOf(db.configure({ query: { resultBytesMax: 65_536 } }).then(() => db.query('SELECT t.x FROM t, t AS u, t AS v')));
          const slow = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
          const late = await failureOf(db.configure({ query: { timeoutMs: 50 } }).then(() => db.query(slow)));
          const wrong = await failureOf(db.configure({ query: { timeoutMs: 0, colour: 1 }, sqlite: { journalMode: 'off' }, pool: {} } as never));
          const unchanged = await db.config();
          for (let i = 0; i < 3; i++) await db.query('SELECT ?', [i]);
          const { statements } = await db.stats();
          return { opened, waiting, modes, tooBig, late, wrong, unchanged, statements };
        } finally {
          await db.close();
          await lotwise.remove('configured');
        }
      });
      assert.deepEqual([got.opened.config.profile, got.opened.config.query.queueMax, got.opened.config.sqlite.cacheBytes], ['lowMemory', 2, 4 * 1024 * 1024]);
      assert.equal(got.opened.pageCacheBytes, 4 * 1024 * 1024);
      assert.deepEqual(got.waiting, [undefined, undefined, 'LIMIT_EXCEEDED']);
      assert.deepEqual(got.modes, ['truncate full', 'wal full', 'persist full', 'delete full', 'wal full']);
      assert.deepEqual([got.tooBig?.code, got.late?.code, got.wrong?.code], ['LIMIT_EXCEEDED', 'TIMEOUT', 'CONFIG_INVALID']);
      const { fields } = got.wrong!.details as { fields: { field: string; reason: string }[] };
      assert.deepEqual(fields.map(({ field }) => field), ['query.timeoutMs', 'query.colour', 'sqlite.journalMode', 'pool']);
      for (const { field, reason } of fields) assert.ok(got.wrong!.message.includes(`${field}: ${reason}`));
      assert.equal(got.unchanged.query.timeoutMs, 50);
      assert.ok(got.statements.hits === 2 && got.statements.misses >= 4 && got.statements.cached <= 20, JSON.stringify(got.statements));
    });

    test('relaxed writes are there for every reader, and after closing', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const db = await lotwise.open({ name: 'relaxed', datasets: [], config: { profile: 'ingest', ingest: { groupCommitMs: 20 } } });
        await db.execute('CREATE TABLE t (x)');
        for (let i = 0; i < 50; i++) await db.execute('INSERT INTO t VALUES (?)', [i], i % 10 === 0 ? { durability: 'full' } : {});
        const { synchronous } = db.capabilities;
        const before = (await db.query('SELECT count(*) AS n FROM t')).rows;
        await new Promise((resolve) => { setTimeout(resolve, 100); });
        await db.execute('INSERT INTO t VALUES (50)');
        await db.close();
        const again = await lotwise.open({ name: 'relaxed', datasets: [] });
        const after = (await again.query('SELECT count(*) AS n, sum(x) AS s FROM t')).rows;
        await again.close();
        await lotwise.remove('relaxed');
        return { synchronous, before, after };
      });
      assert.deepEqual(got, { synchronous: 'normal', before: [{ n: 50 }], after: [{ n: 51, s: 1275 }] });
    });

    test('a read-only database refuses every write, over SQL and beside it', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const row = { production_date: '2025-06-10', item_code: 'A', lot_number: 'L1', line: '1', shift: 1, good_quantity: 1 };
        const fresh = await failureOf(lotwise.open({ name: 'still', config: { sqlite: { readOnly: true } } }));
        const first = await lotwise.open({ name: 'still' });
        await first.append('production_records', [row]);
        await first.close();
        const db = await lotwise.open({ name: 'still', config: { sqlite: { readOnly: true } } });
        try {
          const failures = [
            await failureOf(db.execute('DELETE FROM production_records')),
            await failureOf(db.query('DELETE FROM production_records RETURNING id')),
            await failureOf(db.executeMany('DELETE FROM production_records WHERE id = ?', [[1]])),
            await failureOf(db.append('production_records', [row])),
            await failureOf(db.importFile('id\n1\n', { dataset: 'production_records' })),
          ];
          const { rowCount } = await db.records({ dataset: 'production_records' });
          await db.configure({ sqlite: { readOnly: false } });
          const { changes } = await db.execute('DELETE FROM production_records');
          return { fresh, failures, rowCount, changes };
        } finally {
          await db.close();
          await lotwise.remove('still');
        }
      });
      assert.deepEqual([got.fresh?.code, ...got.failures.map((failure) => failure?.code)], Array(6).fill('READ_ONLY'));
      for (const failure of got.failures) assert.match(failure!.message, /read-only.*configure\(\{ sqlite: \{ readOnly: false \} \}\)/);
      assert.deepEqual([got.rowCount, got.changes], [1, 1]);
    });
  });
}
