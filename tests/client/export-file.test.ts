/** Exports as streams over an engine that notes what it is asked: pace, endings, refusals. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExportOptions } from '../../src/ts/types.ts';
import { Fake, lotwiseError } from './fake-engine.ts';

const CSV = { format: 'csv', query: { sql: 'SELECT n' } } as const;

function count(fake: Fake, what: string): number {
  return fake.log.filter((each) => each.startsWith(what)).length;
}

test('a file is its batches one behind the other, and frees its statement', async () => {
  const fake = new Fake();
  const db = await fake.open();
  assert.equal(await new Response(await db.exportFile(CSV)).text(), 'n\r\n1\r\n1\r\n2\r\n2\r\n');
  assert.deepEqual(fake.log, ['stream export "SELECT n" false', 'next 10000', 'next 10000', 'close stream']);
});

test('what is asked for arrives at the engine', async () => {
  const fake = new Fake();
  const db = await fake.open();
  const query = { dataset: 'd', measures: { n: 'count' } } as const;
  for (const options of [{ format: 'ndjson', query }, { format: 'json' }, { format: 'sqlite' }, { format: 'sqlite', query: { dataset: 'd' } }] as const) {
    await (await db.exportFile(options)).cancel();
  }
  assert.deepEqual(fake.log.filter((each) => each.startsWith('stream')), [
    `stream export ${JSON.stringify(query)} false`, 'stream export undefined false', 'stream export undefined true', 'stream export {"dataset":"d"} true',
  ]);
});

test('no more is fetched than is read, but for one batch ahead', async () => {
  const fake = new Fake();
  fake.streamBatches = 100;
  const db = await fake.open();
  const reader = (await db.exportFile(CSV)).getReader();
  await sleep(20);
  const before = count(fake, 'next');
  assert.ok(before <= 3, `${before} batches before anything was read`);
  for (let reads = 0; reads < 10; reads++) await reader.read();
  await sleep(20);
  assert.ok(count(fake, 'next') <= before + 10, `${count(fake, 'next')} batches`);
  await reader.cancel();
  assert.equal(fake.log.at(-1), 'close stream');
});

test('a stream that nobody reads is freed when it is cancelled', async () => {
  const fake = new Fake();
  fake.streamBatches = 100;
  const db = await fake.open();
  const file = await db.exportFile(CSV);
  await file.cancel();
  assert.equal(count(fake, 'close stream'), 1);
  for (let opened = 0; opened < 40; opened++) await (await db.exportFile(CSV)).cancel();
  assert.equal(count(fake, 'close stream'), 41);
});

test('a signal fails the stream and frees its statement', async () => {
  const fake = new Fake();
  fake.streamBatches = 100;
  const db = await fake.open();
  const controller = new AbortController();
  const reader = (await db.exportFile({ ...CSV, signal: controller.signal })).getReader();
  await reader.read();
  controller.abort('enough');
  await assert.rejects(reader.read(), (error: Error) => lotwiseError('CANCELLED')(error) && error.cause === 'enough');
  await sleep(20);
  assert.equal(fake.log.at(-1), 'close stream');
  const nothing = fake.log.length;
  await assert.rejects(db.exportFile({ ...CSV, signal: controller.signal }), lotwiseError('CANCELLED'));
  assert.equal(fake.log.length, nothing);
});

test('a question that fails rejects at once, a database that is closed fails the stream', async () => {
  const fake = new Fake();
  const db = await fake.open();
  await assert.rejects(db.exportFile({ format: 'csv', query: { sql: 'FAIL' } }), lotwiseError('TIMEOUT'));
  assert.equal(fake.log.at(-1), 'close stream');
  fake.streamBatches = 100;
  const file = await db.exportFile(CSV);
  await db.close();
  await assert.rejects(new Response(file).text(), lotwiseError('CLOSED'));
  await assert.rejects(db.exportFile(CSV), lotwiseError('CLOSED'));
});

test('options that mean nothing are refused by name', async () => {
  const fake = new Fake();
  const db = await fake.open();
  for (const [options, message] of [
    [{}, /format/], [{ format: 'xlsx' }, /'csv'.*'xlsx'/], [{ format: 'csv', formulas: 'no' }, /formulas/], [{ format: 'csv', colour: 1 }, /colour/], [{ format: 'csv', query: 'SELECT 1' }, /query/],
    [{ format: 'csv', query: { sql: 1 } }, /statement/], [{ format: 'csv', query: { sql: 'SELECT 1', dataset: 'd' } }, /dataset/], [{ format: 'csv', query: { dataset: 'd', where: { a: '\ud800' } } }, /where\.a/],
    [{ format: 'csv', query: { sql: 'SELECT ?', params: ['\ud800'] } }, /parameter 1/], [{ format: 'csv', signal: 1 }, /signal/], [null, /options/],
  ] as const) {
    await assert.rejects(db.exportFile(options as unknown as ExportOptions), (error: Error) => error.name === 'LotwiseError' && message.test(error.message), String(message));
  }
  assert.deepEqual(fake.log, []);
});
