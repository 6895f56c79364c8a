/**
 * CSV as RFC 4180 has it, safe to open in a spreadsheet: text that would run as a formula gets a leading
 * apostrophe (OWASP, "CSV Injection"). Numbers are written as they are, negative ones too.
 */
import type { Value } from 'lotwise';

const FORMULA_START = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;

export function csvField(value: Value): string {
  if (value === null) return '';
  if (typeof value !== 'string') {
    return value instanceof Uint8Array ? Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('') : String(value);
  }
  const text = FORMULA_START.test(value) ? `'${value}` : value;
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One line with its line end. */
export function csvLine(values: Iterable<Value>): string {
  return `${Array.from(values, csvField).join(',')}\r\n`;
}
