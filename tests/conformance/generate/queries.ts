/** Random SELECTs over two tables, whose answers do not depend on the plan. */
import { expression, literal, number, type Leaf } from './expression.ts';
import type { Random } from './random.ts';

/** Columns of the tables `t` and `u`: whole numbers, exact reals, text, bytes and anything. */
const COLUMNS = ['a', 'b', 'c', 'd', 'e'];
const INDEXES = ['(a)', '(c COLLATE NOCASE, a)', '(b DESC, c)', '(e)', '(a, b, c) WHERE a > 0', '(abs(a))', '(d, e)'];

/** Makes and fills the tables; `u` is smaller. */
export function tables(random: Random, indexed: boolean): string[] {
  const texts = ["'a'", "'A'", "'b'", "'ab'", "''", "'é'", "'10'"];
  const row = (): string => {
    const orNull = (text: string): string => (random.oneIn(6) ? 'NULL' : text);
    return `(${orNull(String(random.below(9) - 3))}, ${orNull(String((random.below(17) - 8) / 4))}, ${orNull(random.pick(texts))}, ${orNull(random.pick(["x''", "x'61'", "x'ff'"]))}, ${literal(random)})`;
  };
  return ['t', 'u'].flatMap((table, i) => [
    `CREATE TABLE ${table} (id INTEGER PRIMARY KEY, a INTEGER, b REAL, c TEXT${i === 1 ? ' COLLATE NOCASE' : ''}, d BLOB, e)`,
    `INSERT INTO ${table} (a, b, c, d, e) VALUES ${random.list(i === 0 ? 30 : 8, i === 0 ? 40 : 12, row).join(', ')}`,
    ...(indexed ? random.some(INDEXES).map((columns, at) => `CREATE INDEX ${table}${at} ON ${table} ${columns}`) : []),
    ...(indexed && random.oneIn(2) ? ['ANALYZE'] : []),
  ]);
}

const columnOf = (table: string): Leaf => (random) => (random.oneIn(3) ? literal(random) : `${table}.${random.pick(COLUMNS)}`);
/** Sums of anything larger would depend on the order of the rows. */
const exact = (random: Random, table: string): string => random.pick([`${table}.a`, `${table}.b`, `${table}.a * 2`, `${table}.b - ${table}.a`]);

function where(random: Random, table: string): string {
  return random.oneIn(3) ? '' : ` WHERE ${random.list(1, 3, () => predicate(random, table)).join(random.oneIn(4) ? ' OR ' : ' AND ')}`;
}

function predicate(random: Random, table: string): string {
  const column = `${table}.${random.pick(COLUMNS)}`;
  switch (random.below(7)) {
    case 0: return `${column} ${random.pick(['=', '<', '>=', '<>', 'IS NOT'])} ${literal(random)}`;
    case 1: return `${column} BETWEEN ${number(random)} AND ${number(random)}`;
    case 2: return `${column} IN (${random.list(0, 4, () => literal(random)).join(', ')})`;
    case 3: return `${table}.c ${random.pick(['LIKE', 'NOT LIKE', 'GLOB'])} ${random.pick(["'a%'", "'%b'", "'_'", "'A'", "'a*'"])}`;
    case 4: return `${column} IS ${random.pick(['', 'NOT '])}NULL`;
    default: return expression(random, columnOf(table), 3);
  }
}

/** Rows of one table in a total order, or in none. */
export function select(random: Random): string {
  const columns = random.list(1, 4, () => (random.oneIn(3) ? expression(random, columnOf('t'), 2) : `t.${random.pick(COLUMNS)}`));
  const order = random.list(1, 2, () => `${random.pick(COLUMNS.map((column) => `t.${column}`))}${random.pick(['', ' DESC', ' COLLATE NOCASE', ' NULLS LAST', ' DESC NULLS FIRST'])}`);
  const page = random.oneIn(2) ? ` LIMIT ${random.below(20)}${random.oneIn(2) ? ` OFFSET ${random.below(9)}` : ''}` : '';
  return `SELECT ${columns.join(', ')} FROM t${where(random, 't')}${random.oneIn(3) ? '' : ` ORDER BY ${order.join(', ')}, t.id${page}`}`;
}

/** Aggregates, grouped or not. */
export function aggregate(random: Random): string {
  const call = (): string => {
    const distinct = random.oneIn(4) ? 'DISTINCT ' : '';
    const filter = random.oneIn(4) ? ` FILTER (WHERE ${predicate(random, 't')})` : '';
    const column = `t.${random.pick(COLUMNS)}`;
    // Of equal values of different classes either may be the smallest: not of `e`.
    const plain = `t.${random.pick(COLUMNS.slice(0, 4))}`;
    return `${random.pick([
      'count(*)', `count(${distinct}${column})`, `sum(${distinct}${exact(random, 't')})`, `total(${exact(random, 't')})`, `avg(${distinct}${exact(random, 't')})`,
      `min(${plain})`, `max(${plain})`, 'group_concat(t.c, \'|\' ORDER BY t.c, t.id)', 'string_agg(t.a, \',\' ORDER BY t.a DESC)', 'json_group_array(t.a ORDER BY t.id)',
    ])}${filter}`;
  };
  const keys = random.list(0, 2, () => random.pick(['t.a', 't.b', 't.c', 't.d', 't.a % 3', 'typeof(t.e)', 't.c COLLATE NOCASE']));
  // Which spelling of a key shows would depend on the plan.
  const shown = keys.map((key) => (key.endsWith('NOCASE') ? 'lower(t.c)' : key));
  const having = keys.length > 0 && random.oneIn(3) ? ` HAVING ${random.pick(['count(*) > 2', 'sum(t.a) IS NOT NULL', 'min(t.b) < 1', 'max(t.a) BETWEEN 0 AND 4'])}` : '';
  return `SELECT ${[...shown, ...random.list(1, 4, call)].join(', ')} FROM t${where(random, 't')}${keys.length > 0 ? ` GROUP BY ${keys.join(', ')}` : ''}${having}`;
}

/** Two tables or three. */
export function join(random: Random): string {
  const on = (): string => random.pick(['t.a = u.a', 't.c = u.c', 't.a < u.a AND t.b = u.b', 't.a = u.a AND u.c IS NOT NULL', 't.e IS u.e', 't.id = u.id', expression(random, (r) => (r.oneIn(2) ? columnOf('t')(r) : columnOf('u')(r)), 2)]);
  const columns = random.list(1, 4, () => `${random.pick(['t', 'u'])}.${random.pick(COLUMNS)}`).join(', ');
  const kind = random.pick(['JOIN', 'INNER JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN']);
  return random.pick([
    () => `SELECT ${columns} FROM t ${kind} u ON ${on()}${where(random, 't')}`,
    () => `SELECT t.id, u.id FROM t CROSS JOIN u WHERE ${on()} AND ${predicate(random, 'u')}`,
    () => `SELECT id, t.c, u.c FROM t ${kind} u USING (id)`,
    () => `SELECT count(*) FROM t NATURAL ${random.pick(['JOIN', 'LEFT JOIN'])} (SELECT id, a FROM u) AS v`,
    () => `SELECT t.id, u.id, v.id FROM t ${kind} u ON ${on()} LEFT JOIN u AS v ON v.a = t.a AND v.id > 3 WHERE t.id < 20`,
    () => `SELECT t.id, u.id FROM t, u WHERE t.a = u.a AND ${predicate(random, 't')}`,
  ])();
}

/** Compounds, subqueries and common table expressions. */
export function nested(random: Random): string {
  // Of equal values that are written differently either may stay: none of these are.
  const part = (): string => `SELECT ${random.pick(['a, upper(c)', 'a, b', 'upper(c), a', 'b, quote(e)'])} FROM ${random.pick(['t', 'u'])}`;
  const compound = (): string => random.list(2, 4, part).join(` ${random.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT'])} `);
  return random.pick([
    () => `SELECT * FROM (${compound()})`,
    () => `${compound()} ORDER BY 1, 2 LIMIT ${random.below(20)}`,
    () => `SELECT t.id FROM t WHERE ${random.pick(['', 'NOT '])}EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND ${predicate(random, 'u')})`,
    () => `SELECT t.id, t.a ${random.pick(['', 'NOT '])}IN (SELECT u.a FROM u${where(random, 'u')}) FROM t`,
    () => `SELECT t.id, (SELECT ${random.pick(['max(u.b)', 'count(*)', 'sum(u.a)'])} FROM u WHERE u.a <= t.a) FROM t${where(random, 't')}`,
    () => `SELECT t.id FROM t WHERE (t.a, t.c) IN (SELECT a, c FROM u) OR (t.a, t.b) ${random.pick(['<', '>=', '='])} (1, 0.5)`,
    () => `WITH v AS ${random.pick(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])}(SELECT a, count(*) AS n FROM t GROUP BY a) SELECT v.a, v.n, w.n FROM v LEFT JOIN v AS w ON w.a = v.a + 1`,
    () => `WITH RECURSIVE r(i, x) AS (VALUES (0, ${random.below(9)}) UNION${random.pick([' ALL', ''])} SELECT i + 1, (x * 7 + 3) % ${5 + random.below(9)} FROM r WHERE i < ${random.below(30)}) SELECT i, x FROM r`,
    () => `SELECT DISTINCT ${random.pick(['c', 'a, c', 'typeof(e)', 'd'])} FROM t${where(random, 't')}`,
    () => `VALUES ${random.list(1, 4, () => `(${literal(random)}, ${literal(random)})`).join(', ')}`,
  ])();
}

/** Window functions over total orders. */
export function windowed(random: Random): string {
  const bound = (before: boolean): string => random.pick(before ? ['UNBOUNDED PRECEDING', '2 PRECEDING', '1 PRECEDING', 'CURRENT ROW'] : ['CURRENT ROW', '1 FOLLOWING', '3 FOLLOWING', 'UNBOUNDED FOLLOWING']);
  const frame = (units: string): string => ` ${units} BETWEEN ${bound(true)} AND ${bound(false)}${random.pick(['', '', ' EXCLUDE CURRENT ROW', ' EXCLUDE GROUP', ' EXCLUDE TIES', ' EXCLUDE NO OTHERS'])}`;
  const partition = random.pick(['', 'PARTITION BY c ', 'PARTITION BY a % 2, d ']);
  // A frame of peers holds the same rows in any order of them; one of rows needs a total order.
  const byNumber = `${partition}ORDER BY ${random.pick(['a', 'b', 'a DESC', 'b NULLS LAST'])}`;
  const total = `${partition}ORDER BY ${random.pick(['a, id', 'c, b DESC, id', 'id DESC'])}`;
  const range = (): string => random.pick([byNumber, `${byNumber}${frame('GROUPS')}`, `${byNumber}${frame('RANGE')}`, `${total}${frame('ROWS')}`]);
  const sum = (): string => `${random.pick(['sum(a)', 'count(*)', 'avg(b)', 'min(b)', 'max(a)', 'total(b)', 'sum(a) FILTER (WHERE a > 0)', 'count(c)'])} OVER (${range()})`;
  const rank = (): string => `${random.pick(['rank()', 'dense_rank()', 'percent_rank()', 'cume_dist()'])} OVER (${byNumber})`;
  const place = (): string => `${random.pick(['row_number()', 'ntile(4)', 'lag(a)', 'lag(c, 2, \'none\')', 'lead(b, 1, 0)', 'first_value(c)', 'last_value(a)', 'nth_value(b, 2)', 'group_concat(a, \'.\')'])} OVER ${random.oneIn(2) ? 'w' : `(${total})`}`;
  return `SELECT id, ${random.list(1, 4, () => random.pick([sum, rank, place])()).join(', ')} FROM t${where(random, 't')} WINDOW w AS (${total})`;
}

/** Scalar expressions without a table. */
export function scalar(random: Random): string {
  return `SELECT ${random.list(1, 3, () => expression(random, literal, 4)).join(', ')}`;
}

/** Functions of dates and JSON. */
export function functions(random: Random): string {
  const date = (): string => `'${2019 + random.below(6)}-${String(1 + random.below(12)).padStart(2, '0')}-${String(1 + random.below(31)).padStart(2, '0')}${random.pick(['', ' 23:59:59', 'T00:00:00.5', ' 12:30+09:00'])}'`;
  const modifier = (): string => random.pick(["'+1 month'", "'-1 day'", "'start of month'", "'start of year'", "'weekday 1'", "'+36 hours'", "'-0.5 seconds'", "'subsec'", "'floor'"]);
  const document = random.pick(["'{\"a\":[1,2.5,null,\"x\"],\"b\":{\"c\":true}}'", "'[1,[2,3],{\"k\":\"v\"}]'", "'\"text\"'", "'{a:1,/* JSON5 */b:.5}'"]);
  const path = random.pick(["'$'", "'$.a'", "'$.a[1]'", "'$.b.c'", "'$[#-1]'", "'$[1][0]'", "'$.none'"]);
  return `SELECT ${random.list(1, 3, () => random.pick([
    () => `${random.pick(['date', 'time', 'datetime', 'julianday', 'unixepoch'])}(${[date(), ...random.list(0, 2, modifier)].join(', ')})`,
    () => `strftime('${random.pick(['%Y-%m-%d', '%W %j %w', '%s', '%H:%M:%f', '%G-W%V-%u', '%e|%k|%l|%P'])}', ${date()})`,
    () => `timediff(${date()}, ${date()})`,
    () => `json_extract(${document}, ${path})`,
    () => `json(${document}) ${random.pick(['->', '->>'])} ${path}`,
    () => `json_type(${document}, ${path})`,
    () => `${random.pick(['json_set', 'json_insert', 'json_replace'])}(${document}, ${path}, ${number(random)})`,
    () => `json_patch(${document}, '{"a":null,"z":[1]}')`,
    () => `(SELECT group_concat(fullkey || '=' || coalesce(atom, '?'), ' ') FROM json_tree(${document}))`,
    () => `(SELECT count(*) FROM json_each(${document}))`,
    () => `hex(jsonb(${document}))`,
  ])()).join(', ')}`;
}
