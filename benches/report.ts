/** Turns the results of a run into docs/benchmarks.md: a function of the results and nothing else. */

import type { EngineName } from './page/engine.ts';
import { type BenchResults, ENGINES, type QueryResult, geometricMean } from './results.ts';

const LABELS: Record<EngineName, string> = { lotwise: 'lotwise', sqlite: 'sqlite-wasm', duckdb: 'DuckDB-Wasm' };
const PEERS = ['sqlite', 'duckdb'] as const satisfies EngineName[];
const UNKNOWN = 'unknown';

/** The whole document. */
export function markdown(results: BenchResults): string {
  return [
    '# Benchmarks',
    'Written by `npm run bench`; not edited by hand.',
    head(results),
    '## Queries',
    'Milliseconds from the page\'s call to row objects in the page: first run after opening (cold), then the best and the median '
      + 'of nine, the engines in turn query by query. A ratio is lotwise\'s median over the peer\'s: below 1 lotwise is faster. '
      + 'Every answer of every run was compared value by value, integers and text exactly, reals to 1e-12 relative. '
      + 'By SQL alone: with the route forced, median of three. Plain loop: the plainest loop over typed arrays in the page that answers it, best of nine, nothing sent; '
      + 'beside it lotwise\'s best, from call to row objects.',
    queryTable(results),
    summary(results),
    notes(results),
    '## Import',
    'From a CSV in memory until the rows can be queried and are durable; then with indexes and statistics too. '
      + 'Bytes per record are those on storage with the indexes, nothing left in a log.',
    importTable(results),
    '## Cold start',
    'From the request for the page to the first answer out of the persisted database: in a browser just started, then the median of five further tabs.',
    coldStartTable(results),
    '## Commits',
    'Transactions of new records, one after the other. Full ones are each on storage before the next begins: DuckDB-Wasm needs '
      + 'a checkpoint for that, since its commit writes the log without flushing it. Relaxed ones are without that checkpoint, '
      + "sqlite-wasm's with synchronous NORMAL; lotwise's are on storage within 100 ms, while the other two flush when the log is full.",
    commitTable(results),
    '## Ingest beside questions',
    'New records in a durable transaction 33 times a second, timed from when each was due, while the page asks '
      + `${results.beside[0]?.queries.join(', ') ?? UNKNOWN} one after the other, over and over.`,
    besideTable(results),
    '## Import alone',
    'The production records into a database of their own, in a profile on disk and in a private window. Until the indexes are there, '
      + 'the page asks for one record every 5 ms.',
    aloneTable(results),
    '## Size over the wire',
    'Client, worker and wasm, gzip -9.',
    table(['engine', 'KB'], present(results).map((engine) => [LABELS[engine], kilobytes(results.engines[engine]?.wireBytes)])),
  ].filter(Boolean).join('\n\n') + '\n';
}

function head(results: BenchResults): string {
  return [
    `- ${results.date}, ${results.machine}; ${results.browser}, headless, persistent profile, cross-origin isolated for finer clocks; Node ${results.node}.`,
    `- ${thousands(results.rows)} production records and ${thousands(results.events)} events of \`benches/workloads.ts\`; the queries stand in \`benches/queries.ts\`. No result cache in any engine.`,
    ...present(results).map((engine) => {
      const found = results.engines[engine];
      return `- ${LABELS[engine]} ${found?.packageVersion} (${found?.version}): ${found?.settings}.`;
    }),
  ].join('\n');
}

function queryTable(results: BenchResults): string {
  const engines = present(results);
  const header = ['', 'asks', 'call', 'route', ...engines.flatMap((engine) => [`${LABELS[engine]} cold`, 'best', 'median']), ...peersOf(results).map((peer) => `ratio to ${LABELS[peer]}`), 'lotwise by SQL alone, median', 'plain loop', 'best over plain loop'];
  const rows = results.queries.map((query) => [
    query.id, query.asks + (query.note ? '*' : ''), query.call, query.engines.lotwise?.route ?? '',
    ...engines.flatMap((engine) => {
      const timing = query.engines[engine];
      return [ms(timing?.coldMs), ms(timing?.bestMs), ms(timing?.medianMs)];
    }),
    ...peersOf(results).map((peer) => ratioCell(ratio(query, peer))),
    query.bySql ? ms(query.bySql.medianMs) : '', query.plainMs === undefined ? '' : ms(query.plainMs),
    query.plainMs === undefined ? '' : ((query.engines.lotwise?.bestMs ?? NaN) / query.plainMs).toFixed(1),
  ]);
  return table(header, rows, 4);
}

function summary(results: BenchResults): string {
  return peersOf(results).map((peer) => {
    const ratios = results.queries.map((query) => ({ id: query.id, value: ratio(query, peer) }));
    const lost = ratios.filter(({ value }) => value > 1).toSorted((a, b) => b.value - a.value);
    const losses = lost.length === 0 ? 'none lost' : `lost ${lost.length}: ${lost.map(({ id, value }) => `${id} (${value.toFixed(2)} times as long)`).join(', ')}`;
    return `Against ${LABELS[peer]}: ${ratios.length - lost.length} of ${ratios.length} won, ${losses}. `
      + `Geometric mean of the ratios: **${geometricMean(ratios.map(({ value }) => value)).toFixed(2)}**.`;
  }).join('\n\n');
}

function notes(results: BenchResults): string {
  return results.queries.filter((query) => query.note).map((query) => `\\* ${query.id}: ${query.note}.`).join('\n\n');
}

function importTable(results: BenchResults): string {
  return table(['engine', 'table', 'CSV', 'rows, s', 'with indexes, s', 'bytes per record'], results.imports.flatMap((found) =>
    present(results).map((engine) => {
      const timing = found.engines[engine];
      return [
        LABELS[engine], `${found.table}, ${thousands(found.rows)}`, `${(found.csvBytes / 1e6).toFixed(0)} MB`,
        seconds(timing?.rowsMs), seconds(timing?.finishedMs), timing ? (timing.bytes / found.rows).toFixed(0) : UNKNOWN,
      ];
    })), 2);
}

function coldStartTable(results: BenchResults): string {
  return table(['engine', ...results.coldStarts.flatMap(({ query }) => [`${query}, first tab, ms`, 'median, ms'])], present(results).map((engine) => [
    LABELS[engine],
    ...results.coldStarts.flatMap(({ engines }) => [whole(engines[engine]?.firstMs), whole(engines[engine]?.medianMs)]),
  ]));
}

function commitTable(results: BenchResults): string {
  return table(['engine', 'transactions', 'per second', 'median, ms', 'p99, ms'], results.commits.flatMap(({ count, rows, durability, engines }) =>
    present(results).map((engine) => {
      const found = engines[engine];
      return [LABELS[engine], `${count} ${durability} of ${rows} ${rows === 1 ? 'record' : 'records'}`, whole(found?.perSecond), ms(found?.medianMs), ms(found?.p99Ms)];
    })), 2);
}

function besideTable(results: BenchResults): string {
  return table(['engine', 'transactions', 'median, ms', 'p99, ms', 'worst, ms', 'answers', 'p99 of the answers, ms'], results.beside.flatMap(({ rows, engines }) =>
    present(results).map((engine) => {
      const found = engines[engine];
      return [
        LABELS[engine], `${rows} ${rows === 1 ? 'record' : 'records'} each`,
        ms(found?.medianMs), ms(found?.p99Ms), ms(found?.worstMs), whole(found?.answers), ms(found?.answerP99Ms),
      ];
    })), 2);
}

function aloneTable(results: BenchResults): string {
  const [profile] = results.alone;
  return table(['where', 'rows, s', 'ratio', 'with indexes, s', 'SELECTs', 'p99, ms', 'longest, ms'], results.alone.map((found) => [
    found.where, seconds(found.rowsMs), known(profile, ({ rowsMs }) => (found.rowsMs / rowsMs).toFixed(2)), seconds(found.finishedMs),
    whole(found.selects), ms(found.selectP99Ms), ms(found.selectWorstMs),
  ]));
}

/** Markdown table; the first `textColumns` are set left, the rest right. */
function table(header: string[], rows: string[][], textColumns = 1): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map((_, i) => (i < textColumns ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function present(results: BenchResults): EngineName[] {
  return ENGINES.filter((engine) => results.engines[engine]);
}

/** The peers that lotwise can be compared with. */
function peersOf(results: BenchResults): (typeof PEERS)[number][] {
  return results.engines.lotwise ? PEERS.filter((peer) => results.engines[peer]) : [];
}

function ratio(query: QueryResult, peer: EngineName): number {
  return (query.engines.lotwise?.medianMs ?? NaN) / (query.engines[peer]?.medianMs ?? NaN);
}

function ratioCell(value: number): string {
  return value > 1 ? `**${value.toFixed(2)}** loss` : value.toFixed(2);
}

const known = <T>(value: T | undefined, text: (value: T) => string): string => (value === undefined ? UNKNOWN : text(value));
const ms = (value: number | undefined): string => known(value, (n) => n.toFixed(n < 10 ? 2 : 1));
const whole = (value: number | undefined): string => known(value, (n) => n.toFixed(0));
const seconds = (value: number | undefined): string => known(value, (n) => (n / 1_000).toFixed(2));
const kilobytes = (value: number | undefined): string => known(value, (n) => thousands(Math.round(n / 1_000)));
const thousands = (value: number): string => value.toLocaleString('en');
