/** The database object, its queue and its recovery, over a fake engine. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Params, Where } from '../../src/ts/types.ts';
import { Fake, lotwiseError } from './fake-engine.ts';

/** Outcomes of several promises: 'ok' or the code. */
async function outcomes(promises: Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((each) => (each.status === 'fulfilled' ? 'ok' : (each.reason as { code?: string }).code ?? String(each.reason)));
}

test('calls reach the engine in order and are answered with its figures', async () => {
  const fake = new Fake();
  const db = await fake.open();
  const [query, write, page] = await Promise.all([
    db.query('SELECT ?', [true]),
    db.append('lots', [{ a: 1 }]),
    db.records({ dataset: 'lots' }),
    db.executeMany('INSERT', [[1]]),
    db.execute('UPDATE'),
    db.aggregate({ dataset: 'lots', measures: { n: 'count' } }),
    db.explain('SELECT 1'),
    db.define({ name: 'shifts', columns: { day: { type: 'date' } } }),
  ]);
  assert.deepEqual(fake.log, ['SELECT ?[1]', 'append lots error', 'records lots', 'executeMany INSERT false', 'execute UPDATE', 'aggregate lots', 'define shifts']);
  assert.deepEqual(query.rows, [{ sql: 'SELECT ?[1]' }]);
  const { elapsedMs, queuedMs, ...meta } = query.meta;
  assert.deepEqual(meta, { route: 'index', cache: 'bypass', ageMs: 0, partitions: ['live'], dataVersion: 7 });
  assert.ok(queuedMs >= 0 && elapsedMs >= queuedMs);
  assert.equal(page.next, 'key');
  assert.equal('next' in query, false);
  assert.equal(write.changes, 1);
  await db.close();
});

test('waiting is part of the time that an answer took', async () => {
  const fake = new Fake();
  fake.queryMs = 30;
  const db = await fake.open();
  const [, second] = await Promise.all([db.query('A'), db.query('B')]);
  assert.ok(second.meta.queuedMs >= 25, `queued ${second.meta.queuedMs}`);
  assert.ok(second.meta.elapsedMs >= second.meta.queuedMs + 25);
});

test('an error of the engine keeps its code, text and details', async () => {
  const db = await new Fake().open();
  await assert.rejects(db.query('FAIL'), { name: 'LotwiseError', code: 'SQL_INVALID', message: 'near "FAIL"', retryable: false, details: { offset: 0 } });
  assert.equal((await db.query('A')).rowCount, 1);
});

test('what the boundary would change is refused before it is posted', async () => {
  const fake = new Fake();
  const db = await fake.open();
  const cyclic: Where = {};
  cyclic.any = [cyclic];
  for (const [call, code, message] of [
    [db.query('SELECT ?', ['\ud800']), 'INPUT_INVALID', /parameter 1: .*surrogate/],
    [db.query('SELECT :a', { a: new Date() }), 'INPUT_INVALID', /parameter 'a': a Date/],
    [db.query('SELECT ?', [2n ** 64n]), 'INPUT_INVALID', /64 bits/],
    [db.query('SELECT ?', [undefined] as unknown as Params), 'INPUT_INVALID', /parameter 1: undefined/],
    [db.query('SELECT ?', 'text' as unknown as Params), 'INPUT_INVALID', /an array \(for \?\)/],
    [db.query('\udc00'), 'SQL_INVALID', /surrogate/],
    [db.query(7 as unknown as string), 'SQL_INVALID', /a number/],
    [db.query('A', [], { timeoutMs: 0 }), 'QUERY_INVALID', /timeoutMs/],
    [db.query('A', [], { cache: 'bypass' } as object), 'QUERY_INVALID', /'cache'; there are signal, timeoutMs/],
    [db.append('lots', [{ a: new Map() }]), 'INPUT_INVALID', /column 'a', row 0/],
    [db.append('lots', [], { onConflict: 'drop' as 'error' }), 'QUERY_INVALID', /'error' or 'ignore' or 'replace', not 'drop'/],
    [db.append(null as unknown as string, []), 'QUERY_INVALID', /dataset/],
    [db.aggregate({ dataset: 'lots', measures: { n: 'count' }, where: { a: (() => 1) as unknown as number } }), 'QUERY_INVALID', /query\.where\.a: a function/],
    [db.records({ dataset: 'lots', where: { a: '\ud800' } }), 'QUERY_INVALID', /query\.where\.a: .*surrogate/],
    [db.records({ dataset: 'lots', where: cyclic }), 'QUERY_INVALID', /levels deep/],
    [db.define({ name: 'lots', columns: { a: { type: 'text', default: (() => 1) as never } } }), 'CONFIG_INVALID', /dataset\.columns\.a\.default: a function/],
    [db.importFile('a', { dataset: 'lots', colour: 'x' } as never), 'INPUT_INVALID', /'colour'/],
    [db.importFile('a', { dataset: 'lots', encoding: 'klingon' }), 'INPUT_INVALID', /encoding: 'klingon'/],
    [db.importFile('a', { dataset: 'lots', encoding: 7 as unknown as string }), 'INPUT_INVALID', /encoding: a number/],
    [db.importFile('a', { dataset: 'lots', format: 'xlsx' as 'csv' }), 'INPUT_INVALID', /'csv' or 'json' or 'ndjson' or 'sqlite'/],
    [db.importFile(7 as unknown as string, { dataset: 'lots' }), 'INPUT_INVALID', /a number is no source/],
  ] as const) await assert.rejects(call, lotwiseError(code, message));
  assert.deepEqual(fake.log, []);
});

test('members of a query that are undefined reach the engine, which refuses them', async () => {
  const fake = new Fake();
  const db = await fake.open();
  await db.records({ dataset: 'lots', where: { a: undefined } });
  assert.deepEqual(fake.log, ['records lots']);
});

test('a call that waits is dropped by its signal, before and after it was posted', async () => {
  const fake = new Fake();
  // A lone short call would be answered before the next one arrives.
  fake.queryMs = 5;
  const db = await fake.open();
  const give = new AbortController();
  for (const posted of [true, false]) {
    const give = new AbortController();
    const calls = [db.query('A'), db.execute('B', [], { signal: give.signal }), db.query('C', [], { signal: give.signal }), db.query('D')];
    if (posted) await new Promise(process.nextTick);
    give.abort();
    assert.deepEqual(await outcomes(calls), ['ok', 'CANCELLED', 'CANCELLED', 'ok']);
    assert.deepEqual(fake.log.splice(0), ['A', 'D']);
  }
  give.abort();
  await assert.rejects(db.query('E', [], { signal: give.signal }), lotwiseError('CANCELLED', /query\(\)/));
});

test('a call gives up where its whole time went by waiting', async () => {
  const fake = new Fake();
  fake.queryMs = 50;
  const db = await fake.open();
  assert.deepEqual(await outcomes([db.query('A'), db.query('B', [], { timeoutMs: 20 })]), ['ok', 'TIMEOUT']);
  assert.deepEqual(fake.log, ['A']);
  fake.queryMs = 0;
  const { rows } = await db.query('TIMEOUT', [], { timeoutMs: 1_000 });
  const left = Number((rows[0] as { sql: string }).sql);
  assert.ok(left > 500 && left <= 1_000, `the engine was left ${left} ms`);
});

test('more calls than may wait are refused', async () => {
  const db = await new Fake().open();
  const calls = Array.from({ length: 1_005 }, () => db.query('A'));
  const codes = await outcomes(calls);
  assert.deepEqual([codes.filter((code) => code === 'ok').length, codes.filter((code) => code === 'LIMIT_EXCEEDED').length], [1_000, 5]);
  assert.equal((await db.query('B')).rowCount, 1);
});

// ───────────────────────── losing the engine ─────────────────────────

test('a panic rejects its own call with INTERNAL and those behind it with WORKER_LOST; the next call works', async () => {
  const fake = new Fake();
  const db = await fake.open();
  const calls = [db.query('A'), db.query('PANIC'), db.query('C'), db.execute('D')];
  const settled = Promise.allSettled(calls);
  assert.deepEqual(await outcomes(calls), ['ok', 'INTERNAL', 'WORKER_LOST', 'WORKER_LOST']);
  const [, panicked, behind] = await settled;
  assert.match(String((panicked as PromiseRejectedResult).reason), /query\(\): .*unreachable.*memory only: its data is lost/);
  assert.equal(((behind as PromiseRejectedResult).reason as { retryable: boolean }).retryable, true);
  assert.equal(fake.ended, 1);
  assert.equal((await db.query('E')).rowCount, 1);
  assert.equal(fake.engines, 2);
  assert.deepEqual(fake.log, ['A', 'PANIC', 'E']);
  await db.close();
  assert.equal(fake.ended, 2);
});

test('the text of a panic reaches the caller', async () => {
  const fake = new Fake();
  const db = await fake.open();
  (globalThis as { __lotwisePanic?: string }).__lotwisePanic = 'panicked at src/x.rs: boom';
  await assert.rejects(db.query('PANIC'), lotwiseError('INTERNAL', /panicked at src\/x\.rs: boom/, false));
  assert.equal('__lotwisePanic' in globalThis, false);
});

test('an engine that stops every time is given up', async () => {
  const fake = new Fake();
  const db = await fake.open();
  for (let lost = 0; lost < 3; lost++) await assert.rejects(db.query('PANIC'), lotwiseError('INTERNAL', /unreachable/));
  await assert.rejects(db.query('A'), lotwiseError('INTERNAL', /3 times in a row/));
  assert.equal(fake.engines, 3);
  await db.close();
  await assert.rejects(db.query('A'), lotwiseError('CLOSED'));
});

test('a success in between starts the count anew', async () => {
  const db = await new Fake().open();
  for (let round = 0; round < 5; round++) {
    await assert.rejects(db.query('PANIC'), lotwiseError('INTERNAL', /unreachable/));
    await db.query('A');
  }
});

test('an engine that cannot be replaced now is tried again at the next call', async () => {
  const fake = new Fake();
  const db = await fake.open();
  await assert.rejects(db.query('PANIC'));
  fake.failOpen = { lotwise: true, code: 'DATABASE_BUSY', message: 'elsewhere', retryable: true };
  assert.deepEqual(await outcomes([db.query('A'), db.query('B')]), ['DATABASE_BUSY', 'DATABASE_BUSY']);
  fake.failOpen = undefined;
  assert.deepEqual(await outcomes([db.query('A'), db.query('B')]), ['ok', 'ok']);
  assert.equal(fake.engines, 3);
});

test('an engine that fails or panics while opening leaves nothing behind', async () => {
  const fake = new Fake();
  fake.failOpen = { lotwise: true, code: 'DATABASE_CORRUPT', message: 'not a database', retryable: false };
  await assert.rejects(fake.open(), lotwiseError('DATABASE_CORRUPT', /not a database/));
  fake.failOpen = new WebAssembly.RuntimeError('unreachable');
  await assert.rejects(fake.open({ storage: 'opfs' }), lotwiseError('INTERNAL', /unreachable/));
  assert.deepEqual([fake.engines, fake.ended, fake.log], [2, 2, ['released']]);
});

test('opening can be given up', async () => {
  const fake = new Fake();
  const give = new AbortController();
  const opening = fake.open({}, give.signal);
  give.abort();
  await assert.rejects(opening, lotwiseError('CANCELLED', /open\(\)/));
  assert.equal(fake.ended, 1);
});

// ───────────────────────── closing ─────────────────────────

test('close() finishes what runs and waits, frees the files, and refuses what comes later', async () => {
  const fake = new Fake();
  const db = await fake.open({ storage: 'opfs' });
  const before = db.append('lots', [{ a: 1 }]);
  const closing = db.close();
  await assert.rejects(db.query('A'), lotwiseError('CLOSED', /query\(\): database 'fake' is closed/));
  await closing;
  assert.deepEqual(fake.log, ['append lots error', 'close', 'released']);
  assert.equal((await before).changes, 1);
  assert.equal(fake.ended, 1);
  await db.close();
});

test('a database whose engine was lost closes all the same', async () => {
  const fake = new Fake();
  const db = await fake.open();
  const panic = db.query('PANIC');
  const closing = db.close();
  await assert.rejects(panic, lotwiseError('INTERNAL'));
  await closing;
  assert.equal(fake.engines, 1);
});

test('await using closes', async () => {
  const fake = new Fake();
  {
    await using db = await fake.open();
    await db.query('A');
  }
  assert.deepEqual(fake.log, ['A', 'close']);
});

// ───────────────────────── importing ─────────────────────────

async function imported(source: Parameters<Database['importFile']>[0]): Promise<string[]> {
  const fake = new Fake();
  const db = await fake.open();
  const report = await db.importFile(source, { dataset: 'lots' });
  assert.equal(report.bytes, 5);
  assert.ok(report.elapsedMs >= 0);
  return fake.log;
}

test('every kind of source is read to its end', async () => {
  const bytes = new TextEncoder().encode('a\n1,2');
  const stream = new ReadableStream<Uint8Array>({ start(controller) {
    for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
    controller.close();
  } });
  for (const source of ['a\n1,2', bytes, bytes.buffer, new Blob([bytes]), new File([bytes], 'a.csv'), new Response(bytes), stream]) {
    assert.deepEqual(await imported(source), ['import lots', 'finish 5', 'free']);
  }
  assert.equal(bytes.length, 5, 'the buffer of the caller stays usable');
});

test('sources that cannot be read are refused', async () => {
  const db = await new Fake().open();
  const locked = new ReadableStream<Uint8Array>();
  locked.getReader();
  const read = new Response('a');
  await read.text();
  for (const [source, message] of [
    [locked, /read by somebody else/], [read, /read already/], [new Response('no', { status: 404 }), /404/], ['\ud800', /surrogate/],
    [new ReadableStream({ start(controller) { controller.enqueue('text'); controller.close(); } }), /Uint8Arrays, and one is a string/],
  ] as const) await assert.rejects(db.importFile(source, { dataset: 'lots' }), lotwiseError('INPUT_INVALID', message));
});

test('a source that fails half way takes back the import, and its cause is told', async () => {
  const fake = new Fake();
  const db = await fake.open();
  let pulls = 0;
  const source = new ReadableStream<Uint8Array>({ pull(controller) {
    if (pulls++ < 3) controller.enqueue(new Uint8Array([65]));
    else controller.error(new TypeError('network lost'));
  } });
  await assert.rejects(db.importFile(source, { dataset: 'lots' }), lotwiseError('INPUT_INVALID', /nothing was imported: TypeError: network lost/));
  assert.deepEqual(fake.log, ['import lots', 'abort', 'free']);
});

test('an import that is given up takes back what it did, also while its source stalls', async () => {
  const fake = new Fake();
  const db = await fake.open();
  const give = new AbortController();
  let reason: unknown;
  const source = new ReadableStream<Uint8Array>({
    start(controller) { controller.enqueue(new Uint8Array([65])); },
    cancel(why) { reason = why; },
  });
  const importing = db.importFile(source, { dataset: 'lots', signal: give.signal });
  const waiting = db.execute('A');
  await db.query('B');
  await sleep(20);
  give.abort();
  await assert.rejects(importing, lotwiseError('CANCELLED', /import/));
  await waiting;
  assert.deepEqual(fake.log, ['import lots', 'B', 'abort', 'free', 'execute A'], 'reads go on, writes wait');
  assert.notEqual(reason, undefined, 'the source was told');
});

test('a write behind an import that stalls runs out of time', async () => {
  const fake = new Fake();
  const db = await fake.open();
  const give = new AbortController();
  const importing = db.importFile(new ReadableStream<Uint8Array>(), { dataset: 'lots', signal: give.signal });
  await assert.rejects(db.execute('A', [], { timeoutMs: 20 }), lotwiseError('TIMEOUT', /waited 20 ms/, true));
  give.abort();
  await assert.rejects(importing, lotwiseError('CANCELLED'));
  assert.deepEqual(fake.log, ['import lots', 'abort', 'free']);
});

test('a stream is read no faster than it is imported', async () => {
  const fake = new Fake();
  const db = await fake.open();
  let asked = 0;
  const source = new ReadableStream<Uint8Array>({ pull(controller) {
    if (++asked > 200) controller.close();
    else controller.enqueue(new Uint8Array(10).fill(65));
  } }, { highWaterMark: 0 });
  fake.queryMs = 50;
  const before = db.query('A');
  const importing = db.importFile(source, { dataset: 'lots' });
  await before;
  assert.ok(asked <= 1, `${asked} chunks were read before the import had its turn`);
  assert.equal((await importing).bytes, 2_000);
});

test('progress is told, its end always, and a listener that throws costs nothing', async () => {
  const db = await new Fake().open();
  const seen: number[] = [];
  await db.importFile(new Uint8Array(9_000_000).fill(65), { dataset: 'lots', onProgress: ({ done, total, unit }) => {
    assert.deepEqual([total, unit], [9_000_000, 'bytes']);
    seen.push(done);
  } });
  assert.equal(seen.at(-1), 9_000_000);
  assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
});

test('a panic in an import loses the engine, which is not touched again', async () => {
  const fake = new Fake();
  const db = await fake.open();
  await assert.rejects(db.importFile('PANIC', { dataset: 'lots' }), lotwiseError('INTERNAL', /importFile\(\): .*unreachable/));
  assert.deepEqual(fake.log, ['import lots']);
  assert.equal((await db.query('A')).rowCount, 1);
});
