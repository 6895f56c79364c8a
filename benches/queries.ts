/**
 * The queries of the benchmark, as data: what each asks, the lotwise call, and the SQL that asks a peer the
 * same. Every date and key is fixed here, inside the data of workloads.ts.
 *
 * An answer is compared by position: the peers select their columns in the order in which lotwise returns them.
 * Knows nothing of how an engine is driven; see page/.
 */

import type { AggregateQuery, RecordsQuery } from 'lotwise';
import { DAYS, EVENTS_START_MS, dayText } from './workloads.ts';

/** How lotwise is asked: the method of Database and its argument. */
type LotwiseCall =
  /** `average`: the page makes of the second column the mean of so many rows up to each. */
  | { aggregate: AggregateQuery; average?: number }
  /** `skip`: the page is the one after so many rows; its cursor is fetched beforehand, untimed. */
  | { records: RecordsQuery; skip?: number };

export interface BenchQuery {
  id: string;
  asks: string;
  table: 'production_records' | 'events';
  lotwise: LotwiseCall;
  /** For both peers, or for each where a dialect or a better plan asks for it. */
  sql: string | { sqlite: string; duckdb: string };
  /** The peers answer a time bucket with its start in epoch milliseconds; lotwise with its text. */
  bucket?: 'instant';
  note?: string;
}

/** What the queries depend on besides the fixed dates. */
export interface Scale {
  rows: number;
  events: number;
  /** A lot that exists: that of the middle row. */
  lot: string;
}

const DAY = '2024-06-12';
const MONTH = { from: '2024-06-01', to: '2024-06-30' };
const QUARTER = { from: '2024-04-01', to: '2024-06-29' };
const YEAR = { from: '2024-01-01', to: '2024-12-31' };
const HALVES = { firstEnds: '2024-06-30', secondBegins: '2024-07-01' };
const ITEM = 'ITEM-0010';
const LOT_PREFIX = 'L202406';
const COMPONENT = 'CMP-007';
const CHANGE_GROUP = 3_456;
/** 00:40:00 to 00:44:59.999 of the first day. */
const FIVE_MINUTES = { from: EVENTS_START_MS + 40 * 60_000, to: EVENTS_START_MS + 45 * 60_000 - 1 };

const RECORDS = 'production_records';
const GOOD = { good: { sum: 'good_quantity' } } as const;
const QUANTITIES = { good: { sum: 'good_quantity' }, defects: { sum: 'defect_quantity' } } as const;
const VALUES = { mean: { avg: 'value' }, least: { min: 'value' }, most: { max: 'value' } } as const;

/** Sums are cast for DuckDB, whose sum of integers is a HUGEINT that its Arrow client hands over as four words. */
const SQL_GOOD = both('sum(good_quantity) AS good', 'sum(good_quantity)::BIGINT AS good');
const SQL_QUANTITIES = both(
  `${SQL_GOOD.sqlite}, sum(defect_quantity) AS defects`,
  `${SQL_GOOD.duckdb}, sum(defect_quantity)::BIGINT AS defects`,
);
const SQL_VALUES = 'avg(value) AS mean, min(value) AS least, max(value) AS most';
const SQL_YEAR = `production_date BETWEEN '${YEAR.from}' AND '${YEAR.to}'`;
/** DuckDB stores dates as DATE, its fastest type, and gives them out as text like the others. */
const SQL_ROW = both('*', '* REPLACE (production_date::VARCHAR AS production_date)');
/** The name of the table keeps DuckDB from sorting by the text that SQL_ROW makes of the date, which is slower. */
const NEWEST_FIRST = `${RECORDS}.production_date DESC, id DESC`;
const SQL_DAY = both('production_date AS day', 'production_date::VARCHAR AS day');

/** All queries at the given size, in the order in which they are run and printed. */
export function benchQueries(scale: Scale): BenchQuery[] {
  return [...recordQueries(scale), ...eventQueries()];
}

function recordQueries(scale: Scale): BenchQuery[] {
  const table = RECORDS;
  const skip = Math.floor(scale.rows / 10);
  const last = lastSkipped(scale.rows, skip);
  return [
    {
      id: 'Q01', asks: 'totals of one day', table,
      lotwise: { aggregate: { dataset: table, range: { from: DAY, to: DAY }, measures: { records: 'count', ...QUANTITIES } } },
      sql: each((d) => `SELECT count(*) AS records, ${SQL_QUANTITIES[d]} FROM ${table} WHERE production_date = '${DAY}'`),
    },
    {
      id: 'Q02', asks: 'day by day, 30 days: good, defects', table,
      lotwise: { aggregate: { dataset: table, range: MONTH, groupBy: ['production_date'], measures: QUANTITIES } },
      sql: each((d) => `SELECT ${SQL_DAY[d]}, ${SQL_QUANTITIES[d]} FROM ${table} `
        + `WHERE production_date BETWEEN '${MONTH.from}' AND '${MONTH.to}' GROUP BY production_date ORDER BY production_date`),
    },
    {
      id: 'Q03', asks: 'month by month, all three years: good, defects', table,
      lotwise: { aggregate: { dataset: table, groupBy: [{ time: 'month' }], measures: QUANTITIES } },
      sql: {
        sqlite: `SELECT substr(production_date, 1, 7) AS month, ${SQL_QUANTITIES.sqlite} FROM ${table} GROUP BY month ORDER BY month`,
        duckdb: `SELECT strftime(start, '%Y-%m') AS month, good, defects FROM (SELECT date_trunc('month', production_date) AS start, `
          + `${SQL_QUANTITIES.duckdb} FROM ${table} GROUP BY start) ORDER BY start`,
      },
    },
    {
      id: 'Q04', asks: '20 items with most defects, all time', table,
      lotwise: { aggregate: { dataset: table, groupBy: ['item_code'], measures: { defects: QUANTITIES.defects }, orderBy: [{ by: 'defects', desc: true }], limit: 20 } },
      sql: `SELECT item_code, CAST(sum(defect_quantity) AS BIGINT) AS defects FROM ${table} GROUP BY item_code ORDER BY defects DESC, item_code LIMIT 20`,
    },
    {
      id: 'Q05', asks: 'defect Pareto of 90 days', table,
      lotwise: {
        aggregate: {
          dataset: table, range: QUARTER, where: { defect_quantity: { gt: 0 } }, groupBy: ['defect_code'],
          measures: { defects: QUANTITIES.defects }, orderBy: [{ by: 'defects', desc: true }],
        },
      },
      sql: `SELECT defect_code, CAST(sum(defect_quantity) AS BIGINT) AS defects FROM ${table} `
        + `WHERE production_date BETWEEN '${QUARTER.from}' AND '${QUARTER.to}' AND defect_quantity > 0 `
        + 'GROUP BY defect_code ORDER BY defects DESC, defect_code',
    },
    {
      id: 'Q06', asks: 'line × shift over one year', table,
      lotwise: { aggregate: { dataset: table, range: YEAR, groupBy: ['line', 'shift'], measures: QUANTITIES } },
      sql: each((d) => `SELECT line, shift, ${SQL_QUANTITIES[d]} FROM ${table} WHERE ${SQL_YEAR} GROUP BY line, shift ORDER BY line, shift`),
    },
    {
      id: 'Q07', asks: 'one item, day by day, one year: good, defects', table,
      lotwise: { aggregate: { dataset: table, range: YEAR, where: { item_code: ITEM }, groupBy: ['production_date'], measures: QUANTITIES } },
      sql: each((d) => `SELECT ${SQL_DAY[d]}, ${SQL_QUANTITIES[d]} FROM ${table} `
        + `WHERE item_code = '${ITEM}' AND ${SQL_YEAR} GROUP BY production_date ORDER BY production_date`),
    },
    {
      id: 'Q08', asks: 'lots by prefix, first 100 rows', table,
      lotwise: { records: { dataset: table, where: { lot_number: { prefix: LOT_PREFIX } }, orderBy: [{ by: 'lot_number' }], limit: 100 } },
      sql: each((d) => `SELECT ${SQL_ROW[d]} FROM ${table} WHERE lot_number LIKE '${LOT_PREFIX}%' ORDER BY lot_number LIMIT 100`),
    },
    {
      id: 'Q09', asks: 'one lot exactly', table,
      lotwise: { records: { dataset: table, where: { lot_number: scale.lot } } },
      sql: each((d) => `SELECT ${SQL_ROW[d]} FROM ${table} WHERE lot_number = '${scale.lot}'`),
    },
    {
      id: 'Q10', asks: 'newest 50 rows', table,
      lotwise: { records: { dataset: table, limit: 50 } },
      sql: each((d) => `SELECT ${SQL_ROW[d]} FROM ${table} ORDER BY ${NEWEST_FIRST} LIMIT 50`),
    },
    {
      id: 'Q11', asks: `the page of 50 rows that starts ${skip.toLocaleString('en')} rows down`, table,
      lotwise: { records: { dataset: table, limit: 50 }, skip },
      sql: each((d) => `SELECT ${SQL_ROW[d]} FROM ${table} WHERE production_date <= '${last.day}' `
        + `AND (production_date < '${last.day}' OR id < ${last.id}) ORDER BY ${NEWEST_FIRST} LIMIT 50`),
      note: 'paged by key in every engine: the key of the row before is known, as it is to who turns pages',
    },
    {
      id: 'Q12', asks: '10 worst defect rates of a year among items with more than 10,000 good', table,
      lotwise: {
        aggregate: {
          dataset: table, range: YEAR, groupBy: ['item_code'],
          measures: { ...GOOD, rate: { ratio: [['defect_quantity'], ['good_quantity', 'defect_quantity']] } },
          having: { good: { gt: 10_000 } }, orderBy: [{ by: 'rate', desc: true }], limit: 10,
        },
      },
      sql: each((d) => `SELECT item_code, ${SQL_GOOD[d]}, CAST(sum(defect_quantity) AS DOUBLE) / sum(good_quantity + defect_quantity) AS rate `
        + `FROM ${table} WHERE ${SQL_YEAR} GROUP BY item_code HAVING sum(good_quantity) > 10000 ORDER BY rate DESC, item_code LIMIT 10`),
    },
    {
      id: 'Q13', asks: 'number of distinct items in a year', table,
      lotwise: { aggregate: { dataset: table, range: YEAR, measures: { items: { countDistinct: 'item_code' } } } },
      sql: `SELECT count(DISTINCT item_code) AS items FROM ${table} WHERE ${SQL_YEAR}`,
    },
    {
      id: 'Q14', asks: 'good by line, first half against second half of a year', table,
      lotwise: {
        aggregate: {
          dataset: table, range: YEAR, groupBy: ['line'],
          measures: {
            first: { sum: 'good_quantity', where: { production_date: { lte: HALVES.firstEnds } } },
            second: { sum: 'good_quantity', where: { production_date: { gte: HALVES.secondBegins } } },
          },
        },
      },
      sql: `SELECT line, CAST(sum(good_quantity) FILTER (WHERE production_date <= '${HALVES.firstEnds}') AS BIGINT) AS first, `
        + `CAST(sum(good_quantity) FILTER (WHERE production_date >= '${HALVES.secondBegins}') AS BIGINT) AS second `
        + `FROM ${table} WHERE ${SQL_YEAR} GROUP BY line ORDER BY line`,
    },
    {
      id: 'Q15', asks: '7-day moving average of daily good, one year', table,
      lotwise: { aggregate: { dataset: table, range: YEAR, groupBy: [{ time: 'day' }], measures: GOOD }, average: 7 },
      sql: { sqlite: movingAverage('production_date AS day', 'sum(good_quantity)'), duckdb: movingAverage('production_date::VARCHAR AS day', 'sum(good_quantity)::BIGINT') },
      note: 'an aggregate by day whose moving average the page takes; a window function in the peers',
    },
    {
      id: 'Q16', asks: 'sum of good and of defects, everything', table,
      lotwise: { aggregate: { dataset: table, measures: QUANTITIES } },
      sql: each((d) => `SELECT ${SQL_QUANTITIES[d]} FROM ${table}`),
    },
  ];
}

function eventQueries(): BenchQuery[] {
  const table = 'events';
  return [
    {
      id: 'E01', asks: 'count, avg, min, max of value by component, everything', table,
      lotwise: { aggregate: { dataset: table, groupBy: ['component_name'], measures: { events: 'count', ...VALUES } } },
      sql: `SELECT component_name, count(*) AS events, ${SQL_VALUES} FROM ${table} GROUP BY component_name ORDER BY component_name`,
    },
    {
      id: 'E02', asks: 'one component, 5 minutes, raw values in order', table,
      lotwise: {
        records: {
          dataset: table, range: FIVE_MINUTES, where: { component_name: COMPONENT },
          columns: ['timestamp', 'value'], orderBy: [{ by: 'timestamp' }], limit: 1_000,
        },
      },
      sql: `SELECT timestamp, value FROM ${table} WHERE component_name = '${COMPONENT}' `
        + `AND timestamp BETWEEN ${FIVE_MINUTES.from} AND ${FIVE_MINUTES.to} ORDER BY timestamp LIMIT 1000`,
    },
    {
      id: 'E03', asks: 'one component, by minute: avg, min, max', table, bucket: 'instant',
      lotwise: { aggregate: { dataset: table, where: { component_name: COMPONENT }, groupBy: [{ time: 'minute' }], measures: VALUES } },
      sql: each((d) => `SELECT ${bucket(60_000, d)} AS start, ${SQL_VALUES} FROM ${table} WHERE component_name = '${COMPONENT}' GROUP BY start ORDER BY start`),
    },
    {
      id: 'E04', asks: 'one change group', table,
      lotwise: { records: { dataset: table, where: { change_group_id: CHANGE_GROUP }, orderBy: [{ by: 'timestamp' }] } },
      sql: `SELECT * FROM ${table} WHERE change_group_id = ${CHANGE_GROUP} ORDER BY timestamp`,
    },
    {
      id: 'E05', asks: 'alarms by hour, everything', table, bucket: 'instant',
      lotwise: { aggregate: { dataset: table, where: { flag: 1 }, groupBy: [{ time: 'hour' }], measures: { alarms: 'count' } } },
      sql: each((d) => `SELECT ${bucket(3_600_000, d)} AS start, count(*) AS alarms FROM ${table} WHERE flag = 1 GROUP BY start ORDER BY start`),
    },
  ];
}

type Dialect = 'sqlite' | 'duckdb';

function both(sqlite: string, duckdb: string): Record<Dialect, string> {
  return { sqlite, duckdb };
}

function each(text: (dialect: Dialect) => string): Record<Dialect, string> {
  return both(text('sqlite'), text('duckdb'));
}

/** Start of the bucket that holds `timestamp`; whole-number division is written differently. */
function bucket(lengthMs: number, dialect: Dialect): string {
  return `timestamp ${dialect === 'sqlite' ? '/' : '//'} ${lengthMs} * ${lengthMs}`;
}

function movingAverage(day: string, good: string): string {
  return `SELECT ${day}, avg(good) OVER (ORDER BY production_date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS mean FROM `
    + `(SELECT production_date, ${good} AS good FROM ${RECORDS} WHERE ${SQL_YEAR} GROUP BY production_date) ORDER BY production_date`;
}

/** Date and id of the last of the `skip` newest rows. Ids rise with the dates, from 1 to `rows`. */
function lastSkipped(rows: number, skip: number): { id: number; day: string } {
  const id = rows - skip + 1;
  return { id, day: dayText(Math.floor(((id - 1) * DAYS) / rows)) };
}
