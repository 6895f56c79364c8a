/** The parts of a run, each in pages of its own: import, queries, cold starts, commits. */

import type { Page } from 'playwright-core';
import type { Browser } from './browser.ts';
import { difference } from './compare.ts';
import type { Description, EngineName } from './page/engine.ts';
import type { Bench, Run } from './page/main.ts';
import {
  type AloneResult, type BesideResult, type ColdStartResult, type CommitResult, type ImportResult, type PerEngine, type QueryResult, type Timing,
  median, quantile,
} from './results.ts';

declare const bench: Bench;

export interface Setup { rows: number; events: number; engines: readonly EngineName[] }

const ROUNDS = 9;
const BY_SQL_ROUNDS = 3;
const COLD_TABS = 5;
/** A month by day through an index, and all rows by month. */
const COLD_QUERIES = ['Q02', 'Q03'];
const COMMITS = 200;
/** One record as a scanner sends it, and a second's worth of events at 33 Hz. */
const BESIDE_ROWS = [1, 33];
const COMMIT_KINDS = [...BESIDE_ROWS.map((rows) => ({ rows, durability: 'full' as const })), { rows: 1, durability: 'relaxed' as const }];
/** Some ten seconds. */
const BESIDE_COMMITS = 330;
const BESIDE_QUERIES = ['Q02', 'Q08', 'Q10', 'Q12', 'E03'];

/** Fills the databases. They are closed afterwards, so that what follows starts from storage. */
export async function importAll(browser: Browser, { rows, events, engines }: Setup): Promise<{ engines: PerEngine<Description>; imports: ImportResult[] }> {
  const page = await browser.open();
  const imports: ImportResult[] = [
    { table: 'production_records', rows, csvBytes: await page.evaluate((n) => bench.makeCsv('production_records', n), rows), engines: {} },
    { table: 'events', rows: events, csvBytes: await page.evaluate((n) => bench.makeCsv('events', n), events), engines: {} },
  ];
  const described: PerEngine<Description> = {};
  for (const engine of engines) {
    described[engine] = await page.evaluate((name) => bench.open(name), engine);
    let bytesBefore = 0;
    for (const { table, engines: found } of imports) {
      const rowsMs = await page.evaluate(([name, to]) => bench.importCsv(name, to), [engine, table] as const);
      const finishedMs = rowsMs + await page.evaluate(([name, to]) => bench.finishImport(name, to), [engine, table] as const);
      const bytes = await page.evaluate((name) => bench.bytes(name), engine);
      found[engine] = { rowsMs, finishedMs, bytes: bytes - bytesBefore };
      bytesBefore = bytes;
      console.log(`  ${engine}: ${table} in ${(rowsMs / 1_000).toFixed(2)} s, with indexes ${(finishedMs / 1_000).toFixed(2)} s`);
    }
    await page.evaluate((name) => bench.close(name), engine);
  }
  await page.close();
  return { engines: described, imports };
}

/** All engines open in one page; query by query each in turn, once cold and nine times warm. */
export async function runQueries(browser: Browser, setup: Setup, only: readonly string[]): Promise<{ queries: QueryResult[]; answers: Map<string, unknown[][]>; differences: string[] }> {
  const page = await browser.open();
  const { engines } = setup;
  for (const engine of engines) await page.evaluate((name) => bench.open(name), engine);
  const known = await page.evaluate(([rows, events]) => bench.setScale(rows, events), [setup.rows, setup.events] as const);
  const unknown = only.filter((id) => !known.some((query) => query.id === id));
  if (unknown.length > 0) throw new RangeError(`no query is called ${unknown.join(', ')}`);

  const queries: QueryResult[] = [];
  const answers = new Map<string, unknown[][]>();
  const differences: string[] = [];
  for (const query of known.filter(({ id }) => only.length === 0 || only.includes(id))) {
    const runs = await runInterleaved(page, engines, query.id);
    const bySql = engines.includes('lotwise') && query.call === 'aggregate' ? await runBySql(page, query.id) : undefined;
    const plainMs = await page.evaluate(([id, rows, events]) => bench.plainLoop(id, rows, events), [query.id, setup.rows, setup.events] as const);
    queries.push({ ...query, engines: mapEngines(runs, timing), ...(bySql && { bySql: timing(bySql) }), ...(plainMs !== undefined && { plainMs }) });
    const reference = engines[0] as EngineName;
    const expected = runs[reference]?.[0]?.rows ?? [];
    answers.set(query.id, expected);
    for (const run of bySql ?? []) {
      const found = difference(expected, run.rows);
      if (found !== undefined) differences.push(`${query.id}, ${reference} against lotwise by SQL: ${found}`);
    }
    for (const engine of engines) {
      for (const run of runs[engine] ?? []) {
        const found = difference(expected, run.rows);
        if (found !== undefined) differences.push(`${query.id}, ${reference} against ${engine}: ${found}`);
      }
    }
    console.log(`  ${query.id} (${expected.length} rows): ${engines.map((engine) => `${engine} ${median(warm(runs[engine])).toFixed(2)} ms`).join(', ')}`);
  }
  for (const engine of engines) await page.evaluate((name) => bench.close(name), engine);
  await page.close();
  return { queries, answers, differences: [...new Set(differences)] };
}

async function runInterleaved(page: Page, engines: readonly EngineName[], id: string): Promise<PerEngine<Run[]>> {
  const runs: PerEngine<Run[]> = {};
  for (const engine of engines) await page.evaluate(([name, query]) => bench.prepare(name, query), [engine, id] as const);
  for (let round = 0; round <= ROUNDS; round++) {
    for (let turn = 0; turn < engines.length; turn++) {
      // Another engine begins each round, so that none always follows the same one.
      const engine = engines[(round + turn) % engines.length] as EngineName;
      (runs[engine] ??= []).push(await page.evaluate(([name, query]) => bench.run(name, query, false), [engine, id] as const));
    }
  }
  return runs;
}

/** A scan of seconds need not be seen nine times. */
async function runBySql(page: Page, id: string): Promise<Run[]> {
  const runs: Run[] = [];
  for (let round = 0; round <= BY_SQL_ROUNDS; round++) runs.push(await page.evaluate((query) => bench.run('lotwise', query, true), id));
  return runs;
}

function timing(runs: Run[]): Timing {
  const route = runs[0]?.route;
  return { coldMs: runs[0]?.ms ?? NaN, bestMs: Math.min(...warm(runs)), medianMs: median(warm(runs)), ...(route && { route }) };
}

function warm(runs: Run[] | undefined): number[] {
  return (runs ?? []).slice(1).map((run) => run.ms);
}

/** Opens one engine per tab and times it from the request for the page to the first answer. */
export async function coldStarts(launch: () => Promise<Browser>, setup: Setup, answers: Map<string, unknown[][]>): Promise<{ coldStarts: ColdStartResult[]; differences: string[] }> {
  const found: ColdStartResult[] = [];
  const differences: string[] = [];
  for (const query of COLD_QUERIES) {
    const engines: ColdStartResult['engines'] = {};
    for (const engine of setup.engines) {
      const browser = await launch();
      const taken: number[] = [];
      for (let tab = 0; tab <= COLD_TABS; tab++) {
        const page = await browser.open(`?cold=${engine}&query=${query}&rows=${setup.rows}&events=${setup.events}`);
        const answer = await page.evaluate(() => bench.cold);
        if (!answer) throw new Error('the page did not start by itself');
        taken.push(answer.ms);
        const wrong = difference(answers.get(query) ?? [], answer.rows);
        if (wrong !== undefined) differences.push(`${query}, cold start of ${engine}: ${wrong}`);
        await page.evaluate((name) => bench.close(name), engine);
        await page.close();
      }
      await browser.close();
      engines[engine] = { firstMs: taken[0] ?? NaN, medianMs: median(taken.slice(1)) };
      console.log(`  ${engine}: ${query} ${taken.map((ms) => ms.toFixed(0)).join(', ')} ms`);
    }
    found.push({ query, engines });
  }
  return { coldStarts: found, differences };
}

/** Small transactions, each on storage before the next begins or soon afterwards. They come last, since they add rows. */
export async function commits(browser: Browser, { rows: existing, engines }: Setup): Promise<CommitResult[]> {
  const page = await browser.open();
  const found: CommitResult[] = COMMIT_KINDS.map((kind) => ({ count: COMMITS, ...kind, engines: {} }));
  for (const engine of engines) {
    await page.evaluate((name) => bench.open(name), engine);
    let firstId = existing + 1;
    for (const { count, rows, durability, engines: timings } of found) {
      const taken = await page.evaluate(([name, ...sizes]) => bench.commits(name, ...sizes), [engine, firstId, count, rows, durability] as const);
      firstId += count * rows;
      const perSecond = (count * 1_000) / taken.reduce((sum, ms) => sum + ms, 0);
      timings[engine] = { perSecond, medianMs: median(taken), p99Ms: quantile(taken, 0.99) };
      console.log(`  ${engine}: ${perSecond.toFixed(0)} ${durability} commits/s of ${rows}`);
    }
    await page.evaluate((name) => bench.close(name), engine);
  }
  await page.close();
  return found;
}

/** Ingest while a dashboard asks: look-ups, pages of records and aggregates of a month. */
export async function ingestBeside(browser: Browser, { rows: existing, events, engines }: Setup): Promise<BesideResult[]> {
  const page = await browser.open();
  await page.evaluate(([rows, of]) => bench.setScale(rows, of), [existing, events] as const);
  const found: BesideResult[] = BESIDE_ROWS.map((rows) => ({ rows, queries: BESIDE_QUERIES, engines: {} }));
  for (const engine of engines) {
    await page.evaluate((name) => bench.open(name), engine);
    // Behind those of the phase before.
    let firstId = existing + 1 + COMMITS * COMMIT_KINDS.reduce((sum, { rows }) => sum + rows, 0);
    for (const { rows, queries, engines: timings } of found) {
      const { commits, answers } = await page.evaluate(
        ([name, first, count, each, ids]) => bench.beside(name, first, count, each, ids), [engine, firstId, BESIDE_COMMITS, rows, queries] as const);
      firstId += BESIDE_COMMITS * rows;
      timings[engine] = { medianMs: median(commits), p99Ms: quantile(commits, 0.99), worstMs: Math.max(...commits), answers: answers.length, answerP99Ms: quantile(answers, 0.99) };
      console.log(`  ${engine}: ${rows} rows 33 times a second, p99 ${quantile(commits, 0.99).toFixed(1)} ms beside ${answers.length} answers`);
    }
    await page.evaluate((name) => bench.close(name), engine);
  }
  await page.close();
  return found;
}

/** Imports of lotwise alone, while the page asks for a record every 5 ms until the indexes are there. */
export async function importAlone(browser: Browser, where: AloneResult['where'], rows: number): Promise<AloneResult> {
  const page = await browser.open();
  const { selects, ...taken } = await page.evaluate((n) => bench.alone(n), rows);
  await page.close();
  const found = { where, rows, ...taken, selects: selects.length, selectP99Ms: quantile(selects, 0.99), selectWorstMs: Math.max(...selects) };
  console.log(`  ${where}: ${(found.rowsMs / 1_000).toFixed(2)} s, with indexes ${(found.finishedMs / 1_000).toFixed(2)} s; ${found.selects} SELECTs meanwhile, the longest ${found.selectWorstMs.toFixed(1)} ms`);
  return found;
}

function mapEngines<A, B>(from: PerEngine<A>, change: (value: A) => B): PerEngine<B> {
  return Object.fromEntries(Object.entries(from).map(([engine, value]) => [engine, change(value)]));
}
