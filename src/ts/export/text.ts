/** Values as text, the same in every format that has nothing but text for them. */
import type { Value } from '../types.ts';

/**
 * Integers and reals in decimal, to the last bit; infinities as `Infinity` and `-Infinity`; bytes in
 * hexadecimal behind `\x`, as PostgreSQL writes them: a spreadsheet can take that neither for a number nor
 * for a formula.
 */
export function plainText(value: Exclude<Value, null>): string {
  return value instanceof Uint8Array ? `\\x${hex(value)}` : String(value);
}

function hex(bytes: Uint8Array): string {
  let digits = '';
  for (const byte of bytes) digits += byte.toString(16).padStart(2, '0');
  return digits;
}
