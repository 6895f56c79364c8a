/** Questions as data: what to group and sum, which rows to show. */
import type { Value } from './value.ts';

/** What to group, count and sum. */
export interface AggregateQuery {
  /** Name of the dataset. */
  dataset: string;
  /** Stretch of time, on the dataset's `time` column. */
  range?: TimeRange;
  /** Rows that count. */
  where?: Where;
  /** Columns and at most one bucket of time. */
  groupBy?: (string | { time: TimeBucket })[];
  /** Result column name → what it holds. */
  measures: Record<string, Measure>;
  /** Groups that stay, by their measures. */
  having?: Record<string, Condition>;
  /** Default: by the groupBy columns, ascending. Ties are broken by them too, so that answers are stable. */
  orderBy?: OrderBy[];
  /** Most groups that come back. */
  limit?: number;
  /** Adds the buckets of the range in which nothing happened (count 0, sums null). Only with a single time bucket. */
  fill?: boolean;
}

/**
 * Both ends inclusive at the precision they are written in: { from: '2025-01', to: '2025-03' } is the first
 * quarter, whole days included. Any bucket text is an end ('2025', '2025-Q2', '2025-W24', '2025-06-10T14:00'),
 * in plant time where it names no offset, then with both of what its clocks show twice; a number is epoch ms, exact.
 * Either end may be left out.
 */
export interface TimeRange {
  /** First moment that counts. */
  from?: string | number;
  /** Last moment that counts. */
  to?: string | number;
}

/**
 * Result columns come in this order: groupBy as given, then measures as given. A time bucket's column is
 * named after the bucket and holds text that sorts in time: '2025', '2025-Q2', '2025-06', '2025-W24' (ISO
 * 8601), '2025-06-10', '2025-06-10T14:00+09:00' (hour and minute: what the plant's clocks show as the bucket
 * begins, so that the offset tells apart what they show twice; they come in the order of their instants). Days
 * are production days, see {@link Dataset.timeZone} and {@link Dataset.dayStartsAt}. Without groupBy there is
 * exactly one row, also when nothing matched (count 0, sums null). Two result columns of the same name are
 * QUERY_INVALID.
 */
export type TimeBucket = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year';

/** 'count' counts rows; the other forms may restrict themselves to rows that also match `where`. */
export type Measure = 'count' | ({ where?: Where } & MeasureOf);

/** What a measure computes. Integer sums past 64 bits are LIMIT_EXCEEDED. */
export type MeasureOf =
  | { count: true }
  | { sum: string }
  | { min: string }
  | { max: string }
  | { avg: string }
  | { countDistinct: string }
  /**
   * Sum of the first over sum of the second, nulls as 0; null where the second is 0.
   * Yield: [['good_quantity'], ['good_quantity', 'defect_quantity']]
   */
  | { ratio: [string[], string[]] };

/** Column → condition. Entries are ANDed; `any` is an OR of alternatives. */
export type Where = { [column: string]: Condition | Where[] | undefined; any?: Where[] };

/**
 * A value: equal. null: IS NULL. A list: any of them, null included where it stands there; [] matches nothing.
 * `not` keeps null rows unless null is listed. A column given as undefined is QUERY_INVALID. prefix follows the
 * column's collation. Several operators in one object are ANDed.
 */
export type Condition =
  | Value
  | Value[]
  | { not?: Value | Value[]; gt?: Value; gte?: Value; lt?: Value; lte?: Value; prefix?: string; isNull?: boolean };

/** A column (or a result column of aggregate()) to sort by, ascending unless `desc`. Nulls come first, with `desc` last. */
export interface OrderBy {
  /** Name of the column. */
  by: string;
  /** Largest first. */
  desc?: boolean;
}

/** Which rows of a dataset, in which order. */
export interface RecordsQuery {
  /** Name of the dataset. */
  dataset: string;
  /** Stretch of time, on the dataset's `time` column. */
  range?: TimeRange;
  /** Rows that count. */
  where?: Where;
  /** Default: newest first (time, then primary key, both descending). The primary key breaks ties. */
  orderBy?: OrderBy[];
  /** Columns that come back. Default: all. */
  columns?: string[];
  /** Rows a page. Default 100. */
  limit?: number;
  /** `next` of the page before. */
  after?: string;
}
