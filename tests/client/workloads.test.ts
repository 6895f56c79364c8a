/** The generator of benches/workloads.ts makes what its head says, and the same rows every time. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  COMPONENTS, DAYS, EVENT_INTERVAL_MS, EVENTS_START_MS, ITEMS, LINES,
  dayText, events, eventsCsv, productionRecords, productionRecordsCsv,
} from '../../benches/workloads.ts';

const ROWS = 100_000;
const records = [...productionRecords(ROWS, undefined, ROWS)][0]!;
const changes = [...events(ROWS, undefined, ROWS)][0]!;

function sha256(chunks: Iterable<string>): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

function counts(values: Iterable<string | number>): Map<string | number, number> {
  const found = new Map<string | number, number>();
  for (const value of values) found.set(value, (found.get(value) ?? 0) + 1);
  return found;
}

function assertShare(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `share ${actual}, expected ${expected} ± ${tolerance}`);
}

test('the rows of a seed never change', () => {
  assert.equal(sha256(productionRecordsCsv(10_000)), '981de5be67323396227b0e41113ae24999840c2bc7d05cc02babe7d6352565b9');
  assert.equal(sha256(eventsCsv(10_000)), 'd7d1df6a57e57bf9081fa47b2ab300b619cf39773ac50ae59b25378502a58efe');
  assert.notEqual(sha256(productionRecordsCsv(10_000, 1)), sha256(productionRecordsCsv(10_000, 2)));
});

test('the size of the batches changes no row', () => {
  assert.equal(sha256(productionRecordsCsv(2_500, 7, 1)), sha256(productionRecordsCsv(2_500, 7, 999)));
  assert.equal(sha256(eventsCsv(2_500, 7, 1)), sha256(eventsCsv(2_500, 7, 999)));
});

test('batches have the size asked for, the last one the rest', () => {
  assert.deepEqual([...productionRecords(25, 1, 10)].map((batch) => batch.id.length), [10, 10, 5]);
  assert.deepEqual([...events(20, 1, 10)].map((batch) => batch.timestamp.length), [10, 10]);
  assert.deepEqual([...productionRecords(0)], []);
});

test('a size that is no count is refused', () => {
  for (const rows of [-1, 1.5, NaN]) assert.throws(() => productionRecords(rows).next(), RangeError);
  assert.throws(() => events(10, 1, 0).next(), RangeError);
});

test('records lie evenly over the days, in order', () => {
  assert.equal(records.production_date[0], '2023-01-01');
  assert.equal(records.production_date[ROWS - 1], '2025-12-31');
  assert.equal(dayText(DAYS - 1), '2025-12-31');
  const days = counts(records.production_date);
  assert.equal(days.size, DAYS);
  for (const count of days.values()) assert.ok(count === 91 || count === 92, `${count} records in a day`);
  assert.deepEqual(records.production_date, records.production_date.toSorted());
  assert.deepEqual([records.id[0], records.id[ROWS - 1]], [1, ROWS]);
});

test('items have a Zipf share', () => {
  const items = counts(records.item_code);
  const harmonic = Array.from({ length: ITEMS }, (_, i) => 1 / (i + 1)).reduce((sum, term) => sum + term);
  assert.equal(items.size, ITEMS);
  for (const rank of [1, 2, 10, 100]) {
    const share = (items.get(`ITEM-${String(rank - 1).padStart(4, '0')}`) ?? 0) / ROWS;
    assertShare(share, 1 / rank / harmonic, 0.005);
  }
});

test('lines, shifts and quantities stay within their bounds', () => {
  const lines = counts(records.line);
  assert.deepEqual([...lines.keys()].toSorted().at(-1), 'LINE-11');
  for (const count of lines.values()) assertShare(count / ROWS, 1 / LINES, 0.005);
  assert.deepEqual([...counts(records.shift).keys()].toSorted(), [1, 2, 3]);
  assert.equal(records.good_quantity.reduce((a, b) => Math.min(a, b)), 100);
  assert.equal(records.good_quantity.reduce((a, b) => Math.max(a, b)), 999);
});

test('a third of the records have defects, few rather than many, and only those a code', () => {
  const defective = records.defect_quantity.filter((quantity) => quantity > 0);
  assertShare(defective.length / ROWS, 1 / 3, 0.01);
  assert.deepEqual([Math.min(...new Set(defective)), Math.max(...new Set(defective))], [1, 39]);
  assertShare(defective.filter((quantity) => quantity <= 10).length / defective.length, 0.5, 0.02);
  records.defect_code.forEach((code, i) => assert.match(code, records.defect_quantity[i]! > 0 ? /^D[01]\d$/ : /^$/));
  assert.equal(counts(records.defect_code).size, 21);
});

test('a lot number names its day and line and no other record', () => {
  records.lot_number.forEach((lot, i) => {
    const day = records.production_date[i]!.replaceAll('-', '');
    assert.ok(lot.startsWith(`L${day}-${records.line[i]!.slice(-2)}-`), lot);
  });
  assert.equal(new Set(records.lot_number).size, ROWS);
});

test('events come every 30 ms, five to a change group', () => {
  assert.equal(new Date(changes.timestamp[0]!).toISOString(), '2026-01-05T00:00:00.000Z');
  changes.timestamp.forEach((at, i) => assert.equal(at, EVENTS_START_MS + i * EVENT_INTERVAL_MS));
  const groups = counts(changes.change_group_id);
  assert.equal(groups.size, ROWS / 5);
  assert.ok([...groups.values()].every((count) => count === 5));
});

test('events share 40 components, two per cent are alarms, values have three decimals', () => {
  const components = counts(changes.component_name);
  assert.equal(components.size, COMPONENTS);
  for (const count of components.values()) assertShare(count / ROWS, 1 / COMPONENTS, 0.003);
  assertShare((counts(changes.flag).get(1) ?? 0) / ROWS, 0.02, 0.002);
  changes.value.forEach((value) => assert.equal(value, Number(value.toFixed(3))));
  assert.ok(Math.min(...changes.value.subarray(0, 50_000)) > 8 && Math.max(...changes.value.subarray(0, 50_000)) < 71);
});
