/** Files on their way out and in again: the rows are the same. In Node, over the package. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { BatchReader } from '../../src/ts/batch/reader.ts';
import { encoderFor } from '../../src/ts/export/encoder.ts';
import type { Database, Dataset, Result, Row, Value } from '../../src/ts/types.ts';
import { engineBatch } from '../client/engine-batch.ts';
import { randomFrom, testSeed } from '../client/random.ts';
import { packageFolder } from './helpers/server.ts';

const COLUMNS: Dataset['columns'] = {
  id: { type: 'integer', primaryKey: true }, n: { type: 'integer' }, x: { type: 'real' }, t: { type: 'text' }, needed: { type: 'text', required: true },
  d: { type: 'date' }, at: { type: 'timestamp' }, iso: { type: 'timestampText' }, b: { type: 'blob' }, j: { type: 'json' },
};
const DATASETS: Dataset[] = [{ name: 'source', columns: COLUMNS }, { name: 'target', columns: COLUMNS }];

function exported(result: Result, format: 'csv' | 'json' | 'ndjson', formulas: 'escape' | 'keep'): Uint8Array {
  const encoder = encoderFor(format, formulas);
  const batch = new BatchReader(engineBatch(result.rowCount, result.columns.map(({ name, type }, index) => ({ name, type, values: [...result.column(index)] }))));
  return Buffer.concat([...encoder.rows(batch), ...encoder.end()]);
}

describe('node', () => {
  let open: typeof import('../../src/ts/index.ts').open;
  before(async () => {
    ({ open } = await import(pathToFileURL(join(packageFolder, 'node.js')).href) as typeof import('../../src/ts/index.ts'));
  });

  /** Exports what is in `source`, imports it into `target`. */
  async function roundTrip(db: Database, format: 'csv' | 'json' | 'ndjson', formulas: 'escape' | 'keep'): Promise<[before: Row[], after: Row[]]> {
    const all = (dataset: string): Promise<Result> => db.records({ dataset, orderBy: [{ by: 'id' }], limit: 10_000 });
    const source = await all('source');
    await db.execute('DELETE FROM target');
    await db.importFile(new Uint8Array(exported(source, format, formulas)), { dataset: 'target', format });
    return [source.rows, (await all('target')).rows];
  }

  test('what was exported is imported as the same rows', async () => {
    const seed = testSeed();
    const random = randomFrom(seed);
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
    const maybe = <T>(make: () => T): (() => T | null) => () => (random() < 0.2 ? null : make());
    const alphabet = ['a', 'B', ' ', '"', ',', ';', '\n', '\r', '\r\n', '\t', '\\', '/', "'", '=', '+', '-', '@', '＝', 'é', '日', '𝒳', '\u2028', '{', ']', '0', '\uFEFF', '\u0001'];
    const text = (): string => Array.from({ length: Math.floor(random() * 8) }, () => pick(alphabet)).join('');
    const real = (): number => pick([random(), -random() * 1e9, 0, 5e-324, 1.7976931348623157e308, Infinity, -Infinity, 1e21, 123456789.125, 2 ** 60, 7]);
    const day = (): string => new Date(Math.floor(random() * 4e12) - 2e12).toISOString().slice(0, 10);
    const makers: { [column: string]: () => Value } = {
      n: maybe(() => BigInt.asIntN(64, BigInt(Math.floor(random() * 2 ** 53)) << BigInt(Math.floor(random() * 12)))), x: maybe(real), t: maybe(text), needed: text, d: maybe(day),
      at: maybe(() => Math.floor((random() - 0.5) * 1e15)), iso: maybe(() => `${day()}T01:02:03.004Z`), b: maybe(() => new Uint8Array(Math.floor(random() * 6)).map(() => random() * 256)),
      j: maybe(() => JSON.stringify(pick([{}, [1, 'x', null], { a: text(), b: [0.5, -7] }, 'text', 7, true]))),
    };
    try {
      const db = await open({ storage: 'memory', datasets: DATASETS });
      for (let round = 0; round < 25; round++) {
        await db.execute('DELETE FROM source');
        const rows = Array.from({ length: Math.floor(random() * 150) }, () => Object.fromEntries(Object.entries(makers).map(([name, make]) => [name, make()])));
        await db.append('source', rows);
        for (const format of ['csv', 'json', 'ndjson'] as const) {
          const [source, target] = await roundTrip(db, format, 'keep');
          // In an empty field of a CSV our reader finds null, if the column may be null.
          if (format === 'csv') for (const row of source) if (row['t'] === '') row['t'] = null;
          assert.deepEqual(target, source, format);
        }
      }
      await db.close();
    } catch (error) {
      throw new Error(`seed ${seed} (give it as LOTWISE_SEED)`, { cause: error });
    }
  });

  test('formulas that were escaped come back with their mark and are the only texts that differ', async () => {
    const db = await open({ storage: 'memory', datasets: DATASETS });
    const texts = ['=1+1', 'plain', '-5', '@x', 'a=b', "'quoted"];
    await db.append('source', texts.map((t, index) => ({ id: index + 1, t, n: -index, x: -0.5, needed: 'x' })));
    const [source, target] = await roundTrip(db, 'csv', 'escape');
    assert.deepEqual(target, source.map((row, index) => ({ ...row, t: ["'=1+1", 'plain', "'-5", "'@x", 'a=b', "'quoted"][index] })));
    await db.close();
  });
});
