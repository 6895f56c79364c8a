/**
 * `npm run bench`: lotwise against sqlite-wasm and DuckDB-Wasm in one browser, on the workloads of workloads.ts.
 *
 *   --rows N       production records, 1,000,000 by default
 *   --events N     change events, 2,000,000 by default
 *   --engines a,b  of lotwise, sqlite, duckdb; all by default
 *   --only a,b     these queries and nothing else
 *
 * A difference between two answers fails the run. Only a whole run at the default size writes docs/benchmarks.md.
 */

import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { Browser, buildPage, outDir, serve } from './browser.ts';
import type { EngineName } from './page/engine.ts';
import { type Setup, coldStarts, commits, importAll, importAlone, ingestBeside, runQueries } from './phases.ts';
import { markdown } from './report.ts';
import { type BenchResults, ENGINES } from './results.ts';
import { packageVersion, wireBytes } from './packages.ts';

const ROWS_DEFAULT = 1_000_000;
const EVENTS_DEFAULT = 2_000_000;

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: String(ROWS_DEFAULT) },
    events: { type: 'string', default: String(EVENTS_DEFAULT) },
    engines: { type: 'string', default: ENGINES.join(',') },
    only: { type: 'string', default: '' },
  },
});
const only = options.only.split(',').filter(Boolean);
const setup: Setup = { rows: count(options.rows), events: count(options.events), engines: options.engines.split(',').map(engineName) };

const { results, differences } = await run();
await writeFile(`${outDir}/latest.json`, `${JSON.stringify(results, null, 2)}\n`);
if (differences.length > 0) {
  console.error(`The answers differ:\n${differences.join('\n')}`);
  process.exitCode = 1;
} else if (only.length === 0) {
  const whole = setup.rows === ROWS_DEFAULT && setup.events === EVENTS_DEFAULT && setup.engines.length === ENGINES.length;
  const text = markdown(results);
  if (whole) await writeFile(new URL('../docs/benchmarks.md', import.meta.url), text);
  else console.log(text);
}

async function run(): Promise<{ results: BenchResults; differences: string[] }> {
  const bundle = await buildPage();
  const { origin, server } = await serve();
  const reopen = (): Promise<Browser> => Browser.launch(origin, { fresh: false });
  try {
    console.log('Import');
    const filled = await within(() => Browser.launch(origin, { fresh: true }), (browser) => importAll(browser, setup));
    console.log('Queries');
    const { browser, queries, answers, differences } = await within(reopen, async (browser) =>
      ({ browser: browser.version(), ...(await runQueries(browser, setup, only)) }));
    const engines: BenchResults['engines'] = {};
    for (const engine of setup.engines) {
      const described = filled.engines[engine];
      if (described) engines[engine] = { ...described, packageVersion: await packageVersion(engine), wireBytes: await wireBytes(bundle, engine) };
    }
    const results: BenchResults = {
      date: new Date().toISOString().slice(0, 10),
      machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
      browser, node: process.version, rows: setup.rows, events: setup.events,
      engines, imports: filled.imports, queries, coldStarts: [], commits: [], beside: [], alone: [],
    };
    if (only.length > 0) return { results, differences };

    console.log('Cold start');
    const cold = await coldStarts(reopen, setup, answers);
    results.coldStarts = cold.coldStarts;
    console.log('Commits');
    results.commits = await within(reopen, (browser) => commits(browser, setup));
    console.log('Ingest beside questions');
    results.beside = await within(reopen, (browser) => ingestBeside(browser, setup));
    if (setup.engines.includes('lotwise')) {
      console.log('Import alone');
      for (const [where, launch] of [['profile', reopen], ['private', () => Browser.launchPrivate(origin)]] as const) {
        results.alone.push(await within(launch, (browser) => importAlone(browser, where, setup.rows)));
      }
    }
    return { results, differences: [...differences, ...cold.differences] };
  } finally {
    server.close();
  }
}

async function within<T>(launch: () => Promise<Browser>, work: (browser: Browser) => Promise<T>): Promise<T> {
  const browser = await launch();
  try {
    return await work(browser);
  } finally {
    await browser.close();
  }
}

function count(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`'${text}' is no number of rows`);
  return value;
}

function engineName(text: string): EngineName {
  const name = ENGINES.find((engine) => engine === text);
  if (!name) throw new RangeError(`'${text}' is none of ${ENGINES.join(', ')}`);
  return name;
}
