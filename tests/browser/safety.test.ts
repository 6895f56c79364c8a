/** SQL text that means harm, through the built package: refused with what to do instead, and the engine goes on. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

/** Each with words of its refusal. All of them, one by one: tests/native/safety.rs. */
const REFUSED: [sql: string, words: RegExp][] = [
  ['BEGIN', /transaction\(\)/],
  ["ATTACH 'x' AS y", /importFile\(\)/],
  ["VACUUM INTO 'copy.db'", /VACUUM/],
  ['PRAGMA writable_schema = on', /writable_schema.*configure\(\)/],
  ['PRAGMA journal_mode = off', /journal_mode.*configure\(\)/],
  ['PRAGMA hard_heap_limit = 1000', /hard_heap_limit/],
  ['DELETE FROM lotwise_meta', /'lotwise_meta' belongs to the package/],
  ['DROP TABLE lotwise_dataset', /'lotwise_dataset' belongs to the package/],
  ['CREATE VIEW lotwise_mine AS SELECT 1', /'lotwise_mine'.*Use another name/],
  ['ALTER TABLE production_records RENAME TO lotwise_mine', /lotwise_.*Use another name/],
  ['CREATE TEMP TABLE production_records (x)', /temporary.*WITH/],
  ['CREATE VIRTUAL TABLE stat USING dbstat', /'dbstat'.*fts5/],
  ['SELECT data FROM sqlite_dbpage', /sqlite_dbpage/],
  ["UPDATE sqlite_dbpage SET data = x'00'", /sqlite_dbpage/],
  ["SELECT readfile('/etc/passwd')", /readfile/],
  ["UPDATE sqlite_schema SET sql = ''", /may not be modified/],
];

for (const kind of ['chromium', 'firefox'] as const) {
  describe(`${kind}, safety`, () => {
    const suite = useBrowser(kind);

    test('SQL text that means harm is refused, whichever call takes it', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async (statements: string[]) => {
        const db = await lotwise.open({ name: 'safety' });
        try {
          const schema = async () => JSON.stringify((await db.query('SELECT name, sql FROM sqlite_schema ORDER BY name')).rows);
          const before = await schema();
          const failures: (Failure | undefined)[][] = [];
          for (const sql of statements) {
            const stream = async () => { for await (const _ of db.stream(sql)); };
            failures.push([
              await failureOf(db.query(sql)), await failureOf(db.execute(sql)), await failureOf(db.executeMany(sql, [[]])), await failureOf(stream()),
              await failureOf(db.transaction((tx) => tx.execute(sql))),
            ]);
          }
          await db.execute('CREATE TRIGGER mine AFTER INSERT ON production_records BEGIN DELETE FROM lotwise_meta; END');
          const row = { production_date: '2025-06-10', item_code: 'A', lot_number: 'L1', line: '1', shift: 1, good_quantity: 1 };
          const set = [await failureOf(db.append('production_records', [row])), await failureOf(db.importFile(`${Object.keys(row).join()}\n${Object.values(row).join()}\n`, { dataset: 'production_records' }))];
          await db.execute('DROP TRIGGER mine');
          await db.append('production_records', [row]);
          return { failures, set, same: before === await schema(), rows: (await db.query('SELECT count(*) AS n FROM production_records')).rows };
        } finally {
          await db.close();
          await lotwise.remove('safety');
        }
      }, REFUSED.map(([sql]) => sql));
      for (const [i, [sql, words]] of REFUSED.entries()) {
        for (const failure of got.failures[i]!) {
          assert.equal(failure?.code, 'SQL_INVALID', sql);
          if (!/only reads/.test(failure.message)) assert.match(failure.message, words, sql);
        }
      }
      for (const failure of got.set) {
        assert.equal(failure?.code, 'SQL_INVALID', failure?.message);
        assert.match(failure.message, /'mine'.*belongs to the package/);
      }
      assert.deepEqual([got.same, got.rows], [true, [{ n: 1 }]]);
    });

    test('what would take all memory or the whole stack fails alone', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const db = await lotwise.open({ name: 'bombs', storage: 'memory', datasets: [] });
        try {
          const codes: Record<string, string | undefined> = {};
          for (const [name, sql] of Object.entries({
            blob: 'SELECT zeroblob(100000000)',
            printf: "SELECT printf('%.*c', 100000000, 'x')",
            doubling: "WITH RECURSIVE n (s) AS (SELECT 'x' UNION ALL SELECT s || s FROM n) SELECT count(*) FROM n",
            rows: 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT hex(zeroblob(1000000)) FROM n',
            endless: 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n',
            parentheses: `SELECT ${'(1 + '.repeat(5000)}1${')'.repeat(5000)}`,
            negations: `SELECT ${'NOT '.repeat(5000)}1`,
            subqueries: `SELECT ${'(SELECT '.repeat(2000)}1${')'.repeat(2000)}`,
            compound: Array(501).fill('SELECT 1').join(' UNION ALL '),
          })) codes[name] = (await failureOf(db.query(sql, [], { timeoutMs: 5_000 })))?.code;
          const deep = Array(990).fill('1').join(' + ');
          return { codes, deep: (await db.query(`SELECT ${deep} AS n`)).rows };
        } finally {
          await db.close();
        }
      });
      assert.deepEqual(got.codes, {
        blob: 'LIMIT_EXCEEDED', printf: 'LIMIT_EXCEEDED', doubling: 'LIMIT_EXCEEDED', rows: 'LIMIT_EXCEEDED', endless: 'TIMEOUT',
        parentheses: 'SQL_INVALID', negations: 'SQL_INVALID', subqueries: 'SQL_INVALID', compound: 'SQL_INVALID',
      });
      assert.deepEqual(got.deep, [{ n: 990 }]);
    });
  });
}
