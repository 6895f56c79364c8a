/** Indexes and segments that are made between calls, seen from the client: who waits for them, and what ends them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { Fake, lotwiseError } from './fake-engine.ts';

/** Until the engine was asked for that. */
async function until(fake: Fake, line: string): Promise<void> {
  for (let turns = 0; !fake.log.includes(line); turns++) {
    assert.ok(turns < 1_000, `${line} never came: ${fake.log.join(', ')}`);
    await turn();
  }
}

const MERGES = ['read', 'read', ...Array<'merge'>(10).fill('merge')] as const;

test('indexes that are missing at the opening are built one after the other', async () => {
  const fake = new Fake();
  fake.indexes = [['read', 'merge'], ['read', 'merge']];
  await fake.open();
  await until(fake, 'index free');
  await until(fake, 'index');
  for (let i = 0; i < 20; i++) await turn();
  const one = ['index', 'index read', 'index merge', 'index free'];
  assert.deepEqual(fake.log, [...one, ...one]);
});

test('reads go on beside an index, and writes once it is in place', async () => {
  const fake = new Fake();
  fake.indexes = [[...MERGES]];
  const db = await fake.open();
  await until(fake, 'index merge');
  await Promise.all([db.execute('INSERT'), db.query('SELECT'), db.aggregate({ dataset: 'lots', measures: {} })]);
  const at = (line: string) => fake.log.includes(line) ? fake.log.lastIndexOf(line) : Number.NaN;
  assert.ok(at('SELECT') < at('index merge'), fake.log.join(', '));
  assert.ok(at('aggregate lots') < at('index merge'), fake.log.join(', '));
  assert.ok(at('index free') < at('execute INSERT'), fake.log.join(', '));
});

test('while rows are read for an index, writes go on too', async () => {
  const fake = new Fake();
  fake.indexes = [Array<'read'>(20).fill('read')];
  const db = await fake.open();
  await until(fake, 'index read');
  await db.execute('INSERT');
  assert.ok(!fake.log.includes('index free'), fake.log.join(', '));
});

test('an index waits for a transaction to end', async () => {
  const fake = new Fake();
  fake.indexes = [['read', 'read', 'merge']];
  const db = await fake.open();
  await db.transaction(async (tx) => {
    for (let i = 0; i < 20; i++) await tx.query('SELECT');
    assert.deepEqual(fake.log.filter((line) => line.startsWith('index')), ['index', 'index read', 'index read']);
  });
  await until(fake, 'index free');
  assert.ok(fake.log.indexOf('index merge') > fake.log.findIndex((line) => line.startsWith('commit')), fake.log.join(', '));
});

test('calls without end leave an index its turns', async () => {
  const fake = new Fake();
  const db = await fake.open();
  await db.query('SELECT');
  fake.indexes = [Array<'read'>(20).fill('read')];
  await db.importFile('a\n1\n', { dataset: 'lots' });
  await Promise.all(Array.from({ length: 500 }, () => db.query('SELECT')));
  assert.ok(fake.log.slice(0, -20).includes('index free'), fake.log.join(', '));
});

test('an index that fails is left out, and the next one is built', async () => {
  const fake = new Fake();
  fake.indexes = [['read', 'FAIL', 'merge'], ['read', 'merge']];
  const db = await fake.open();
  await until(fake, 'index merge');
  await db.execute('INSERT');
  assert.deepEqual(fake.log, ['index', 'index read', 'index FAIL', 'index free', 'index', 'index read', 'index merge', 'index free', 'execute INSERT']);
});

test('a panic while an index is built loses the engine, and the next call has another', async () => {
  const fake = new Fake();
  fake.indexes = [['PANIC']];
  const db = await fake.open();
  await until(fake, 'index PANIC');
  for (let i = 0; i < 10; i++) await turn();
  await db.query('SELECT').catch(lotwiseError('WORKER_LOST'));
  assert.equal((await db.query('SELECT')).rowCount, 1);
  assert.equal(fake.engines, 2);
});

test('closing gives up an index under way', async () => {
  for (const step of ['index read', 'index merge']) {
    const fake = new Fake();
    fake.indexes = [[...MERGES]];
    const db = await fake.open();
    await until(fake, step);
    await db.close();
    assert.deepEqual(fake.log.slice(-3), ['index abort', 'index free', 'close']);
  }
});

test('an import takes its time to finish, and is followed by its indexes', async () => {
  const fake = new Fake();
  fake.finishes = 3;
  const db = await fake.open();
  await db.query('SELECT');
  fake.indexes = [['read', 'merge']];
  await db.importFile('a\n1\n', { dataset: 'lots' });
  await until(fake, 'index free');
  assert.deepEqual(fake.log, ['SELECT', 'import lots', 'finish 4', 'finish 4', 'finish 4', 'free', 'index', 'index read', 'index merge', 'index free']);
});

/** Waits until the engine was asked for that so often. */
async function untilTimes(fake: Fake, line: string, times: number): Promise<void> {
  const end = performance.now() + 5_000;
  while (fake.log.filter((one) => one === line).length < times) {
    assert.ok(performance.now() < end, `${line} never came ${times} times: ${fake.log.join(', ')}`);
    await delay(5);
  }
}

test('segments are made a while after the opening, and one dataset after the other', async () => {
  const fake = new Fake();
  fake.seals = [['seal', 'seal'], ['seal']];
  const db = await fake.open();
  for (let i = 0; i < 20; i++) await turn();
  await db.query('SELECT');
  assert.deepEqual(fake.log, ['SELECT']);
  await untilTimes(fake, 'seal free', 2);
  assert.deepEqual(fake.log, ['SELECT', 'seal', 'seal seal', 'seal seal', 'seal free', 'seal', 'seal seal', 'seal free']);
  await db.close();
});

test('writes are followed by a look for segments, reads are not, and what waits is looked at again', async () => {
  const fake = new Fake();
  const db = await fake.open();
  await delay(1_100);
  fake.seals = [['seal']];
  await db.query('SELECT');
  await delay(400);
  assert.deepEqual(fake.log, ['SELECT']);
  fake.sealsWaiting = 1;
  for (const write of [() => db.execute('INSERT'), () => db.append('lots', [{ a: 1 }]), () => db.transaction((tx) => tx.execute('INSERT'))]) {
    const { length } = fake.log;
    await write();
    if (fake.seals.length === 0) fake.seals = [['seal']];
    await untilTimes(fake, 'seal free', fake.log.slice(0, length).filter((line) => line === 'seal free').length + 1);
  }
  await db.close();
});

test('while segments are made writes go on between the steps, and have most of the time', async () => {
  const fake = new Fake();
  fake.seals = [Array<'seal'>(1_000).fill('seal')];
  fake.stepMs = 5;
  fake.queryMs = 1;
  const db = await fake.open();
  await untilTimes(fake, 'seal', 1);
  const before = fake.log.length;
  const end = performance.now() + 600;
  while (performance.now() < end) await db.execute('INSERT');
  const steps = fake.log.slice(before).filter((line) => line === 'seal seal').length;
  assert.ok(steps >= 3 && steps <= 16, `${steps} steps of 5 ms in 600 ms`);
  await db.close();
});

test('segments wait for a transaction and for an import to end', async () => {
  const fake = new Fake();
  fake.seals = [Array<'seal'>(3).fill('seal')];
  const db = await fake.open();
  await db.transaction(async (tx) => {
    await delay(1_200);
    await tx.query('SELECT');
    assert.ok(!fake.log.includes('seal seal'), fake.log.join(', '));
  });
  await untilTimes(fake, 'seal free', 1);
  await db.close();
});

test('segments that fail are looked for again, and closing gives them up', async () => {
  const fake = new Fake();
  fake.seals = [['seal', 'FAIL'], Array<'seal'>(5_000).fill('seal')];
  const db = await fake.open();
  await untilTimes(fake, 'seal', 2);
  await db.execute('INSERT');
  await db.close();
  assert.deepEqual(fake.log.slice(-3), ['seal abort', 'seal free', 'close']);
});
