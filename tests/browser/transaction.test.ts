/** Transactions, streams and imports beside each other, in both browsers and over both storages. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

type Storage = 'opfs' | 'memory';

/** Runs in the page. */
const EVENTS = {
  name: 'n', columns: { x: { type: 'integer' as const, required: true } }, measures: ['x'],
};
type Given = { storage: Storage; dataset: typeof EVENTS };

for (const kind of ['chromium', 'firefox'] as const) {
  for (const storage of ['opfs', 'memory'] as const) {
    describe(`${kind}, ${storage}`, () => {
      const suite = useBrowser(kind);
      const given: Given = { storage, dataset: EVENTS };

      test('a transaction is seen from outside when it has committed, and never when it rolls back', { timeout: TEST_MS_MAX }, async () => {
        const got = await suite.inTab(async ({ storage, dataset }: Given) => {
          const db = await lotwise.open({ name: 'tx', storage, datasets: [dataset] });
          const count = async (of: Pick<typeof db, 'query'>): Promise<unknown> => (await of.query('SELECT count(*) AS n FROM n')).column(0)[0];
          const total = async (): Promise<unknown> => (await db.aggregate({ dataset: 'n', measures: { sum: { sum: 'x' } } })).column('sum')[0];
          try {
            const seen: unknown[] = [];
            const value = await db.transaction(async (tx) => {
              await tx.append('n', [{ x: 1 }, { x: 2 }]);
              await tx.execute('INSERT INTO n (x) VALUES (?)', [3]);
              seen.push(await count(tx), await count(db), await total());
              await tx.transaction(async (inner) => {
                await inner.execute('DELETE FROM n');
                throw new Error('undo');
              }).catch(() => {});
              await tx.transaction((inner) => inner.executeMany('INSERT INTO n (x) VALUES (?)', [[4], [5]]));
              seen.push(await count(tx), await count(db));
              return 'value';
            });
            seen.push(value, await count(db), await total());
            await db.transaction(async (tx) => {
              await tx.execute('DELETE FROM n');
              seen.push(await count(tx));
              throw new Error('no');
            }).catch((error: Error) => { seen.push(error.message); });
            seen.push(await count(db));
            const refused = await db.transaction((tx) => tx.execute('COMMIT')).catch((error: unknown) => (error as { code: string }).code);
            const once = [];
            for (let i = 0; i < 3; i++) once.push(await db.execute('INSERT INTO n (x) VALUES (6)', [], { idempotencyKey: 'six' }));
            seen.push(refused, await count(db), new Set(once.map(({ dataVersion }) => dataVersion)).size);
            return seen;
          } finally {
            await db.close();
            if (storage === 'opfs') await lotwise.remove('tx');
          }
        }, given);
        assert.deepEqual(got, [3, 0, null, 5, 0, 'value', 5, 15, 0, 'no', 5, 'SQL_INVALID', 6, 1]);
      });

      test('a stream sees one state in batches, while others write', { timeout: TEST_MS_MAX }, async () => {
        const got = await suite.inTab(async ({ storage, dataset }: Given) => {
          const db = await lotwise.open({ name: 'stream', storage, datasets: [dataset] });
          try {
            await db.append('n', { x: Float64Array.from({ length: 50_000 }, (_, i) => i) });
            const sizes = new Set<number>();
            let [sum, rows] = [0, 0];
            for await (const batch of db.stream<{ x: number }>('SELECT x FROM n WHERE x >= ? ORDER BY x DESC', [10], { batchRows: 4_000 })) {
              sizes.add(batch.length);
              for (const { x } of batch) sum += x;
              rows += batch.length;
              await db.execute('DELETE FROM n WHERE x < 20000');
              await db.append('n', [{ x: 1_000_000 }]);
            }
            for await (const batch of db.stream('SELECT x FROM n')) {
              if (batch.length > 0) break;
            }
            const inside = await db.transaction(async (tx) => {
              await tx.execute('DELETE FROM n WHERE x < 49998');
              const found: unknown[] = [];
              for await (const batch of tx.stream('SELECT DISTINCT x FROM n ORDER BY x')) found.push(...batch);
              return found;
            });
            const left = await db.query('SELECT count(*) AS n FROM n');
            return { rows, sum, sizes: [...sizes], inside, left: left.rows, check: (await db.query('PRAGMA integrity_check')).column(0)[0] };
          } finally {
            await db.close();
            if (storage === 'opfs') await lotwise.remove('stream');
          }
        }, given);
        assert.equal(got.rows, 49_990);
        assert.equal(got.sum, (49_999 * 50_000) / 2 - 45);
        assert.deepEqual(got.sizes, [4_000, 49_990 % 4_000]);
        assert.deepEqual(got.inside, [{ x: 49_998 }, { x: 49_999 }, { x: 1_000_000 }]);
        assert.deepEqual(got.left, [{ n: 15 }]);
        assert.equal(got.check, 'ok');
      });

      test('reads go on while a file is imported, and see nothing of it before its end', { timeout: TEST_MS_MAX }, async () => {
        const got = await suite.inTab(async ({ storage, dataset }: Given) => {
          const db = await lotwise.open({ name: 'beside', storage, datasets: [dataset] });
          try {
            await db.append('n', [{ x: 1 }]);
            let done = false;
            const text = `x\n${Array.from({ length: 200_000 }, (_, i) => i).join('\n')}\n`;
            const importing = db.importFile(text, { dataset: 'n' }).finally(() => { done = true; });
            const seen = new Set<unknown>();
            let reads = 0;
            while (!done) {
              const n = (await db.query('SELECT count(*) AS n FROM n')).column(0)[0];
              if (!done) {
                seen.add(n);
                reads += 1;
              }
            }
            await importing;
            return { seen: [...seen], reads, after: (await db.query('SELECT count(*) AS n FROM n')).column(0)[0] };
          } finally {
            await db.close();
            if (storage === 'opfs') await lotwise.remove('beside');
          }
        }, given);
        assert.ok(got.reads >= 2, `${got.reads} reads`);
        assert.ok(got.seen.every((n) => n === 1 || n === 200_001), String(got.seen));
        assert.ok(got.seen.includes(1));
        assert.equal(got.after, 200_001);
      });
    });
  }

  describe(kind, () => {
    const suite = useBrowser(kind);

    test('a transaction whose page goes away is rolled back', { timeout: TEST_MS_MAX }, async () => {
      await suite.withTab(async (tab) => {
        await tab.run(async (dataset: typeof EVENTS) => {
          const db = await lotwise.open({ name: 'gone', datasets: [dataset] });
          await db.append('n', [{ x: 1 }]);
          await new Promise<void>((resolve) => {
            void db.transaction(async (tx) => {
              await tx.execute('INSERT INTO n (x) VALUES (2)');
              resolve();
              await new Promise(() => {});
            });
          });
        }, EVENTS);
      });
      const rows = await suite.inTab(async (dataset: typeof EVENTS) => {
        const db = await lotwise.open({ name: 'gone', datasets: [dataset] });
        const { rows } = await db.query('SELECT x FROM n');
        await db.append('n', [{ x: 3 }]);
        await db.close();
        await lotwise.remove('gone');
        return rows;
      }, EVENTS);
      assert.deepEqual(rows, [{ x: 1 }]);
    });
  });
}
