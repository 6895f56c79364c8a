/** Calendar days as 'YYYY-MM-DD' text, in UTC throughout. Knows nothing of the clock: today is never asked for. */

const DAY_MS = 86_400_000;

/** True for a day that exists: '2024-02-29' but not '2023-02-29'. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const ms = Date.parse(text);
  return Number.isFinite(ms) && new Date(ms).toISOString().slice(0, 10) === text;
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
}

/** Number of days from `from` to `to`, both counted. */
export function daysIn(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS) + 1;
}

/** First and last day of an ISO 8601 week such as '2025-W07' (Monday to Sunday). */
export function weekDays(week: string): { from: string; to: string } | undefined {
  const match = /^(\d{4})-W(\d{2})$/.exec(week);
  if (!match) return undefined;
  // 4 January always lies in week 1.
  const fourth = `${match[1]}-01-04`;
  const weekday = (new Date(Date.parse(fourth)).getUTCDay() + 6) % 7;
  const from = addDays(fourth, 7 * (Number(match[2]) - 1) - weekday);
  return { from, to: addDays(from, 6) };
}

/** Last day of the month 'YYYY-MM'. */
export function monthEnd(month: string): string {
  const [year, number] = month.split('-').map(Number) as [number, number];
  return new Date(Date.UTC(year, number, 0)).toISOString().slice(0, 10);
}
