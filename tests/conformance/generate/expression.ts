/** Random SQL expressions that SQLite accepts, over literals or over columns. */
import type { Random } from './random.ts';

/** Numbers whose sums and products are exact in any order, and those at the edges of 64 bits. */
const NUMBERS = ['0', '1', '-1', '2', '3', '7', '-12', '100', '0.5', '-0.25', '2.0', '1e3', '-1.5e-3'];
const EDGES = ['9223372036854775807', '-9223372036854775808', '9007199254740993', '2147483648', '1e18', '1.7976931348623157e308', '4.9e-324', '0x7fffffffffffffff', '0xff'];
const TEXTS = ["''", "'a'", "'A'", "'abc'", "'aBc'", "'10'", "'-3.5xyz'", "' 7'", "'1e2'", "'%'", "'a_c'", "'é日本'", "'𝄞'", "'it''s'", "'null'"];
const BLOBS = ["x''", "x'00'", "x'616263'", "x'ff00'", "x'31'"];

/** What the leaves of an expression are. */
export type Leaf = (random: Random) => string;

/** Literals of every class. */
export function literal(random: Random): string {
  return random.pick([NUMBERS, NUMBERS, NUMBERS, TEXTS, TEXTS, EDGES, BLOBS, ['NULL']][random.below(8)]!);
}

/** Numbers that stay exact. */
export function number(random: Random): string {
  return random.oneIn(8) ? 'NULL' : random.pick(NUMBERS);
}

const BINARY = ['+', '-', '*', '/', '%', '||', '=', '==', '!=', '<>', '<', '<=', '>', '>=', 'IS', 'IS NOT', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM', 'AND', 'OR', '&', '|', '<<', '>>', '->>'];
const TYPES = ['INTEGER', 'REAL', 'TEXT', 'BLOB', 'NUMERIC', 'VARCHAR(3)', 'DECIMAL(5,2)'];
const COLLATIONS = ['BINARY', 'NOCASE', 'RTRIM'];
const UNARY = ['abs', 'hex', 'length', 'lower', 'ltrim', 'octet_length', 'quote', 'rtrim', 'sign', 'trim', 'typeof', 'unicode', 'upper', 'ceil', 'floor', 'trunc', 'likely', 'unlikely', 'unhex', 'json_quote', 'round'];
const BINARY_FUNCTIONS = ['coalesce', 'ifnull', 'instr', 'max', 'min', 'nullif', 'trim', 'ltrim', 'rtrim', 'concat', 'mod'];

/** An expression of at most that depth. */
export function expression(random: Random, leaf: Leaf, depth: number): string {
  if (depth <= 0 || random.oneIn(5)) return leaf(random);
  const inner = (): string => expression(random, leaf, depth - 1);
  switch (random.below(14)) {
    case 0: case 1: case 2: {
      const operator = random.pick(BINARY);
      // A JSON path that is none would be an error.
      return operator === '->>' ? `(json_array(${inner()}, 2) ->> ${random.below(3)})` : `(${inner()} ${operator} ${inner()})`;
    }
    // Two signs in a row would begin a comment.
    case 3: return `(${random.pick(['- ', '+ ', '~', 'NOT '])}${inner()})`;
    case 4: return `(${inner()} ${random.pick(['', 'NOT '])}BETWEEN ${inner()} AND ${inner()})`;
    case 5: return `(${inner()} ${random.pick(['', 'NOT '])}IN (${random.list(0, 4, inner).join(', ')}))`;
    // Whether LIKE looks into bytes is a compile-time option.
    case 6: return `(CAST(${inner()} AS TEXT) ${random.pick(['LIKE', 'NOT LIKE', 'GLOB'])} CAST(${inner()} AS TEXT))`;
    case 7: return `CASE ${random.oneIn(2) ? inner() : ''} ${random.list(1, 3, () => `WHEN ${inner()} THEN ${inner()}`).join(' ')} ${random.oneIn(2) ? `ELSE ${inner()}` : ''} END`;
    case 8: return `CAST(${inner()} AS ${random.pick(TYPES)})`;
    case 9: return `(${inner()} COLLATE ${random.pick(COLLATIONS)} ${random.pick(['=', '<', '>=', 'IS'])} ${inner()})`;
    case 10: return `${random.pick(UNARY)}(${inner()})`;
    case 11: return `${random.pick(BINARY_FUNCTIONS)}(${inner()}, ${inner()})`;
    case 12: return random.pick([`iif(${inner()}, ${inner()}, ${inner()})`, `replace(${inner()}, ${inner()}, ${inner()})`, `substr(${inner()}, ${random.below(5) - 2}, ${random.below(5) - 2})`, `printf('%s|%d|%5.2f', ${inner()}, ${leaf(random)}, ${leaf(random)})`, `concat_ws('-', ${inner()}, ${inner()})`, `char(${97 + random.below(26)}, ${0x3b1 + random.below(20)})`]);
    default: return `(${inner()} ${random.pick(['ISNULL', 'NOTNULL', 'IS TRUE', 'IS NOT FALSE'])})`;
  }
}
