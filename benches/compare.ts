/** Compares answers value by value: exact for integers and text, 1e-12 relative for reals. */

const RELATIVE_TOLERANCE = 1e-12;

/** The first difference between two answers in words, or undefined where there is none. */
export function difference(expected: unknown[][], actual: unknown[][]): string | undefined {
  if (expected.length !== actual.length) return `${expected.length} rows against ${actual.length}`;
  for (const [r, row] of expected.entries()) {
    const other = actual[r] ?? [];
    if (row.length !== other.length) return `row ${r}: ${row.length} columns against ${other.length}`;
    for (const [c, value] of row.entries()) {
      if (!equal(value, other[c])) return `row ${r}, column ${c}: ${JSON.stringify(value)} against ${JSON.stringify(other[c])}`;
    }
  }
  return undefined;
}

function equal(a: unknown, b: unknown): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  if (Number.isInteger(a) && Number.isInteger(b)) return a === b;
  return Math.abs(a - b) <= RELATIVE_TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
}
