/** The parts of the dashboard that need no browser: filters in the URL, dates, CSV. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvField, csvLine } from '../../www/model/csv.ts';
import { isDay, monthEnd, weekDays } from '../../www/model/dates.ts';
import { formatFilters, parseFilters, shownRange, withFilter, type Filters } from '../../www/model/filters.ts';

const BOUNDS = { first: '2023-01-01', last: '2025-12-31' };

function checkUrl(search: string, filters: Filters, written = search): void {
  assert.deepEqual(parseFilters(search), filters, search);
  assert.equal(formatFilters(filters), written);
}

test('filters and their URL are two forms of the same', () => {
  checkUrl('', { period: '90d' });
  checkUrl('?period=all', { period: 'all' });
  checkUrl('?from=2025-01-01&to=2025-02-28', { period: 'custom', from: '2025-01-01', to: '2025-02-28' });
  checkUrl('?to=2025-02-28', { period: 'custom', to: '2025-02-28' });
  checkUrl('?item=A+%26+B&line=L%2F1&shift=2&lot=L24%25', { period: '90d', item: 'A & B', line: 'L/1', shift: 2, lot: 'L24%' });
});

test('what means nothing in a URL is left out', () => {
  checkUrl('?period=century&shift=two&lot=+&from=2025-02-30&x=1', { period: '90d' }, '');
  checkUrl('?shift=-1&shift=1', { period: '90d' }, '');
  checkUrl('?shift=1e3', { period: '90d' }, '');
  checkUrl(`?item=${'x'.repeat(200)}`, { period: '90d', item: 'x'.repeat(100) }, `?item=${'x'.repeat(100)}`);
  checkUrl('?line=a%00b%0a', { period: '90d', line: 'ab' }, '?line=ab');
  checkUrl('?from=2025-03-01&to=2025-01-01', { period: 'custom', from: '2025-01-01', to: '2025-03-01' }, '?from=2025-01-01&to=2025-03-01');
});

test('periods are counted back from the newest record, both ends included', () => {
  const range = (filters: Filters) => Object.values(shownRange(filters, BOUNDS)).join(' ');
  assert.equal(range({ period: '30d' }), '2025-12-02 2025-12-31');
  assert.equal(range({ period: '1y' }), '2025-01-01 2025-12-31');
  assert.equal(range({ period: 'all' }), '2023-01-01 2025-12-31');
  assert.equal(range({ period: 'custom', from: '2025-06-01' }), '2025-06-01 2025-12-31');
  assert.equal(range({ period: 'custom', from: '2030-06-01' }), '2030-06-01 2030-06-01');
  assert.equal(range({ period: 'custom', to: '2020-06-01' }), '2020-06-01 2020-06-01');
});

test('a filter is set and taken away without touching the others', () => {
  const filters: Filters = { period: 'all', item: 'A' };
  assert.deepEqual(withFilter(filters, 'line', 'L1'), { period: 'all', item: 'A', line: 'L1' });
  assert.deepEqual(withFilter(filters, 'item', undefined), { period: 'all' });
  assert.deepEqual(filters, { period: 'all', item: 'A' });
});

test('days, weeks and months are those of the calendar', () => {
  assert.ok(isDay('2024-02-29'));
  for (const text of ['2023-02-29', '2023-1-1', '2023-13-01', '', 'today']) assert.ok(!isDay(text), text);
  assert.deepEqual(weekDays('2020-W53'), { from: '2020-12-28', to: '2021-01-03' });
  assert.deepEqual(weekDays('2026-W01'), { from: '2025-12-29', to: '2026-01-04' });
  assert.equal(weekDays('2026-01'), undefined);
  assert.equal(monthEnd('2024-02'), '2024-02-29');
  assert.equal(monthEnd('2025-12'), '2025-12-31');
});

test('CSV quotes what RFC 4180 asks for and disarms formulas in text only', () => {
  const fields: [Parameters<typeof csvField>[0], string][] = [
    ['plain', 'plain'], ['a,b', '"a,b"'], ['say "hi"', '"say ""hi"""'], ['two\nlines', '"two\nlines"'], ['', ''], [null, ''],
    ['=1+1', "'=1+1"], ['+1', "'+1"], ['-1', "'-1"], ['@SUM(A1)', "'@SUM(A1)"], ['\tx', "'\tx"], ['\rx', '"\'\rx"'],
    ['=A1,"b"', '"\'=A1,""b"""'], [-5, '-5'], [0, '0'], [1.5, '1.5'], [2n ** 60n, '1152921504606846976'], [true, 'true'],
  ];
  for (const [value, text] of fields) assert.equal(csvField(value), text);
  assert.equal(csvLine(['a', 1, null]), 'a,1,\r\n');
});
