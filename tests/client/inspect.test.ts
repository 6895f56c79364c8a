/** inspectFile() on the calling side, over a fake engine: what is read of a source, and what is refused. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import iconv from 'iconv-lite';
import { Fake, lotwiseError } from './fake-engine.ts';

const MIB = 1024 * 1024;

test('no more of a large file is read than is needed, and the engine sees it as text', async () => {
  const fake = new Fake();
  const db = await fake.open();
  const blob = new Blob([new Uint8Array(64 * MIB).fill(65)]);
  fake.inspectBytes = MIB;
  const { dataset, detected, sample } = await db.inspectFile(blob);
  assert.deepEqual([dataset.columns, detected, sample], [{ a: { type: 'text' } }, { format: 'csv' }, [{ a: 1 }]]);
  assert.deepEqual(fake.log, ['inspect  262144 false utf-8', 'inspect  524288 false utf-8', 'inspect  1048576 false utf-8']);
});

test('a stream is read as far as needed and told that the rest is not wanted', async () => {
  const fake = new Fake();
  const db = await fake.open();
  let given = 0;
  let reason: unknown;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) { controller.enqueue(new Uint8Array(65_536).fill(65)); given += 65_536; },
    cancel(why) { reason = why; },
  });
  await db.inspectFile(source);
  assert.ok(given < 2 * MIB, `${given} bytes were read`);
  assert.notEqual(reason, undefined);
  assert.equal((await db.query('A')).rowCount, 1);
});

test('small sources are looked at whole, under the name of the file', async () => {
  const text = '生産日,良品数\n2025-06-10,5\n';
  const bytes = new TextEncoder().encode(text);
  for (const [source, name] of [
    [text, ''], [bytes, ''], [bytes.buffer, ''], [new Blob([bytes]), ''], [new File([bytes], 'lots 2025.csv'), 'lots 2025'], [new Response(bytes), ''],
  ] as const) {
    const fake = new Fake();
    await (await fake.open()).inspectFile(source);
    assert.deepEqual(fake.log, [`inspect ${name} ${bytes.length} true utf-8`]);
  }
  const fake = new Fake();
  await (await fake.open()).inspectFile(iconv.encode(text, 'shift_jis'));
  assert.deepEqual(fake.log, [`inspect  ${bytes.length} true shift_jis`]);
});

test('of what is in memory already, only the beginning is handed over', async () => {
  const fake = new Fake();
  fake.inspectBytes = Number.POSITIVE_INFINITY;
  const db = await fake.open();
  const bytes = new Uint8Array(20 * MIB).fill(65);
  for (const source of [bytes, bytes.buffer, 'A'.repeat(20 * MIB)]) {
    await assert.rejects(db.inspectFile(source), lotwiseError('INTERNAL', /wants to see more/));
    assert.equal(fake.log.splice(0).at(-1), `inspect  ${8 * MIB} false utf-8`);
  }
  // A database is nothing without its end.
  new TextEncoder().encodeInto('SQLite format 3\0', bytes);
  await db.inspectFile(bytes);
  assert.deepEqual(fake.log, [`inspectFile  ${bytes.length} 83,81,76,105,116,101`]);
});

test('an inspection that is given up ends, also while its source stalls, and holds up nobody', async () => {
  const fake = new Fake();
  const db = await fake.open();
  const give = new AbortController();
  const inspecting = db.inspectFile(new ReadableStream<Uint8Array>(), { signal: give.signal });
  await db.query('A');
  await db.execute('B');
  await sleep(5);
  give.abort();
  await assert.rejects(inspecting, lotwiseError('CANCELLED'));
  assert.deepEqual(fake.log, ['A', 'execute B']);
  const closing = db.inspectFile(new Blob(['a\n1\n']));
  await db.close();
  await closing;
});

test('wrong options are refused by name', async () => {
  const db = await new Fake().open();
  for (const [call, message] of [
    [db.inspectFile('a', { dataset: 'lots' } as never), /inspectFile\(\): there is no option 'dataset'/],
    [db.inspectFile('a', { format: 'xlsx' as 'csv' }), /'csv' or 'json'/],
    [db.inspectFile('a', { encoding: 'klingon' }), /encoding: 'klingon'/],
    [db.inspectFile(7 as unknown as string), /inspectFile\(\): a number is no source/],
  ] as const) await assert.rejects(call, lotwiseError('INPUT_INVALID', message));
});
