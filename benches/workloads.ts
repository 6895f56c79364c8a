/**
 * The workloads of the benchmarks, of the tests and of the dashboard's demo data: production records and
 * machine change events, made from a seed.
 *
 * Same seed, same rows, in every engine: the generator is integer arithmetic (sfc32), and all else is
 * addition, multiplication and division of doubles, which IEEE 754 fixes to the last bit. Math.sin and
 * Math.log are left out for that reason. Rows depend on the seed and the number of rows, never on the size
 * of the batches.
 *
 * Knows nothing of lotwise or of any database.
 */

export const SEED_DEFAULT = 20230101;
const BATCH_ROWS_DEFAULT = 50_000;

const FIRST_DAY = '2023-01-01';
export const DAYS = 1_096;
export const ITEMS = 500;
export const LINES = 12;
const SHIFTS = 3;
const DEFECT_CODES = 20;

export const EVENTS_START_MS = Date.UTC(2026, 0, 5);
export const EVENT_INTERVAL_MS = 30;
const EVENTS_PER_GROUP = 5;
export const COMPONENTS = 40;

const DAY_MS = 86_400_000;
const DEFECT_SHARE = 1 / 3;
const DEFECTS_MAX = 39;
const ALARM_SHARE = 0.02;
/** Length of one swing of an events value. */
const WAVE_MS = 30 * 60_000;

/** A batch of production records, column by column. Ids count from 1. */
export type ProductionRecords = {
  id: Int32Array<ArrayBuffer>;
  /** 'YYYY-MM-DD', ascending over the whole workload. */
  production_date: string[];
  /** 'ITEM-0000' … 'ITEM-0499', probability ∝ 1/rank. */
  item_code: string[];
  /** 'LYYYYMMDD-<line>-<number of the record in its day>': one record per lot. */
  lot_number: string[];
  line: string[];
  shift: Int32Array<ArrayBuffer>;
  good_quantity: Int32Array<ArrayBuffer>;
  defect_quantity: Int32Array<ArrayBuffer>;
  /** '' where there are no defects. */
  defect_code: string[];
};

/** A batch of machine change events, column by column. Ids and change groups count from 1. */
export type Events = {
  id: Int32Array<ArrayBuffer>;
  change_group_id: Int32Array<ArrayBuffer>;
  component_name: string[];
  /** Whole epoch milliseconds. */
  timestamp: Float64Array<ArrayBuffer>;
  /** Three decimals. */
  value: Float64Array<ArrayBuffer>;
  /** 1 is an alarm. */
  flag: Int32Array<ArrayBuffer>;
};

/** Yields `rows` production records in batches that `db.append('production_records', batch)` takes. */
export function* productionRecords(
  rows: number,
  seed: number = SEED_DEFAULT,
  batchRows: number = BATCH_ROWS_DEFAULT,
): Generator<ProductionRecords, void, undefined> {
  checkSize(rows, batchRows);
  const random = sfc32(seed);
  const itemCodes = names('ITEM-', ITEMS, 4);
  const lines = names('LINE-', LINES, 2);
  const defectCodes = names('D', DEFECT_CODES, 2);
  const cumulative = zipfCumulative(ITEMS);

  let dayIndex = -1;
  let day = '';
  let lotPrefix = '';
  let numberInDay = 0;
  for (let start = 0; start < rows; start += batchRows) {
    const length = Math.min(batchRows, rows - start);
    const batch: ProductionRecords = {
      id: new Int32Array(length),
      production_date: new Array<string>(length),
      item_code: new Array<string>(length),
      lot_number: new Array<string>(length),
      line: new Array<string>(length),
      shift: new Int32Array(length),
      good_quantity: new Int32Array(length),
      defect_quantity: new Int32Array(length),
      defect_code: new Array<string>(length),
    };
    for (let i = 0; i < length; i++) {
      const row = start + i;
      const rowDay = Math.floor((row * DAYS) / rows);
      if (rowDay !== dayIndex) {
        dayIndex = rowDay;
        day = dayText(rowDay);
        lotPrefix = `L${day.replaceAll('-', '')}-`;
        numberInDay = 0;
      }
      numberInDay++;
      const line = Math.floor(random() * LINES);
      const defects = random() < DEFECT_SHARE ? skewedLow(random(), DEFECTS_MAX) + 1 : 0;

      batch.id[i] = row + 1;
      batch.production_date[i] = day;
      batch.item_code[i] = pick(itemCodes, firstAbove(cumulative, random()));
      batch.lot_number[i] = `${lotPrefix}${pick(lines, line).slice(5)}-${String(numberInDay).padStart(4, '0')}`;
      batch.line[i] = pick(lines, line);
      batch.shift[i] = 1 + Math.floor(random() * SHIFTS);
      batch.good_quantity[i] = 100 + Math.floor(random() * 900);
      batch.defect_quantity[i] = defects;
      batch.defect_code[i] = defects > 0 ? pick(defectCodes, skewedLow(random(), DEFECT_CODES)) : '';
    }
    yield batch;
  }
}

/** Yields `rows` change events in batches that `db.append('events', batch)` takes. */
export function* events(
  rows: number,
  seed: number = SEED_DEFAULT,
  batchRows: number = BATCH_ROWS_DEFAULT,
): Generator<Events, void, undefined> {
  checkSize(rows, batchRows);
  const random = sfc32(seed);
  const components = names('CMP-', COMPONENTS, 3);
  for (let start = 0; start < rows; start += batchRows) {
    const length = Math.min(batchRows, rows - start);
    const batch: Events = {
      id: new Int32Array(length),
      change_group_id: new Int32Array(length),
      component_name: new Array<string>(length),
      timestamp: new Float64Array(length),
      value: new Float64Array(length),
      flag: new Int32Array(length),
    };
    for (let i = 0; i < length; i++) {
      const row = start + i;
      const component = Math.floor(random() * COMPONENTS);
      const elapsedMs = row * EVENT_INTERVAL_MS;
      // The mean of three draws is near enough to normal noise, without a logarithm.
      const noise = (random() + random() + random()) / 1.5 - 1;
      const value = 20 + component + 10 * wave(elapsedMs / WAVE_MS + component / COMPONENTS) + noise;

      batch.id[i] = row + 1;
      batch.change_group_id[i] = Math.floor(row / EVENTS_PER_GROUP) + 1;
      batch.component_name[i] = pick(components, component);
      batch.timestamp[i] = EVENTS_START_MS + elapsedMs;
      batch.value[i] = Math.round(value * 1_000) / 1_000;
      batch.flag[i] = random() < ALARM_SHARE ? 1 : 0;
    }
    yield batch;
  }
}

/** Yields production records as CSV text, the header in the first chunk. */
export function* productionRecordsCsv(
  rows: number,
  seed: number = SEED_DEFAULT,
  batchRows: number = BATCH_ROWS_DEFAULT,
): Generator<string, void, undefined> {
  yield* csv(PRODUCTION_COLUMNS, productionRecords(rows, seed, batchRows));
}

/** Yields change events as CSV text, the header in the first chunk. */
export function* eventsCsv(
  rows: number,
  seed: number = SEED_DEFAULT,
  batchRows: number = BATCH_ROWS_DEFAULT,
): Generator<string, void, undefined> {
  yield* csv(EVENT_COLUMNS, events(rows, seed, batchRows));
}

const PRODUCTION_COLUMNS = [
  'id', 'production_date', 'item_code', 'lot_number', 'line', 'shift', 'good_quantity', 'defect_quantity', 'defect_code',
] as const satisfies (keyof ProductionRecords)[];
const EVENT_COLUMNS = [
  'id', 'change_group_id', 'component_name', 'timestamp', 'value', 'flag',
] as const satisfies (keyof Events)[];

/** No value of the workloads needs quoting. */
function* csv<K extends string>(
  names: readonly K[],
  batches: Iterable<Record<K, ArrayLike<string | number>>>,
): Generator<string, void, undefined> {
  yield `${names.join(',')}\n`;
  for (const batch of batches) {
    const columns = names.map((name) => batch[name]);
    const length = columns[0]?.length ?? 0;
    const lines = new Array<string>(length);
    for (let i = 0; i < length; i++) {
      lines[i] = columns.map((column) => column[i]).join(',');
    }
    yield `${lines.join('\n')}\n`;
  }
}

/** The date that lies `dayIndex` days after FIRST_DAY. */
export function dayText(dayIndex: number): string {
  return new Date(Date.parse(FIRST_DAY) + dayIndex * DAY_MS).toISOString().slice(0, 10);
}

/** sfc32 of PractRand (Chris Doty-Humphrey): doubles in [0, 1) with 32 random bits. */
function sfc32(seed: number): () => number {
  let a = 0x9e3779b9 | 0;
  let b = 0x243f6a88 | 0;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 0x1_0000_0000;
  };
  // The first draws still show the seed.
  for (let i = 0; i < 15; i++) next();
  return next;
}

/** Cumulative probabilities of ranks 1 … n with p ∝ 1/rank. */
function zipfCumulative(n: number): Float64Array {
  const cumulative = new Float64Array(n);
  let sum = 0;
  for (let i = 0; i < n; i++) {
    sum += 1 / (i + 1);
    cumulative[i] = sum;
  }
  return cumulative.map((value) => value / sum);
}

/** First index whose value lies above `x`, by bisection. The last value of `cumulative` is 1 and `x` below 1. */
function firstAbove(cumulative: Float64Array, x: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((cumulative[middle] as number) > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A whole number of 0 … n-1, small ones more often: half of them below n/4. */
function skewedLow(uniform: number, n: number): number {
  return Math.floor(n * uniform * uniform);
}

/** sin(2π·turns) by the parabola of Bhaskara I (error below 0.0017): the same bits everywhere. */
function wave(turns: number): number {
  const phase = turns - Math.floor(turns);
  const half = phase < 0.5 ? phase * 2 : phase * 2 - 1;
  const product = half * (1 - half);
  const sine = (16 * product) / (5 - 4 * product);
  return phase < 0.5 ? sine : -sine;
}

function names(prefix: string, count: number, digits: number): string[] {
  return Array.from({ length: count }, (_, i) => prefix + String(i).padStart(digits, '0'));
}

function pick(values: readonly string[], index: number): string {
  return values[index] as string;
}

function checkSize(rows: number, batchRows: number): void {
  if (!Number.isSafeInteger(rows) || rows < 0) throw new RangeError(`rows must be a whole number from 0, not ${rows}`);
  if (!Number.isSafeInteger(batchRows) || batchRows < 1) throw new RangeError(`batchRows must be a whole number from 1, not ${batchRows}`);
}
