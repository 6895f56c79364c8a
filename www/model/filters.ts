/**
 * What the dashboard is asked to show, and its form in the URL.
 *
 * Whatever stands in a URL gives valid filters: a part that means nothing is left out. Knows nothing of the
 * database; the periods are counted back from the newest record, so that old data shows too.
 */
import { addDays, isDay } from './dates.ts';

export const PERIODS = ['30d', '90d', '1y', 'all'] as const;
export type Period = (typeof PERIODS)[number];
const PERIOD_DEFAULT: Period = '90d';
const PERIOD_DAYS: Record<Exclude<Period, 'all'>, number> = { '30d': 30, '90d': 90, '1y': 365 };

const TEXT_MAX = 100;
const SHIFT_MAX = 1_000_000;

export interface Filters {
  /** 'custom' takes the range from `from` and `to`, of which one may be absent. */
  period: Period | 'custom';
  from?: string;
  to?: string;
  item?: string;
  line?: string;
  shift?: number;
  /** First characters of lot numbers. */
  lot?: string;
}

/** First and last production date of the data. */
export interface Bounds { first: string; last: string }

export const FILTERS_DEFAULT: Filters = { period: PERIOD_DEFAULT };

/** Reads location.search. */
export function parseFilters(search: string): Filters {
  const params = new URLSearchParams(search);
  const filters: Filters = parsePeriod(params);
  for (const key of ['item', 'line', 'lot'] as const) {
    const text = cleanText(params.get(key));
    if (text !== undefined) filters[key] = text;
  }
  const shift = params.get('shift');
  if (shift !== null && /^\d{1,7}$/.test(shift) && Number(shift) <= SHIFT_MAX) filters.shift = Number(shift);
  return filters;
}

function parsePeriod(params: URLSearchParams): Filters {
  const from = validDay(params.get('from'));
  const to = validDay(params.get('to'));
  if (from !== undefined || to !== undefined) return customPeriod(from, to);
  const period = params.get('period');
  return { period: PERIODS.find((known) => known === period) ?? PERIOD_DEFAULT };
}

/** A range has two ends: given the wrong way round they are exchanged. */
export function customPeriod(from: string | undefined, to: string | undefined): Filters {
  if (from !== undefined && to !== undefined && from > to) return { period: 'custom', from: to, to: from };
  return { period: 'custom', ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

function validDay(text: string | null): string | undefined {
  return text !== null && isDay(text) ? text : undefined;
}

/** Text without control characters and outer space, or undefined where nothing is left. */
export function cleanText(text: string | null): string | undefined {
  if (text === null) return undefined;
  const clean = text.replace(/[\u0000-\u001f\u007f]/g, '').trim().slice(0, TEXT_MAX);
  return clean === '' ? undefined : clean;
}

/** The search part of a URL that parseFilters() reads back: '' for the default. */
export function formatFilters(filters: Filters): string {
  const params = new URLSearchParams();
  if (filters.period === 'custom') {
    if (filters.from !== undefined) params.set('from', filters.from);
    if (filters.to !== undefined) params.set('to', filters.to);
  } else if (filters.period !== PERIOD_DEFAULT) {
    params.set('period', filters.period);
  }
  for (const key of ['item', 'line', 'shift', 'lot'] as const) {
    const value = filters[key];
    if (value !== undefined) params.set(key, String(value));
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

/** The days shown: always both ends, within the data where the filters leave one open. */
export function shownRange(filters: Filters, bounds: Bounds): { from: string; to: string } {
  switch (filters.period) {
    case 'all': return { from: bounds.first, to: bounds.last };
    case 'custom': {
      const from = filters.from ?? (filters.to !== undefined && filters.to < bounds.first ? filters.to : bounds.first);
      const to = filters.to ?? (from > bounds.last ? from : bounds.last);
      return { from, to };
    }
    default: {
      const start = addDays(bounds.last, 1 - PERIOD_DAYS[filters.period]);
      return { from: start < bounds.first ? bounds.first : start, to: bounds.last };
    }
  }
}

/** The same filters with the period replaced. */
export function withPeriod(filters: Filters, period: Filters): Filters {
  const { from: _from, to: _to, period: _period, ...others } = filters;
  return { ...others, ...period };
}

/** The same filters with one of the others set, or left out where it is undefined. */
export function withFilter<K extends 'item' | 'line' | 'shift' | 'lot'>(filters: Filters, key: K, value: Filters[K]): Filters {
  const changed = { ...filters };
  if (value === undefined) delete changed[key];
  else changed[key] = value;
  return changed;
}

export function sameFilters(a: Filters, b: Filters): boolean {
  return formatFilters(a) === formatFilters(b);
}
