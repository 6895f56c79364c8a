/**
 * The page of the bench. The runner calls `bench` in it; with `?cold=<engine>` it opens that engine by itself
 * as soon as it is loaded, and says when the first answer was there.
 */

import { type BenchQuery, benchQueries } from '../queries.ts';
import { eventsCsv, productionRecords, productionRecordsCsv } from '../workloads.ts';
import type { AloneImport } from './alone.ts';
import { type Description, type Durability, type Engine, type EngineName, type Row, type Table, engines, extraRecords } from './engine.ts';
import { plainLoop } from './plain.ts';

export interface Run { ms: number; rows: unknown[][]; route?: string }

/** 33 times a second. */
const REPORT_MS = 30;
/** What a timer may be late. */
const TIMER_MS = 4;

const opened = new Map<EngineName, Engine>();
const csvs = new Map<Table, Blob>();
let queries = new Map<string, BenchQuery>();

const bench = {
  /** Fixes the size of the workload and answers the ids of the queries. */
  setScale(rows: number, events: number): { id: string; asks: string; call: string; note?: string }[] {
    queries = queriesOf(rows, events, middleLot(rows));
    return [...queries.values()].map(({ id, asks, lotwise, note }) => ({ id, asks, call: Object.keys(lotwise)[0] ?? '', ...(note && { note }) }));
  },

  /** Makes the CSV of a table, once for all engines. */
  makeCsv(table: Table, rows: number): number {
    const csv = new Blob([...(table === 'events' ? eventsCsv(rows) : productionRecordsCsv(rows))], { type: 'text/csv' });
    csvs.set(table, csv);
    return csv.size;
  },

  async open(name: EngineName): Promise<Description> {
    const engine = await engines[name]();
    opened.set(name, engine);
    return engine.describe();
  },

  importCsv(name: EngineName, table: Table): Promise<number> {
    const csv = csvs.get(table);
    if (!csv) throw new Error(`makeCsv was not called for ${table}`);
    return timed(() => engineOf(name).importCsv(table, csv));
  },

  finishImport(name: EngineName, table: Table): Promise<number> {
    return timed(() => engineOf(name).finishImport(table));
  },

  prepare(name: EngineName, id: string): Promise<void> {
    return engineOf(name).prepare(queryOf(id));
  },

  async run(name: EngineName, id: string, bySql: boolean): Promise<Run> {
    const engine = engineOf(name);
    const query = queryOf(id);
    const start = performance.now();
    const { rows, route } = await engine.run(query, bySql);
    const ms = performance.now() - start;
    return { ms, rows: rows.map((row) => comparable(row, query)), ...(route && { route }) };
  },

  /** The best of some runs of the plainest loop that answers the query, over arrays in memory; see plain.ts. */
  plainLoop(id: string, rows: number, of: number): number | undefined {
    return plainLoop(id, rows, of);
  },

  /** Milliseconds of each of `count` transactions of `rows` new records. */
  async commits(name: EngineName, firstId: number, count: number, rows: number, durability: Durability): Promise<number[]> {
    const taken: number[] = [];
    for (let i = 0; i < count; i++) {
      const records = extraRecords(firstId + i * rows, rows);
      taken.push(await timed(() => engineOf(name).commitRecords(records, durability)));
    }
    await checkAdded(name, firstId, count * rows);
    return taken;
  },

  /**
   * A machine that reports while a dashboard asks: `rows` new records every 30 ms, and these queries one after the
   * other, over and over. Milliseconds of each transaction and of each answer; a transaction that is late delays
   * those behind it, and their time counts from when they were due.
   */
  async beside(name: EngineName, firstId: number, count: number, rows: number, ids: readonly string[]): Promise<{ commits: number[]; answers: number[] }> {
    const engine = engineOf(name);
    const answers: number[] = [];
    let over = false;
    const asking = (async () => {
      for (let i = 0; !over; i++) answers.push(await timed(() => engine.run(queryOf(ids[i % ids.length] ?? ''), false)));
    })();
    const commits: number[] = [];
    const beganAt = performance.now();
    for (let i = 0; i < count; i++) {
      const dueAt = beganAt + i * REPORT_MS;
      await new Promise((resolve) => { setTimeout(resolve, Math.max(0, dueAt - performance.now())); });
      // A timer that fires late is the page's affair; a transaction that was held up is not.
      const startedAt = Math.min(performance.now(), dueAt + TIMER_MS);
      await engine.commitRecords(extraRecords(firstId + i * rows, rows), 'full');
      commits.push(performance.now() - startedAt);
    }
    over = true;
    await asking;
    await checkAdded(name, firstId, count * rows);
    return { commits, answers };
  },

  /** An import of lotwise, and what is seen of it while indexes are built. */
  async alone(rows: number): Promise<AloneImport> {
    return (await import('./alone.ts')).importAlone(new Blob([...productionRecordsCsv(rows)]), rows);
  },

  bytes(name: EngineName): Promise<number> {
    return engineOf(name).bytes();
  },

  async close(name: EngineName): Promise<void> {
    await engineOf(name).close();
    opened.delete(name);
  },

  /** The first answer of the engine named in the address, in milliseconds since the page was asked for. */
  cold: coldStart(new URLSearchParams(location.search)),
};

export type Bench = typeof bench;
Object.assign(globalThis, { bench });

async function coldStart(address: URLSearchParams): Promise<{ ms: number; rows: unknown[][] } | undefined> {
  const name = address.get('cold') as EngineName | null;
  if (!name) return undefined;
  // No lot is looked for: that would make half the workload, and these queries ask for none.
  queries = queriesOf(Number(address.get('rows')), Number(address.get('events')), '');
  const query = queryOf(address.get('query') ?? '');
  const engine = await engines[name]();
  opened.set(name, engine);
  const { rows } = await engine.run(query, false);
  const ms = performance.now();
  return { ms, rows: rows.map((row) => comparable(row, query)) };
}

function queriesOf(rows: number, events: number, lot: string): Map<string, BenchQuery> {
  return new Map(benchQueries({ rows, events, lot }).map((query) => [query.id, query]));
}

/** The lot of the middle row. Rows depend on those before them, so all up to it are made. */
function middleLot(rows: number): string {
  const middle = Math.floor(rows / 2);
  let start = 0;
  for (const batch of productionRecords(rows)) {
    const lot = batch.lot_number[middle - start];
    if (lot !== undefined) return lot;
    start += batch.lot_number.length;
  }
  throw new RangeError('an empty workload has no middle row');
}

/** Values by position; bucket texts become instants, so that what is compared is the meaning. */
function comparable(row: Row, query: BenchQuery): unknown[] {
  const values = Object.values(row);
  if (query.bucket === 'instant' && typeof values[0] === 'string') values[0] = Date.parse(values[0]);
  return values.map((value) => (typeof value === 'bigint' ? String(value) : value));
}

async function checkAdded(name: EngineName, firstId: number, count: number): Promise<void> {
  const found = await engineOf(name).countRecords(firstId);
  if (found !== count) throw new Error(`${name}: ${count} records were committed, ${found} are there`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function engineOf(name: EngineName): Engine {
  const engine = opened.get(name);
  if (!engine) throw new Error(`${name} is not open`);
  return engine;
}

function queryOf(id: string): BenchQuery {
  const query = queries.get(id);
  if (!query) throw new Error(`no query is called '${id}'`);
  return query;
}
