/** Indexes that are built between calls, seen from the client: who waits for them, and what ends them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
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
