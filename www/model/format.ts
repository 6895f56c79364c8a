/** Numbers and dates as people read them, in the language of the browser. What is unknown is UNKNOWN, never 0. */

export const UNKNOWN = '–';

type Amount = number | bigint | null | undefined;

const count = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
const share = new Intl.NumberFormat(undefined, { style: 'percent', minimumFractionDigits: 2, maximumFractionDigits: 2 });
const shareShort = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 2 });
const shareWhole = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 0 });
const shareTenth = new Intl.NumberFormat(undefined, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
const oneDigit = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' });
const month = new Intl.DateTimeFormat(undefined, { month: 'short', year: 'numeric', timeZone: 'UTC' });

const known = (format: Intl.NumberFormat) => (value: Amount): string =>
  value === null || value === undefined ? UNKNOWN : format.format(value);

export const formatCount = known(count);
/** For axes: 12K. */
export const formatCompact = known(compact);
/** 0.0123 → 1.23 %. */
export const formatShare = known(share);
/** For axes: as many digits as needed. */
export const formatShareShort = known(shareShort);
/** 0.0123 → 1.2 %. */
export const formatShareTenth = known(shareTenth);
export const formatShareWhole = known(shareWhole);

/** 0.0123 → 12,300 (parts per million). */
export function formatPpm(rate: number | null): string {
  return rate === null ? UNKNOWN : count.format(Math.round(rate * 1e6));
}

export function formatDay(text: string): string {
  return day.format(Date.parse(text));
}

export function formatDayShort(text: string): string {
  return dayOfYear.format(Date.parse(text));
}

/** 'YYYY-MM' or a day of the month. */
export function formatMonth(text: string): string {
  return month.format(Date.parse(`${text.slice(0, 7)}-01`));
}

export function formatRange(from: string, to: string): string {
  return from === to ? formatDay(from) : day.formatRange(Date.parse(from), Date.parse(to));
}

const UNITS = ['B', 'KB', 'MB', 'GB'] as const;

/** Bytes in powers of 1000, as file managers and disks count. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? count.format(value) : oneDigit.format(value)} ${UNITS[unit]}`;
}

export function formatMs(ms: number): string {
  if (ms >= 10_000) return `${oneDigit.format(ms / 1000)} s`;
  return `${ms < 10 ? oneDigit.format(ms) : count.format(Math.round(ms))} ms`;
}

export function plural(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
