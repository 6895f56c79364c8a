/** The bench calls answers equal only where they are, and counts its losses. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { difference } from '../../benches/compare.ts';
import { markdown } from '../../benches/report.ts';
import { type BenchResults, median, quantile } from '../../benches/results.ts';

function check(expected: unknown[][], actual: unknown[][], found: RegExp | undefined): void {
  const said = difference(expected, actual);
  if (found) assert.match(said ?? '', found);
  else assert.equal(said, undefined);
}

test('integers and text are compared exactly', () => {
  check([[1, 'a', null]], [[1, 'a', null]], undefined);
  check([[9_007_199_254_740_991]], [[9_007_199_254_740_990]], /row 0, column 0/);
  check([['a'], ['b']], [['a'], ['B']], /row 1, column 0: "b" against "B"/);
  check([['1']], [[1]], /column 0/);
  check([[null]], [[0]], /column 0/);
});

test('reals are compared to 1e-12 of their size', () => {
  check([[0.1 + 0.2]], [[0.3]], undefined);
  check([[40]], [[40.000_000_000_01]], undefined);
  check([[0.3]], [[0.300_000_000_001]], /column 0/);
  check([[NaN]], [[0.3]], /column 0/);
});

test('missing rows and columns are differences', () => {
  check([[1], [2]], [[1]], /2 rows against 1/);
  check([[1, 2]], [[1]], /2 columns against 1/);
});

test('quantiles are values that were measured', () => {
  assert.equal(median([9, 1, 8, 2, 7, 3, 6, 4, 5]), 5);
  assert.equal(quantile([1, 2, 3, 4], 0.99), 4);
});

test('the report states losses and the geometric mean', () => {
  const timing = (medianMs: number) => ({ coldMs: 1, bestMs: 1, medianMs });
  const engine = { packageVersion: '1', version: '1', settings: 'none', wireBytes: 1_000 };
  const results: BenchResults = {
    date: '2026-01-01', machine: 'm', browser: 'b', node: 'n', rows: 1, events: 1, imports: [], coldStarts: [], commits: [], beside: [], alone: [],
    engines: { lotwise: engine, duckdb: engine },
    queries: [
      { id: 'Q01', asks: 'x', call: 'aggregate', engines: { lotwise: timing(1), duckdb: timing(4) } },
      { id: 'Q02', asks: 'y', call: 'records', engines: { lotwise: timing(9), duckdb: timing(1) } },
    ],
  };
  const text = markdown(results);
  assert.match(text, /1 of 2 won, lost 1: Q02 \(9\.00 times as long\)/);
  assert.match(text, /Geometric mean of the ratios: \*\*1\.50\*\*/);
  assert.match(text, /\| \*\*9\.00\*\* loss \|/);
});
