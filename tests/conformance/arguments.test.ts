/** Whatever is handed in instead of arguments: each call is answered, or refused with a code and a message. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { root } from '../../scripts/run.ts';
import type { Database, ErrorCode } from '../../src/ts/types.ts';
import { randomFrom, testSeed } from '../client/random.ts';

const { open, LotwiseError } = await import(pathToFileURL(join(root, 'target/pkg-test/node.js')).href) as typeof import('../../src/ts/node.ts');

const CALLS = 4_000 * Number(process.env['LOTWISE_CASES_TIMES'] ?? 1);
/** What a caller can be blamed for. */
const CODES: readonly ErrorCode[] = ['SQL_INVALID', 'QUERY_INVALID', 'INPUT_INVALID', 'CONFIG_INVALID', 'NOT_FOUND', 'CANCELLED', 'LIMIT_EXCEEDED'];

const cyclic: Record<string, unknown> = { a: 1 };
cyclic['self'] = cyclic;

/** Values that belong nowhere, and values that belong somewhere else. */
const VALUES: readonly (() => unknown)[] = [
  () => undefined, () => null, () => true, () => 0, () => -1, () => 1.5, () => Number.NaN, () => Number.POSITIVE_INFINITY, () => 2n ** 70n, () => 7n,
  () => '', () => 'SELECT 1', () => 'lots', () => '\ud800', () => 'x'.repeat(100_000), () => Symbol('s'), () => () => 1, () => new Date(0), () => /a/,
  () => new Map([['a', 1]]), () => new Set([1]), () => new Uint8Array(3), () => new Float64Array([1, Number.NaN]), () => new ArrayBuffer(4), () => [],
  () => [1, 'a', null], () => [[1], [2]], () => [{ a: 1 }, { b: 2 }], () => [undefined], () => new Array(3), () => ({}), () => ({ a: 1 }),
  () => ({ a: [1, 2], b: [1] }), () => ({ dataset: 'lots' }), () => ({ dataset: 'lots', measures: { n: 'count' } }), () => ({ dataset: 7 }), () => cyclic,
  () => Object.create(null), () => new (class Odd { a = 1; })(), () => ({ timeoutMs: -1 }), () => ({ signal: 'no' }), () => ({ signal: AbortSignal.abort() }),
  () => ({ format: 'csv' }), () => ({ format: 'xlsx' }), () => ({ sql: 'SELECT 1', params: [() => 1] }), () => ({ query: { timeoutMs: 'x' } }),
  () => ({ ['k'.repeat(50_000)]: 1 }), () => ({ name: 'lots', columns: { a: { type: 'text' } } }), () => new Error('mine'), () => Promise.resolve(1), () => new Blob(['a,b\n1,2\n']), () => new WeakMap(),
];

type Call = (db: Database, ...values: never[]) => unknown;

const METHODS: Record<string, Call> = {
  query: (db, ...values) => db.query(...values as unknown as Parameters<Database['query']>),
  stream: async (db, ...values) => { for await (const rows of db.stream(...values as unknown as Parameters<Database['stream']>)) void rows; },
  execute: (db, ...values) => db.execute(...values as unknown as Parameters<Database['execute']>),
  executeMany: (db, ...values) => db.executeMany(...values as unknown as Parameters<Database['executeMany']>),
  append: (db, ...values) => db.append(...values as unknown as Parameters<Database['append']>),
  aggregate: (db, ...values) => db.aggregate(...values as unknown as Parameters<Database['aggregate']>),
  records: (db, ...values) => db.records(...values as unknown as Parameters<Database['records']>),
  explain: (db, ...values) => db.explain(...values as unknown as Parameters<Database['explain']>),
  define: (db, ...values) => db.define(...values as unknown as Parameters<Database['define']>),
  configure: (db, ...values) => db.configure(...values as unknown as Parameters<Database['configure']>),
  importFile: (db, ...values) => db.importFile(...values as unknown as Parameters<Database['importFile']>),
  inspectFile: (db, ...values) => db.inspectFile(...values as unknown as Parameters<Database['inspectFile']>),
  exportFile: async (db, ...values) => (await db.exportFile(...values as unknown as Parameters<Database['exportFile']>)).cancel(),
};

test('arguments of every kind are taken or refused', async () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const db = await open({ storage: 'memory', datasets: [{ name: 'lots', columns: { a: { type: 'text' }, b: { type: 'integer' } } }] });
  const names = Object.keys(METHODS);
  const refused = new Map<string, number>();
  for (let i = 0; i < CALLS; i++) {
    const name = names[below(names.length)]!;
    const values = Array.from({ length: below(4) }, () => VALUES[below(VALUES.length)]!());
    const place = `seed ${seed}, call ${i}: ${name}(${values.map(shown).join(', ')})`;
    try {
      await METHODS[name]!(db, ...values as never[]);
    } catch (error) {
      assert.ok(error instanceof LotwiseError, `${place} failed with ${error instanceof Error ? error.stack : shown(error)}`);
      assert.ok(CODES.includes(error.code), `${place}: ${error.code}`);
      assert.ok(error.message.length > 10 && error.message.length < 4_200, `${place}: ${error.message.slice(0, 200)}`);
      refused.set(name, (refused.get(name) ?? 0) + 1);
    }
  }
  assert.deepEqual(names.filter((name) => !refused.has(name)), [], 'every method refuses something');
  assert.equal((await db.query('SELECT 1')).rowCount, 1, 'it goes on');
  await db.close();
});

function shown(value: unknown): string {
  try {
    const text = typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function' ? String(value) : JSON.stringify(value);
    return `${Object.prototype.toString.call(value)} ${String(text).slice(0, 60)}`;
  } catch {
    return Object.prototype.toString.call(value);
  }
}
