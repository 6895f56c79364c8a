/** Random writes: conflicts, triggers, generated columns; after each one the whole state is read. */
import { literal } from './expression.ts';
import type { Random } from './random.ts';

export function schema(random: Random): string[] {
  return [
    "CREATE TABLE w (id INTEGER PRIMARY KEY, k TEXT UNIQUE, n INTEGER CHECK (n < 100), x, g AS (n * 2) STORED, h AS (typeof(x)))",
    'CREATE TABLE log (at INTEGER PRIMARY KEY, what TEXT, key)',
    `CREATE TABLE s (k TEXT PRIMARY KEY, v ANY, i INT NOT NULL DEFAULT 5) STRICT${random.pick([', WITHOUT ROWID', ''])}`,
    `CREATE TRIGGER w_insert AFTER INSERT ON w BEGIN INSERT INTO log (what, key) VALUES ('insert', new.k); END`,
    `CREATE TRIGGER w_update ${random.pick(['BEFORE', 'AFTER'])} UPDATE OF n ON w WHEN new.n IS NOT old.n BEGIN INSERT INTO log (what, key) VALUES (old.n || '>' || new.n, new.k); END`,
    "CREATE VIEW small AS SELECT id, k, n FROM w WHERE n < 10",
    "CREATE TRIGGER small_insert INSTEAD OF INSERT ON small BEGIN INSERT INTO w (k, n) VALUES (new.k, new.n); END",
    'CREATE INDEX w_n ON w (n) WHERE n > 0',
  ];
}

/** Every one may fail on a constraint, and then must not have changed anything. */
export function write(random: Random): string {
  const key = (): string => random.pick(["'a'", "'b'", "'c'", "'d'", 'NULL']);
  const n = (): string => random.pick(['1', '5', '7', '50', '200', 'NULL', "'12'", "'x'"]);
  const row = (): string => `(${key()}, ${n()}, ${literal(random)})`;
  return random.pick([
    () => `INSERT${random.pick(['', '', ' OR IGNORE', ' OR REPLACE', ' OR ABORT'])} INTO w (k, n, x) VALUES ${random.list(1, 3, row).join(', ')}`,
    () => `INSERT INTO w (k, n, x) VALUES ${row()} ON CONFLICT (k) DO ${random.pick(['NOTHING', 'UPDATE SET n = excluded.n + 1', 'UPDATE SET x = w.n WHERE w.n > 3'])}`,
    () => `REPLACE INTO w (id, k, n) VALUES (${1 + random.below(6)}, ${key()}, ${n()})`,
    () => `UPDATE${random.pick(['', ' OR IGNORE', ' OR REPLACE'])} w SET ${random.pick([`n = ${n()}`, `k = ${key()}`, 'n = n + 1', `(n, x) = (${n()}, ${literal(random)})`, 'id = id + 10'])} WHERE ${random.pick(['n > 3', 'k IS NULL', `id = ${1 + random.below(9)}`, '1'])}`,
    () => 'UPDATE w SET x = log.what FROM log WHERE log.key = w.k AND log.at < 5',
    () => `DELETE FROM w WHERE ${random.pick(['n > 40', 'k IS NULL', `id = ${1 + random.below(9)}`, 'id IN (SELECT at FROM log)', 'h = \'blob\''])}`,
    () => `INSERT INTO small (k, n) VALUES (${key()}, ${n()})`,
    () => `INSERT INTO s (k, v, i) VALUES (${key()}, ${literal(random)}, ${random.pick(['1', "'2'", "'x'", '3.0', '3.5', 'NULL'])}) ON CONFLICT DO UPDATE SET v = excluded.v`,
    () => 'INSERT INTO s (k, v) SELECT k, n FROM w WHERE k IS NOT NULL AND true ON CONFLICT (k) DO UPDATE SET i = i + 1',
  ])();
}

export const STATE = [
  'SELECT * FROM w ORDER BY id', 'SELECT * FROM log ORDER BY at', 'SELECT k, v, typeof(v), i FROM s ORDER BY k', 'SELECT * FROM small ORDER BY id',
  'SELECT count(*) FROM w INDEXED BY w_n WHERE n > 0',
];

/** Writes that answer with rows. */
export function returning(random: Random): string {
  return random.pick([
    () => `INSERT INTO w (k, n) VALUES (NULL, ${random.below(9)}) RETURNING id, g, h, n * 2 AS twice`,
    () => `UPDATE w SET n = n WHERE id < ${random.below(9)} RETURNING id, k, g`,
    () => `DELETE FROM w WHERE id = ${random.below(9)} RETURNING *`,
  ])();
}
