/** Transactions and streams over an engine that notes what it is asked: order, waiting, endings. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Transaction } from '../../src/ts/types.ts';
import { Fake, lotwiseError } from './fake-engine.ts';

/** Resolved from outside. */
function gate(): { open: () => void; passed: Promise<void> } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => { open = resolve; });
  return { open, passed };
}

describe('a transaction', () => {
  test('begins, runs its calls and commits', async () => {
    const fake = new Fake();
    const db = await fake.open();
    const value = await db.transaction(async (tx) => {
      await tx.execute('a');
      await tx.append('t', [{ x: 1 }]);
      return (await tx.query('b')).rowCount;
    });
    assert.equal(value, 1);
    assert.deepEqual(fake.log, ['begin', 'execute a', 'append t error', 'b', 'commit']);
  });

  test('is rolled back when its callback rejects, and its error comes out as it is', async () => {
    const fake = new Fake();
    const db = await fake.open();
    const reason = new Error('mine');
    await assert.rejects(db.transaction(async (tx) => {
      await tx.execute('a');
      throw reason;
    }), (error) => error === reason);
    assert.deepEqual(fake.log, ['begin', 'execute a', 'rollback']);
    await db.execute('after');
  });

  test('keeps writes and other transactions waiting, but not reads', async () => {
    const fake = new Fake();
    const db = await fake.open();
    const [started, go] = [gate(), gate()];
    const first = db.transaction(async (tx) => {
      await tx.execute('first');
      started.open();
      await go.passed;
      await tx.execute('first again');
    });
    await started.passed;
    const second = db.transaction((tx) => tx.execute('second'));
    const write = db.execute('write');
    const insert = db.query('INSERT INTO t VALUES (1) RETURNING x');
    await db.query('SELECT 1');
    await db.aggregate({ dataset: 't', measures: {} });
    assert.deepEqual(fake.log, ['begin', 'execute first', 'SELECT 1', 'aggregate t']);
    go.open();
    await Promise.all([first, second, write, insert]);
    assert.deepEqual(fake.log.slice(4), [
      'execute first again', 'commit', 'begin', 'execute second', 'commit', 'execute write', 'INSERT INTO t VALUES (1) RETURNING x',
    ]);
  });

  test('nested is a savepoint, kept or undone; the outer one waits meanwhile', async () => {
    const fake = new Fake();
    const db = await fake.open();
    await db.transaction(async (tx) => {
      await tx.transaction((inner) => inner.execute('a'));
      await assert.rejects(tx.transaction(async (inner) => {
        await inner.execute('b');
        await assert.rejects(tx.execute('outer'), lotwiseError('QUERY_INVALID', /nested/));
        throw new Error('undo');
      }), /undo/);
      await tx.execute('c');
    });
    assert.deepEqual(fake.log, ['begin', 'savepoint', 'execute a', 'release', 'savepoint', 'execute b', 'undo', 'execute c', 'commit']);
  });

  test('takes no call after its end', async () => {
    const fake = new Fake();
    const db = await fake.open();
    let kept: Transaction | undefined;
    await db.transaction(async (tx) => { kept = tx; });
    await assert.rejects(kept!.execute('late'), lotwiseError('CLOSED', /ended/));
    assert.deepEqual(fake.log, ['begin', 'commit']);
  });

  for (const [step, sql] of [['a statement', 'FAIL'], ['COMMIT', '']] as const) {
    test(`is rolled back when ${step} fails, and the next write goes on`, async () => {
      const fake = new Fake();
      fake.failCommit = step === 'COMMIT';
      const db = await fake.open();
      await assert.rejects(db.transaction((tx) => tx.execute(sql)), lotwiseError('SQL_INVALID'));
      assert.equal(fake.log.at(-1), step === 'COMMIT' ? 'commit' : 'rollback');
      fake.failCommit = false;
      await db.transaction((tx) => tx.execute('next'));
    });
  }

  test('whose BEGIN fails does not call its callback and holds nothing up', async () => {
    const fake = new Fake();
    fake.failBegin = true;
    const db = await fake.open();
    await assert.rejects(db.transaction(async () => assert.fail('was called')), lotwiseError('SQL_INVALID'));
    await db.execute('write');
    assert.deepEqual(fake.log, ['begin', 'execute write']);
  });

  for (const op of ['begin', 'execute', 'commit']) {
    test(`is rolled back when the message of ${op} does not get through, and the next one goes on`, async () => {
      const fake = new Fake();
      const db = await fake.open();
      fake.failPost = op;
      await assert.rejects(db.transaction((tx) => tx.execute('a')), lotwiseError('INPUT_INVALID', /passed to the engine/));
      fake.failPost = undefined;
      await db.transaction((tx) => tx.execute('next'));
      const first = { begin: [], execute: ['begin', 'rollback'], commit: ['begin', 'execute a', 'rollback'] }[op] ?? [];
      assert.deepEqual(fake.log, [...first, 'begin', 'execute next', 'commit']);
    });
  }

  test('is lost with its engine; the next one has a new one', async () => {
    const fake = new Fake();
    const db = await fake.open();
    await assert.rejects(db.transaction(async (tx) => {
      await tx.execute('a');
      await assert.rejects(tx.execute('PANIC'), lotwiseError('INTERNAL'));
      await tx.execute('b');
    }), lotwiseError('WORKER_LOST', /transaction/, true));
    await db.transaction((tx) => tx.execute('again'));
    assert.equal(fake.engines, 2);
  });

  test('cannot be waited for by a write of its own callback', async () => {
    const fake = new Fake();
    const db = await fake.open();
    await db.transaction(async (tx) => {
      await tx.execute('a');
      await assert.rejects(db.execute('outside'), lotwiseError('DATABASE_BUSY', /callback/, true));
      await assert.rejects(db.transaction(async () => {}), lotwiseError('DATABASE_BUSY'));
      await tx.execute('b');
    });
    assert.deepEqual(fake.log, ['begin', 'execute a', 'execute b', 'commit']);
  });

  test('refuses at once what its callback writes before it waits for anything', async () => {
    const fake = new Fake();
    const db = await fake.open();
    await assert.rejects(db.transaction(() => db.execute('outside')), lotwiseError('DATABASE_BUSY', /parameter/, false));
    await assert.rejects(db.transaction(() => db.transaction(async () => {})), lotwiseError('DATABASE_BUSY', /parameter/, false));
    await db.transaction(async () => { await db.query('SELECT 1'); });
    assert.deepEqual(fake.log, ['begin', 'rollback', 'begin', 'rollback', 'begin', 'SELECT 1', 'commit']);
  });

  test('gives up by its signal or its time limit even where its callback waits for something else', async () => {
    const fake = new Fake();
    const db = await fake.open();
    const given = new AbortController();
    const hanging = db.transaction(async (tx) => {
      await tx.execute('a');
      given.abort();
      await new Promise(() => {});
    }, { signal: given.signal });
    await assert.rejects(hanging, lotwiseError('CANCELLED'));
    await assert.rejects(db.transaction(() => new Promise(() => {}), { timeoutMs: 20 }), lotwiseError('TIMEOUT'));
    await db.execute('write');
    assert.deepEqual(fake.log, ['begin', 'execute a', 'rollback', 'begin', 'rollback', 'execute write']);
  });

  test('with a key that was committed before is not run again', async () => {
    const fake = new Fake();
    const db = await fake.open();
    const work = async (): Promise<unknown> => ({ rows: 2, lots: ['A'] });
    const first = await db.transaction(work, { idempotencyKey: 'k' });
    assert.deepEqual(fake.log, ['begin', 'commit {"rows":2,"lots":["A"]}']);
    fake.repeats.set('k', JSON.stringify(first));
    assert.deepEqual(await db.transaction(async () => assert.fail('was called'), { idempotencyKey: 'k' }), first);
    await assert.rejects(db.transaction(async () => 1n, { idempotencyKey: 'big' }), lotwiseError('INPUT_INVALID', /JSON/));
    await assert.rejects(db.transaction((tx) => tx.execute('a', [], { idempotencyKey: 'x' })), lotwiseError('QUERY_INVALID', /transaction\(\)/));
  });

  test('is finished before the database closes', async () => {
    const fake = new Fake();
    const db = await fake.open();
    const running = db.transaction(async (tx) => {
      await tx.execute('a');
      await sleep(20);
      await tx.execute('b');
    });
    await db.close();
    await running;
    assert.deepEqual(fake.log, ['begin', 'execute a', 'execute b', 'commit', 'close']);
  });
});

describe('a stream', () => {
  test('gives its batches in order and frees its statement', async () => {
    const fake = new Fake();
    const db = await fake.open();
    const seen: unknown[] = [];
    for await (const rows of db.stream('SELECT n', [], { batchRows: 2 })) seen.push(...rows);
    assert.deepEqual(seen, [{ n: 1 }, { n: 1 }, { n: 2 }, { n: 2 }]);
    assert.deepEqual(fake.log, ['stream SELECT n', 'next 2', 'next 2', 'close stream']);
  });

  test('that is left early fetches no more than one batch ahead, and frees its statement', async () => {
    const fake = new Fake();
    const db = await fake.open();
    for await (const rows of db.stream('SELECT n')) {
      assert.equal(rows.length, 2);
      break;
    }
    assert.deepEqual(fake.log, ['stream SELECT n', 'next 1000', 'next 1000', 'close stream']);
  });

  test('that fails says why, and frees its statement', async () => {
    const fake = new Fake();
    const db = await fake.open();
    await assert.rejects(async () => {
      for await (const rows of db.stream('SELECT FAIL')) assert.fail(String(rows));
    }, lotwiseError('TIMEOUT'));
    assert.equal(fake.log.at(-1), 'close stream');
  });

  test('of a transaction ends with it', async () => {
    const fake = new Fake();
    const db = await fake.open();
    let left: AsyncIterator<unknown> | undefined;
    await db.transaction(async (tx) => {
      left = tx.stream('SELECT n')[Symbol.asyncIterator]();
      await left.next();
    });
    assert.deepEqual(fake.log, ['begin', 'stream SELECT n', 'next 1000', 'next 1000', 'close stream', 'commit']);
  });

  test('holds up nobody, and there are not too many', async () => {
    const fake = new Fake();
    const db = await fake.open();
    const open = Array.from({ length: 16 }, () => db.stream('SELECT n', [], { batchRows: 1 })[Symbol.asyncIterator]());
    await Promise.all(open.map((each) => each.next()));
    await db.execute('write');
    await assert.rejects(async () => {
      for await (const rows of db.stream('SELECT n')) assert.fail(String(rows));
    }, lotwiseError('LIMIT_EXCEEDED', /16 streams/));
    await Promise.all(open.map((each) => each.return?.()));
    for await (const rows of db.stream('SELECT n')) assert.equal(rows.length, 2);
    await db.close();
  });
});
