/** Configuration and durability, seen from the client: what reaches the engine, and what a call makes of it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { patched } from '../../src/ts/config.ts';
import { Fake, lotwiseError } from './fake-engine.ts';

test('patches add up, member by member, and nothing undefined is set', () => {
  const given = patched({ profile: 'ingest', query: { timeoutMs: 1, queueMax: 2 } }, { query: { timeoutMs: 3 }, sqlite: { cacheBytes: 4 } });
  assert.deepEqual(given, { profile: 'ingest', query: { timeoutMs: 3, queueMax: 2 }, sqlite: { cacheBytes: 4 } });
  assert.deepEqual(patched(given, { profile: undefined, query: { queueMax: undefined } } as object), given);
  const hostile = patched({}, JSON.parse('{"__proto__":{"polluted":1},"query":{"__proto__":{"polluted":1}}}'));
  assert.equal((hostile as { polluted?: number }).polluted, undefined);
  assert.deepEqual(Object.keys(hostile), ['__proto__', 'query'], 'the engine refuses it by name');
});

test('a patch takes effect for the calls that follow it', async () => {
  const fake = new Fake();
  const db = await fake.open({ config: { query: { queueMax: 3 } } });
  const four = ['A', 'B', 'C', 'D'].map((sql) => db.query(sql));
  await assert.rejects(four[3]!, lotwiseError('LIMIT_EXCEEDED', /query\(\): 3 calls .*query\.queueMax.*configure\(\)/, true));
  await Promise.all(four.slice(0, 3));
  const config = await db.configure({ query: { queueMax: 4, timeoutMs: 700 } });
  assert.deepEqual([config.query.queueMax, config.query.timeoutMs, config.sqlite.journalMode], [4, 700, 'wal']);
  await Promise.all(['A', 'B', 'C', 'D'].map((sql) => db.query(sql)));
  const { rows } = await db.query<{ sql: string }>('TIMEOUT');
  assert.ok(Number(rows[0]!.sql) <= 700, 'calls without a timeout of their own take the configured one');
  assert.deepEqual(await db.config(), config);
  assert.equal(fake.log.filter((line) => line.startsWith('configure')).length, 1, 'asking changes nothing');
});

test('what is refused changes nothing', async () => {
  const fake = new Fake();
  const db = await fake.open();
  await db.configure({ query: { queueMax: 7 } });
  await assert.rejects(db.configure({ query: { timeoutMs: 0 } }), lotwiseError('CONFIG_INVALID', /timeoutMs/));
  assert.equal((await db.config()).query.timeoutMs, 30_000);
  await db.configure({ query: { batchRows: 5 } });
  assert.equal(fake.log.at(-1), 'configure {"query":{"queueMax":7,"batchRows":5}}');
  for (const patch of [null, 7, 'lowMemory', undefined]) await assert.rejects(db.configure(patch as never), lotwiseError('CONFIG_INVALID', /patch/));
  await assert.rejects(db.configure({ query: { timeoutMs: (() => 1) as unknown as number } }), lotwiseError('CONFIG_INVALID', /patch\.query\.timeoutMs: a function/));
});

test('capabilities are read anew after a change', async () => {
  const db = await new Fake().open();
  const before = db.capabilities;
  await db.configure({ sqlite: { journalMode: 'truncate' } });
  assert.deepEqual([before.journalMode, db.capabilities.journalMode, db.capabilities.role], ['wal', 'truncate', 'leader']);
});

test('an engine in place of a lost one has the same configuration', async () => {
  const fake = new Fake();
  const db = await fake.open({ config: { query: { timeoutMs: 900 } } });
  await db.configure({ profile: 'lowMemory' });
  await assert.rejects(db.query('PANIC'));
  const { profile, query } = await db.config();
  assert.deepEqual([profile, query.timeoutMs, fake.engines], ['lowMemory', 900, 2]);
});

test('counters of statements and segments are told', async () => {
  const db = await new Fake().open();
  assert.deepEqual(await db.stats(), {
    statements: { cached: 1, hits: 2, misses: 3 }, columnstore: [{ dataset: 't', segments: 2, staleSegments: 1, rows: 9, bytes: 81 }],
  });
});

// ───────────────────────── durability ─────────────────────────

test('relaxed writes are flushed once, soon after the first of them', async () => {
  const fake = new Fake();
  const db = await fake.open({ config: { ingest: { groupCommitMs: 30 } } });
  const flushes = (): number => fake.log.filter((line) => line === 'flush').length;
  await db.execute('A');
  await sleep(60);
  assert.equal(flushes(), 0, 'full writes need none');
  for (const write of [db.execute('B', [], { durability: 'relaxed' }), db.append('lots', [{ a: 1 }], { durability: 'relaxed' }), db.executeMany('C', [[1]], { durability: 'relaxed' })]) await write;
  assert.equal(flushes(), 0);
  await sleep(90);
  assert.equal(flushes(), 1);
  await db.configure({ ingest: { durability: 'relaxed' } });
  await db.execute('D', [], { durability: 'full' });
  await sleep(60);
  assert.equal(flushes(), 1, 'a call may ask for more than is configured');
  await db.execute('E');
  await sleep(90);
  assert.equal(flushes(), 2);
});

test('a flush comes between the calls of a busy engine', async () => {
  const fake = new Fake();
  fake.queryMs = 5;
  const db = await fake.open({ config: { ingest: { durability: 'relaxed' } } });
  await Promise.all(Array.from({ length: 20 }, (_, i) => db.execute(`W${i}`)));
  const at = fake.log.indexOf('flush');
  assert.ok(at > 0 && at < 20, `flushed after ${at} of 20 calls`);
});

test('a flush that fails is tried again, and writes go on', async () => {
  const fake = new Fake();
  fake.failFlushes = 2;
  const db = await fake.open({ config: { ingest: { durability: 'relaxed' } } });
  await db.execute('A');
  await sleep(100);
  assert.deepEqual(fake.log, ['execute A', 'flush', 'flush', 'flush']);
  await db.execute('B');
  await db.close();
  await sleep(40);
  assert.equal(fake.log.at(-1), 'close', 'nothing is flushed after closing');
});

test('a transaction is as durable as its options say, and waits for no flush', async () => {
  const fake = new Fake();
  const db = await fake.open();
  const flushes = (): number => fake.log.filter((line) => line === 'flush').length;
  await db.transaction((tx) => tx.execute('A'));
  await sleep(40);
  assert.equal(flushes(), 0);
  await db.transaction(async (tx) => {
    await tx.execute('A');
    await assert.rejects(tx.execute('B', [], { durability: 'full' }), lotwiseError('QUERY_INVALID', /durability: inside a transaction/));
  }, { durability: 'relaxed' });
  await sleep(60);
  assert.equal(flushes(), 1);
});

test('a silent transaction is rolled back after the configured time', async () => {
  const fake = new Fake();
  const db = await fake.open({ config: { query: { transactionIdleMs: 100 } } });
  await assert.rejects(
    db.transaction(async (tx) => {
      await sleep(600);
      await tx.execute('A');
    }),
    lotwiseError('TIMEOUT', /100 ms, the limit in query\.transactionIdleMs/, true),
  );
  assert.deepEqual(fake.log, ['begin', 'rollback']);
});

test('streams take the configured number of rows at a time', async () => {
  const fake = new Fake();
  const db = await fake.open({ config: { query: { batchRows: 7 } } });
  for await (const rows of db.stream('A')) assert.equal(rows.length, 2);
  for await (const rows of db.stream('A', [], { batchRows: 3 })) assert.equal(rows.length, 2);
  assert.deepEqual(fake.log.filter((line) => line.startsWith('next')), ['next 7', 'next 7', 'next 3', 'next 3']);
});

test('durability is one of two words', async () => {
  const db = await new Fake().open();
  await assert.rejects(db.execute('A', [], { durability: 'none' as 'full' }), lotwiseError('QUERY_INVALID', /execute\(\): durability has to be 'full' or 'relaxed', not 'none'/));
  await assert.rejects(db.query('A', [], { durability: 'full' } as object), lotwiseError('QUERY_INVALID', /'durability'/));
});
