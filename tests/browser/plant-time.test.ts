/** Plant time through the whole package: what each host's Intl makes of zones, in Chromium, Firefox and Node. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { AggregateQuery, Dataset } from '../../src/ts/types.ts';
import { packageFolder } from './helpers/server.ts';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

/** Runs a function where `lotwise` and `failureOf` are globals. It sees nothing of the test but its argument. */
type RunThere = <A, R>(work: (argument: A) => Promise<R>, argument: A) => Promise<R>;

/** Hours, halves and quarters; changes at midnight, a minute past, by half an hour, by a day; by Ramadan. */
const ZONES = [
  'Asia/Seoul', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia',
  'America/St_Johns', 'America/Sao_Paulo', 'Africa/Casablanca', 'Asia/Gaza', 'Africa/Monrovia', 'Etc/UTC',
];

for (const kind of ['chromium', 'firefox'] as const) {
  describe(kind, () => {
    const suite = useBrowser(kind);
    plantTimeOn((work, argument) => suite.inTab(work, argument));

    test('the zone of a dataset is known when the database is opened without it', { timeout: TEST_MS_MAX }, async () => {
      const rows = await suite.inTab(async (dataset: Dataset) => {
        const first = await lotwise.open({ name: 'zone-kept', datasets: [dataset] });
        await first.append('t', [{ at: Date.parse('2025-06-10T20:59Z') }, { at: Date.parse('2025-06-10T21:00Z') }]);
        await first.close();
        const again = await lotwise.open({ name: 'zone-kept', datasets: [] });
        const { rows } = await again.aggregate({ dataset: 't', groupBy: [{ time: 'day' }], measures: { n: 'count' } });
        await again.close();
        await lotwise.remove('zone-kept');
        return rows;
      }, dataset('Asia/Seoul', '06:00'));
      assert.deepEqual(rows, [{ day: '2025-06-10', n: 1 }, { day: '2025-06-11', n: 1 }]);
    });
  });
}

describe('node', () => {
  before(async () => {
    const lotwise = await import(pathToFileURL(join(packageFolder, 'node.js')).href) as typeof import('../../src/ts/index.ts');
    const failureOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, ({ name, code, message, retryable, details }: Failure) => ({ ours: true, name, code, message, retryable, details }));
    Object.assign(globalThis, { lotwise, failureOf });
  });
  plantTimeOn((work, argument) => work(argument));
});

function dataset(timeZone: string, dayStartsAt = '00:00', type: 'timestamp' | 'timestampText' = 'timestamp'): Dataset {
  return { name: 't', time: 'at', timeZone, dayStartsAt, columns: { at: { type }, n: { type: 'integer' } } };
}

function plantTimeOn(there: RunThere): void {
  for (const zone of ZONES) {
    test(`minutes and production days in ${zone} are those that clocks show`, { timeout: TEST_MS_MAX }, async () => {
      const { instants, wrong } = await there(bucketsAgainstClocks, dataset(zone, '06:00'));
      assert.ok(instants > 5_000);
      assert.deepEqual(wrong, []);
    });
  }

  test('an hour that comes twice is two buckets, one that does not come is none', { timeout: TEST_MS_MAX }, async () => {
    for (const type of ['timestamp', 'timestampText'] as const) {
      const hours = await there(async (dataset: Dataset) => {
        const db = await lotwise.open({ storage: 'memory', datasets: [dataset] });
        const at = (text: string): number | string => (dataset.columns['at']?.type === 'timestamp' ? Date.parse(text) : text);
        await db.append('t', ['2025-10-25T22:00Z', '2025-10-26T00:30Z', '2025-10-26T01:30Z', '2025-10-26T23:00Z', '2025-03-30T00:59Z', '2025-03-30T01:00Z'].map((text) => ({ at: at(text) })));
        const hoursOf = async (from: string, to = from): Promise<unknown[]> => {
          const query: AggregateQuery = { dataset: 't', range: { from, to }, groupBy: [{ time: 'hour' }], measures: { n: 'count' }, fill: true };
          return (await db.aggregate(query)).rows.map(({ hour, n }) => `${String(hour)} ${String(n)}`);
        };
        const autumn = await hoursOf('2025-10-26');
        const result = {
          autumn: { length: autumn.length, first: autumn[0], twice: autumn.slice(2, 4), last: autumn.at(-1) },
          spring: (await hoursOf('2025-03-30')).slice(1, 3),
          both: await hoursOf('2025-10-26T02'),
          second: await hoursOf('2025-10-26T02:00+01:00', '2025-10-26T02:59+01:00'),
          neither: (await db.records({ dataset: 't', range: { from: '2025-03-30T02', to: '2025-03-30T02:59' } })).rowCount,
        };
        await db.close();
        return result;
      }, dataset('Europe/Berlin', '00:00', type));
      assert.deepEqual(hours, {
        autumn: {
          length: 25, first: '2025-10-26T00:00+02:00 1', twice: ['2025-10-26T02:00+02:00 1', '2025-10-26T02:00+01:00 1'], last: '2025-10-26T23:00+01:00 0',
        },
        spring: ['2025-03-30T01:00+01:00 1', '2025-03-30T03:00+02:00 1'],
        both: ['2025-10-26T02:00+02:00 1', '2025-10-26T02:00+01:00 1'],
        second: ['2025-10-26T02:00+01:00 1'],
        neither: 0,
      });
    }
  });

  test('a zone that the host does not know is refused by its field', { timeout: TEST_MS_MAX }, async () => {
    for (const [zone, field] of [['Mars/Olympus', "dataset 't', timeZone"], ['+09:00', 'datasets[0].timeZone']] as const) {
      const failure = await there((dataset: Dataset) => failureOf(lotwise.open({ storage: 'memory', datasets: [dataset] })), dataset(zone));
      assert.deepEqual({ code: failure?.code, field: (failure?.details as { field?: string } | undefined)?.field }, { code: 'CONFIG_INVALID', field });
    }
  });
}

/** Runs there: buckets of many instants, against the fields of the clock as Intl formats them. */
async function bucketsAgainstClocks(dataset: Dataset): Promise<{ instants: number; wrong: unknown[] }> {
  const MINUTE = 60_000;
  const DAY = 1_440 * MINUTE;
  const format = new Intl.DateTimeFormat('en', {
    timeZone: dataset.timeZone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', era: 'short',
    year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  });
  /** What clocks show, as if they ran in UTC. */
  const clock = (at: number): number => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)])) as Record<string, number>;
    return Date.UTC(parts['year']!, parts['month']! - 1, parts['day'], parts['hour'], parts['minute'], parts['second']) + at % 1000;
  };
  const two = (n: number): string => String(n).padStart(2, '0');
  const minuteText = (at: number): string => {
    const offset = (clock(at) - at) / 1000;
    const size = Math.abs(offset);
    const seconds = size % 60 === 0 ? '' : `:${two(size % 60)}`;
    return `${new Date(clock(at)).toISOString().slice(0, 16)}${offset < 0 ? '-' : '+'}${two(Math.floor(size / 3600))}:${two(Math.floor(size / 60) % 60)}${seconds}`;
  };

  // Every 11 days and a bit of all years that are known, and every 7 minutes where clocks are changed.
  const instants: number[] = [];
  for (let at = 0; at < Date.UTC(2100, 11, 31); at += 11 * DAY + 7_777_777) instants.push(at);
  for (const day of ['1972-01-07', '1986-01-01', '2010-11-07', '2011-12-30', '2018-11-04', '2024-04-07', '2024-10-27', '2025-03-09', '2040-10-20', '2086-11-10']) {
    const noon = Date.parse(`${day}T12:00Z`);
    for (let at = noon - DAY; at < noon + DAY; at += 7 * MINUTE) instants.push(at);
  }
  const db = await lotwise.open({ storage: 'memory', datasets: [dataset] });
  await db.append('t', instants.map((at) => ({ at })));
  const wrong: unknown[] = [];
  for (const [time, textOf] of [
    ['minute', minuteText],
    ['day', (at: number) => new Date(clock(at) - 6 * 60 * MINUTE).toISOString().slice(0, 10)],
  ] as const) {
    const expected = new Map<string, number>();
    for (const at of instants) expected.set(textOf(at), (expected.get(textOf(at)) ?? 0) + 1);
    const { rows } = await db.aggregate<Record<string, string | number>>({ dataset: 't', groupBy: [{ time }], measures: { n: 'count' } });
    if (rows.length !== expected.size) wrong.push({ time, buckets: rows.length, expected: expected.size });
    for (const { [time]: text, n } of rows) {
      if (expected.get(String(text)) !== n && wrong.length < 10) wrong.push({ text, n, expected: expected.get(String(text)) });
    }
  }
  await db.close();
  return { instants: instants.length, wrong };
}
