/** The generated statements, in groups that each begin with a fresh database. */
import type { Statement } from '../play.ts';
import { aggregate, functions, join, nested, scalar, select, tables, windowed } from './queries.ts';
import { randomOf, type Random } from './random.ts';
import { STATE, returning, schema, write } from './writes.ts';

export interface Group { name: string; statements: Statement[] }

const query = (sql: string): Statement => ({ kind: 'query', sql, ordered: /ORDER BY [^()]+$/.test(sql) });
const statement = (sql: string): Statement => ({ kind: 'statement', sql });

/** So many statements of each kind, the same for the same seed. */
export function generatedGroups(seed: number, count: number): Group[] {
  const over = (name: string, make: (random: Random) => string, setUp: (random: Random) => string[]): Group => {
    const random = randomOf(seed ^ hash(name));
    return { name, statements: [...setUp(random).map(statement), ...random.list(count, count, () => query(make(random)))] };
  };
  const kinds = { select, aggregate, join, nested, windowed };
  return [
    over('scalar expressions', scalar, () => []),
    over('dates and JSON', functions, () => []),
    ...Object.entries(kinds).flatMap(([name, make]) => [
      over(name, make, (random) => tables(random, false)),
      over(`${name}, indexed`, make, (random) => tables(random, true)),
    ]),
    writes(seed, Math.ceil(count / (STATE.length + 1))),
  ];
}

function writes(seed: number, count: number): Group {
  const random = randomOf(seed ^ hash('writes'));
  const step = (): Statement[] => [random.oneIn(6) ? query(returning(random)) : statement(write(random)), ...STATE.map(query)];
  return { name: 'writes', statements: [...schema(random).map(statement), ...random.list(count, count, step).flat()] };
}

function hash(text: string): number {
  return [...text].reduce((sum, character) => Math.imul(sum, 31) + character.charCodeAt(0), 7);
}
