/** Files of the origin: reloading, other tabs, listing and removing, private contexts, hosts without OPFS. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startBrowser, type TestBrowser } from './helpers/browsers.ts';
import { startServer, type TestServer } from './helpers/server.ts';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

const ROW = { production_date: '2025-06-10', item_code: 'ITEM-A', lot_number: 'L1', line: 'LINE-01', shift: 1, good_quantity: 1, defect_quantity: 0, defect_code: '' };

for (const kind of ['chromium', 'firefox', 'chromium, private'] as const) {
  describe(kind, () => {
    const suite = useBrowser(kind);

    test('data outlives a reload without close()', { timeout: TEST_MS_MAX }, () => suite.withTab(async (tab) => {
      await tab.run(async (row) => {
        const db = await lotwise.open({ name: 'reload' });
        await db.append('production_records', [row, row]);
      }, ROW);
      await tab.reload();
      const count = await tab.run(async (row) => {
        const db = await lotwise.open({ name: 'reload' });
        await db.append('production_records', [row]);
        return (await db.query('SELECT count(*) AS n FROM production_records')).rows;
      }, ROW);
      assert.deepEqual(count, [{ n: 3 }]);
    }));

    test('a write that a reload cuts off leaves whole transactions', { timeout: TEST_MS_MAX }, () => suite.withTab(async (tab) => {
      await tab.run(async (row) => {
        const db = await lotwise.open({ name: 'cut' });
        await db.append('production_records', [row]);
        const many = Array.from({ length: 20_000 }, () => row);
        for (let batch = 0; batch < 20; batch++) void db.append('production_records', many);
        await new Promise((resolve) => { setTimeout(resolve, 300); });
      }, ROW);
      await tab.reload();
      const { n, ok } = await tab.run(async () => {
        const db = await lotwise.open({ name: 'cut' });
        const [count, check] = [await db.query('SELECT count(*) AS n FROM production_records'), await db.query('PRAGMA quick_check')];
        await db.close();
        await lotwise.remove('cut');
        return { n: Number(count.rows[0]!['n']), ok: check.rows };
      });
      assert.equal((n - 1) % 20_000, 0, `${n} rows`);
      assert.deepEqual(ok, [{ quick_check: 'ok' }]);
    }));

    test('a second tab is told that the database is busy, and gets it when the first has closed it', { timeout: TEST_MS_MAX }, () =>
      suite.withTab((first) => suite.withTab(async (second) => {
        await first.run(async (row) => {
          const db = await lotwise.open({ name: 'shared' });
          await db.append('production_records', [row]);
          Object.assign(globalThis, { db });
        }, ROW);
        const { busy, waitedMs, removal, other } = await second.run(async () => {
          const began = performance.now();
          const busy = await failureOf(lotwise.open({ name: 'shared' }));
          const waitedMs = performance.now() - began;
          const removal = await failureOf(lotwise.remove('shared'));
          const other = await lotwise.open({ name: 'other' });
          await other.close();
          return { busy, waitedMs, removal, other: other.name };
        });
        assert.deepEqual([busy?.ours, busy?.code, busy?.retryable], [true, 'DATABASE_BUSY', true]);
        assert.match(busy!.message, /'shared' is open elsewhere.*another tab/);
        assert.ok(waitedMs > 1_500 && waitedMs < 10_000, `waited ${waitedMs} ms`);
        assert.deepEqual([removal?.code, other], ['DATABASE_BUSY', 'other']);
        await first.run(() => (globalThis as unknown as { db: AsyncDisposable & { close(): Promise<void> } }).db.close());
        const rows = await second.run(async () => {
          const db = await lotwise.open({ name: 'shared' });
          const { rows } = await db.query('SELECT lot_number FROM production_records');
          await db.close();
          return rows;
        });
        assert.deepEqual(rows, [{ lot_number: 'L1' }]);
      })));

    test('an open() that waits gets the database when the tab that had it is closed', { timeout: TEST_MS_MAX }, () => suite.withTab(async (second) => {
      await suite.withTab(async (first) => {
        await first.run(async () => { Object.assign(globalThis, { db: await lotwise.open({ name: 'passing' }) }); });
        await second.run(() => { Object.assign(globalThis, { opening: lotwise.open({ name: 'passing' }) }); });
      });
      const name = await second.run(async () => (await (globalThis as unknown as { opening: ReturnType<typeof lotwise.open> }).opening).name);
      assert.equal(name, 'passing');
    }));

    test('list() and remove()', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async (row) => {
        const db = await lotwise.open({ name: 'listed' });
        await db.append('production_records', [row]);
        const whileOpen = (await lotwise.list()).find(({ name }) => name === 'listed');
        await db.close();
        await lotwise.remove('listed');
        await lotwise.remove('listed');
        await lotwise.remove('never-there');
        const names = (await lotwise.list()).map(({ name }) => name);
        const again = await lotwise.open({ name: 'listed' });
        const { rows } = await again.query('SELECT count(*) AS n FROM production_records');
        await again.close();
        await lotwise.remove('listed');
        return { whileOpen, names, rows, bad: await failureOf(lotwise.remove('../x')) };
      }, ROW);
      assert.ok(got.whileOpen !== undefined && got.whileOpen.bytes > 0);
      assert.ok(!got.names.includes('listed') && !got.names.includes('never-there'));
      assert.deepEqual(got.rows, [{ n: 0 }]);
      assert.equal(got.bad?.code, 'CONFIG_INVALID');
    });

    test('a worker of the page may open a database as well', { timeout: TEST_MS_MAX }, async () => {
      suite.server.route('/opens.js', () => ({ type: 'text/javascript', body: `
        import { open, remove } from '/pkg/index.js';
        const db = await open({ name: 'nested' });
        const { rows } = await db.query('SELECT count(*) AS n FROM production_records');
        await db.close();
        await remove('nested');
        postMessage(rows);` }));
      const rows = await suite.inTab(() => new Promise((resolve, reject) => {
        const worker = new Worker('/opens.js', { type: 'module' });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      }));
      assert.deepEqual(rows, [{ n: 0 }]);
    });

    test('memory leaves no file, and needs no lock', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async (row) => {
        const [one, two] = await Promise.all([lotwise.open({ name: 'twice', storage: 'memory' }), lotwise.open({ name: 'twice', storage: 'memory' })]);
        await one.append('production_records', [row]);
        const counts = [(await one.query('SELECT count(*) AS n FROM production_records')).rows, (await two.query('SELECT count(*) AS n FROM production_records')).rows];
        return { counts, names: (await lotwise.list()).map(({ name }) => name) };
      }, ROW);
      assert.deepEqual(got.counts, [[{ n: 1 }], [{ n: 0 }]]);
      assert.ok(!got.names.includes('twice'));
    });
  });
}

describe('chromium, storage full', () => {
  const suite = useBrowser('chromium');

  test('a write that does not fit is taken back as a whole, and the database goes on', { timeout: TEST_MS_MAX }, () => suite.withTab(async (tab) => {
    const append = (batches: number) => tab.run(async ({ row, batches }) => {
      const scope = globalThis as { db?: Awaited<ReturnType<typeof lotwise.open>> };
      const db = scope.db ??= await lotwise.open({ name: 'full' });
      const rows = Array.from({ length: 10_000 }, () => ({ ...row, lot_number: row.lot_number.repeat(50) }));
      let appended = 0;
      let failure: Failure | undefined;
      while (appended < batches && failure === undefined) {
        failure = await failureOf(db.append('production_records', rows));
        if (failure === undefined) appended += 1;
      }
      const [count, check] = [await db.query('SELECT count(*) AS n FROM production_records'), await db.query('PRAGMA quick_check')];
      return { appended, failure, rows: count.rows[0]!['n'], check: check.rows };
    }, { row: ROW, batches });
    await tab.limitStorage!(20_000_000);
    const full = await append(30);
    assert.equal(full.failure?.code, 'STORAGE_FULL');
    assert.deepEqual([full.rows, full.check], [full.appended * 10_000, [{ quick_check: 'ok' }]]);
    await tab.limitStorage!(undefined);
    const after = await append(3);
    assert.deepEqual([after.failure, after.rows, after.check], [undefined, (full.appended + 3) * 10_000, [{ quick_check: 'ok' }]]);
    await tab.reload();
    assert.deepEqual((await append(0)).rows, after.rows);
  }));
});

describe('chromium, an origin that is not secure', () => {
  let server: TestServer | undefined;
  let browser: TestBrowser | undefined;
  before(async () => {
    server = await startServer();
    browser = await startBrowser('chromium', ['--host-resolver-rules=MAP something.test 127.0.0.1']);
  }, { timeout: TEST_MS_MAX });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  test('no OPFS is said aloud, and memory works where it is asked for', { timeout: TEST_MS_MAX }, async () => {
    const tab = await browser!.tab(`http://something.test:${server!.port}`);
    const got = await tab.run(async () => {
      const failures = [await failureOf(lotwise.open()), await failureOf(lotwise.list()), await failureOf(lotwise.remove('lotwise'))];
      const db = await lotwise.open({ storage: 'memory' });
      const { rows } = await db.query('SELECT 1 AS one');
      const { storage, persisted } = db.capabilities;
      await db.close();
      return { failures, rows, storage, persisted };
    });
    for (const failure of got.failures) {
      assert.equal(failure?.code, 'STORAGE_UNAVAILABLE');
      assert.match(failure!.message, /not a secure context.*https.*localhost.*storage: 'memory'/);
    }
    assert.deepEqual([got.rows, got.storage, got.persisted], [[{ one: 1 }], 'memory', false]);
  });
});

describe('chromium, OPFS taken away', () => {
  const suite = useBrowser('chromium');

  test('each thing that can be missing has its reason', { timeout: TEST_MS_MAX }, async () => {
    suite.server.route('/no-handles/strip.js', () => ({ type: 'text/javascript', body: 'delete FileSystemFileHandle.prototype.createSyncAccessHandle;' }));
    suite.server.route('/no-handles/worker.js', () => ({ type: 'text/javascript', body: 'import "./strip.js"; import "/pkg/worker.js";' }));
    const got = await suite.inTab(async () => {
      const handles = await failureOf(lotwise.open({ workerUrl: '/no-handles/worker.js' }));
      const refused = () => Promise.reject(new DOMException('no storage in this window', 'SecurityError'));
      const original = navigator.storage.getDirectory;
      Object.defineProperty(StorageManager.prototype, 'getDirectory', { value: refused, configurable: true });
      const locked = await failureOf(lotwise.open());
      Object.defineProperty(StorageManager.prototype, 'getDirectory', { value: undefined, configurable: true });
      const missing = await failureOf(lotwise.open());
      Object.defineProperty(StorageManager.prototype, 'getDirectory', { value: original, configurable: true });
      return { handles, locked, missing };
    });
    assert.equal(got.handles?.code, 'STORAGE_UNAVAILABLE');
    assert.match(got.handles!.message, /createSyncAccessHandle.*storage: 'memory'/);
    assert.equal(got.locked?.code, 'STORAGE_UNAVAILABLE');
    assert.match(got.locked!.message, /SecurityError: no storage in this window.*private windows/);
    assert.equal(got.missing?.code, 'STORAGE_UNAVAILABLE');
    assert.match(got.missing!.message, /no origin private file system/);
  });
});
