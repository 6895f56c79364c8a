/** Segments of the columnstore that are made in a worker beside calls, and what is answered meanwhile. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

for (const kind of ['chromium', 'firefox'] as const) {
  describe(kind, () => {
    const suite = useBrowser(kind);

    test('rows become segments while others write, and answers are the same both ways', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const lots = {
          name: 'lots',
          columns: { id: { type: 'integer' as const, primaryKey: true }, day: { type: 'date' as const }, line: { type: 'text' as const }, good: { type: 'integer' as const } },
          time: 'day', dimensions: ['line'], measures: ['good'],
        };
        const query = { dataset: 'lots', groupBy: ['line', { time: 'month' as const }], measures: { good: { sum: 'good' }, n: 'count' as const } };
        const fresh = 'SELECT count(*) AS n FROM lotwise_segment WHERE stale = 0 AND head NOT NULL';
        let db = await lotwise.open({ name: 'columnstore', datasets: [lots] });
        const insert = (from: number, to: number) => db.execute(
          `WITH RECURSIVE k (id) AS (SELECT ${from} UNION ALL SELECT id + 1 FROM k WHERE id < ${to})
           INSERT INTO lots SELECT id, date('2025-01-01', '+' || (id % 90) || ' days'), 'L' || (id % 7), id % 100 FROM k`,
        );
        const agree = async (): Promise<boolean> => {
          const both = await Promise.all((['columnstore', 'sql'] as const).map((route) => db.aggregate(query, { route })));
          return JSON.stringify(both[0]!.rows) === JSON.stringify(both[1]!.rows);
        };
        const agreed: boolean[] = [];
        const until = async (segments: number): Promise<number> => {
          for (let waited = 0; waited < 20_000; waited += 20) {
            agreed.push(await agree());
            const [table] = (await db.query<{ n: number }>(`SELECT count(*) AS n FROM sqlite_schema WHERE name = 'lotwise_segment'`)).rows;
            const n = table!.n === 0 ? 0 : (await db.query<{ n: number }>(fresh)).rows[0]!.n;
            if (n >= segments) return n;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          throw new Error(`${segments} segments never came`);
        };
        await insert(1, 140_000);
        // Some while rows are read, in front of them and behind.
        const writes = (async () => {
          for (let i = 0; i < 30; i++) {
            await db.execute('UPDATE lots SET good = good + 1 WHERE id = ?', [1 + i * 4_000]);
            await db.append('lots', [{ day: '2025-04-01', line: 'new', good: i }]);
            await new Promise((resolve) => setTimeout(resolve, 30));
          }
        })();
        await until(1);
        await writes;
        const all = await until(3);
        const { meta } = await db.aggregate(query);
        await db.close();
        db = await lotwise.open({ name: 'columnstore', datasets: [lots] });
        const again = (await db.aggregate(query)).meta.route;
        await db.execute('DELETE FROM lots WHERE id % 2 = 0');
        agreed.push(await agree());
        await db.close();
        return { agreed, all, route: meta.route, again };
      });
      assert.ok(got.agreed.length > 3 && got.agreed.every(Boolean), String(got.agreed));
      assert.equal(got.all, 3);
      assert.equal(got.route, 'columnstore');
      assert.equal(got.again, 'columnstore');
    });
  });
}
