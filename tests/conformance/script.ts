/**
 * Scripts in the format of sqllogictest: statements with what they have to say, as text.
 *
 * A script is a list of records with empty lines between them: `statement ok`, `statement error`, and
 * `query <types> <sort> [label]` followed by the SQL text, `----` and the expected values, one a line.
 */
import { createHash } from 'node:crypto';
import type { Outcome, Statement } from './play.ts';

/** One record of a script that concerns SQLite. */
export interface ScriptRecord extends Statement {
  line: number;
  /** Whether the statement has to fail. */
  fails: boolean;
  /** I, R or T for each column: how its values are written. */
  types: string;
  sort: 'nosort' | 'rowsort' | 'valuesort';
  /** Queries of the same label have the same answer. */
  label: string | undefined;
  expected: readonly string[];
}

const ENGINE = 'sqlite';

/** The records of a script for SQLite, up to a `halt` for it. */
export function parseScript(text: string): ScriptRecord[] {
  const lines = text.split(/\r?\n/);
  const records: ScriptRecord[] = [];
  let at = 0;
  let skipped = false;
  while (at < lines.length) {
    const line = at + 1;
    const [word = '', first = '', second = '', third] = lines[at++]!.replace(/#.*$/, '').trim().split(/\s+/);
    if (word === '' || word === 'hash-threshold') continue;
    if (word === 'skipif' || word === 'onlyif') {
      skipped ||= (first === ENGINE) === (word === 'skipif');
      continue;
    }
    if (word === 'halt') {
      if (!skipped) return records;
      skipped = false;
      continue;
    }
    if (word !== 'statement' && word !== 'query') throw new Error(`line ${line}: there is no record '${word}'`);
    const body: string[] = [];
    while (at < lines.length && lines[at]!.trim() !== '') body.push(lines[at++]!);
    const rule = body.indexOf('----');
    const sql = (rule < 0 ? body : body.slice(0, rule)).join('\n');
    const expected = rule < 0 ? [] : body.slice(rule + 1);
    if (!skipped) {
      const fails = word === 'statement' && first === 'error';
      const sort = second === 'rowsort' || second === 'valuesort' ? second : 'nosort';
      records.push({ line, kind: word, sql, fails, types: word === 'query' ? first : '', sort, label: third, expected });
    }
    skipped = false;
  }
  return records;
}

/** The script with the answers that `run` gives, and the types of the columns. */
export function recorded(text: string, run: (statements: readonly Statement[]) => Outcome[]): string {
  const records = parseScript(text);
  const outcomes = run(records);
  const lines = text.split('\n');
  for (const [i, record] of [...records.entries()].toReversed()) {
    const outcome = outcomes[i]!;
    const end = lines.indexOf('', record.line);
    const body = record.sql.split('\n');
    if (record.kind === 'statement') {
      lines[record.line - 1] = `statement ${'error' in outcome ? 'error' : 'ok'}`;
    } else if ('error' in outcome) {
      lines.splice(record.line - 1, end - record.line + 1, 'statement error', ...body);
    } else {
      const integers = (column: number): boolean => outcome.rows.every((row) => /^[i-]/.test(row[column]!));
      const types = (outcome.rows[0] ?? ['']).map((_, column) => (integers(column) ? 'I' : 'T')).join('');
      lines.splice(record.line - 1, end - record.line + 1, `query ${types} ${record.sort}`, ...body, '----', ...written({ types, sort: record.sort }, outcome.rows));
    }
  }
  return lines.join('\n');
}

/** What is wrong with the outcome of a record, or undefined. */
export function judge(record: ScriptRecord, outcome: Outcome): string | undefined {
  if ('error' in outcome) return record.fails ? undefined : `${outcome.error}: ${outcome.message}`;
  if (record.fails) return 'succeeded, and had to fail';
  if (record.kind === 'statement') return undefined;
  const got = written(record, outcome.rows);
  const expected = record.expected;
  const hashed = /^(?<count>\d+) values hashing to (?<hash>[0-9a-f]{32})$/.exec(expected[0] ?? '')?.groups;
  if (hashed !== undefined) {
    const same = got.length === Number(hashed['count']) && hashOf(got) === hashed['hash'];
    return same ? undefined : `${got.length} values hashing to ${hashOf(got)}, expected ${expected[0]}`;
  }
  if (got.length === expected.length && got.every((value, i) => value === expected[i])) return undefined;
  return `got ${JSON.stringify(got.slice(0, 20))}, expected ${JSON.stringify(expected.slice(0, 20))}`;
}

/** The values of an answer as a script writes them, in its order. */
function written({ types, sort }: Pick<ScriptRecord, 'types' | 'sort'>, rows: readonly (readonly string[])[]): string[] {
  const texts = rows.map((row) => row.map((cell, i) => cellText(cell, types[i] ?? 'T')));
  if (sort === 'rowsort') texts.sort((a, b) => compareBytes(a.join('\0'), b.join('\0')));
  const values = texts.flat();
  return sort === 'valuesort' ? values.sort(compareBytes) : values;
}

function compareBytes(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function hashOf(values: readonly string[]): string {
  const hash = createHash('md5');
  for (const value of values) hash.update(`${value}\n`);
  return hash.digest('hex');
}

/** A cell as sqllogictest prints it: %d, %.3f, or text in which only plain ASCII is shown. */
function cellText(cell: string, type: string): string {
  const value = cell.slice(1);
  switch (cell[0]) {
    case '-': return 'NULL';
    case 't': case 'b':
      if (type === 'T') return plainText(cell[0] === 'b' ? Buffer.from(value, 'hex') : Buffer.from(value));
      return numberText(Number.parseFloat(value) || 0, type);
    case 'r': return type === 'T' ? realText(Number(value)) : numberText(Number(value), type);
    default: return type === 'R' ? numberText(Number(value), type) : value;
  }
}

/** SQLite's own %.3f: no more than 16 digits, zeros behind them. */
function numberText(value: number, type: string): string {
  if (type !== 'R') return String(Math.trunc(value));
  if (Math.abs(value) < 1e13) return value.toFixed(3);
  return Number.isFinite(value) ? `${BigInt(value.toPrecision(16).replace(/^(-?)(\d)\.?(\d*)e\+(\d+)$/, (_, sign, first, rest, zeros) => `${sign}${first}${rest}${'0'.repeat(Number(zeros) - rest.length)}`).replace(/\..*$/, ''))}.000` : realText(value);
}

function plainText(bytes: Uint8Array): string {
  if (bytes.length === 0) return '(empty)';
  return [...bytes].map((byte) => (byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : '@')).join('');
}

/** A real as SQLite writes it: 15 digits, and always as a real. */
function realText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'Inf' : '-Inf';
  const text = String(Number(value.toPrecision(15)));
  return /[.e]/.test(text) ? text : `${text}.0`;
}
