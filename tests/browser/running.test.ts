/** Statements that run: how far they are, and giving them up where the page is cross-origin isolated. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

for (const kind of ['chromium', 'firefox'] as const) {
  describe(`${kind}, cross-origin isolated`, () => {
    const suite = useBrowser(kind, { isolated: true });

    test('a statement that runs ends at once when it is given up, and a write is rolled back', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const dataset = { name: 'n', columns: { x: { type: 'integer' as const } } };
        const db = await lotwise.open({ name: 'running', storage: 'memory', datasets: [dataset] });
        const many = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000000)';
        const given = async (work: (signal: AbortSignal) => Promise<unknown>): Promise<{ code: string | undefined; ms: number }> => {
          const give = new AbortController();
          setTimeout(() => give.abort(), 60);
          const began = performance.now();
          const failure = await failureOf(work(give.signal));
          // The engine is free again.
          await db.query('SELECT 1');
          return { code: failure?.code, ms: performance.now() - began };
        };
        const read = await given((signal) => db.query(`${many} SELECT count(*) FROM n`, [], { signal }));
        const write = await given((signal) => db.execute(`INSERT INTO n (x) ${many} SELECT i FROM n`, [], { signal }));
        const stream = await given(async (signal) => {
          for await (const rows of db.stream(`${many} SELECT count(*) FROM n`, [], { signal })) void rows;
        });
        const exported = await given((signal) => db.exportFile({ format: 'csv', query: { sql: `${many} SELECT count(*) FROM n` }, signal }));
        const left = (await db.query('SELECT count(*) AS n FROM n')).rows;
        const { cancellation } = db.capabilities;
        await db.close();
        return { read, write, stream, exported, left, cancellation };
      });
      assert.equal(got.cancellation, 'immediate');
      for (const { code, ms } of [got.read, got.write, got.stream, got.exported]) {
        assert.equal(code, 'CANCELLED');
        assert.ok(ms < 5_000, `${ms} ms, far below the time limit of 30 s`);
      }
      assert.deepEqual(got.left, [{ n: 0 }]);
    });
  });

  describe(kind, () => {
    const suite = useBrowser(kind);

    test('a statement that runs long tells how far it is', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const db = await lotwise.open({ name: 'progress', storage: 'memory' });
        const seen: { phase: string; done: number; unit: string; elapsedMs: number }[] = [];
        const sql = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
        const failure = await failureOf(db.query(sql, [], { timeoutMs: 800, onProgress: (progress) => seen.push(progress) }));
        await db.close();
        return { code: failure?.code, seen, cancellation: db.capabilities.cancellation };
      });
      assert.equal(got.code, 'TIMEOUT');
      assert.equal(got.cancellation, 'deadline');
      assert.ok(got.seen.length >= 3, `${got.seen.length} reports`);
      assert.ok(got.seen.every(({ phase, unit }) => phase === 'query' && unit === 'steps'));
      assert.ok(got.seen.every(({ done, elapsedMs }, i) => i === 0 || (done > got.seen[i - 1]!.done && elapsedMs > got.seen[i - 1]!.elapsedMs)));
    });
  });
}
