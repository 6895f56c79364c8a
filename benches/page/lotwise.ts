/** lotwise, as a page uses it: the package, its presets and its methods. */

import { type Database, type RecordsQuery, type Result, list, open, presets } from 'lotwise';
import type { BenchQuery } from '../queries.ts';
import { type Answer, type Description, type Durability, type Engine, type Row, type Table } from './engine.ts';

const NAME = 'bench';
/** Rows of a page on the way to a page far down. */
const SKIP_ROWS = 10_000;
/** The newest rows become a segment when there are so many of them. */
const TAIL_ROWS_MAX = 8_192;

export async function openLotwise(): Promise<Engine> {
  return new LotwiseEngine(await openDatabase());
}

function openDatabase(): Promise<Database> {
  return open({ name: NAME, datasets: [presets.productionRecords, presets.changeEvents] });
}

class LotwiseEngine implements Engine {
  #db: Database;
  /** Cursors of the queries that begin further down. */
  readonly #after = new Map<string, string>();

  constructor(db: Database) {
    this.#db = db;
  }

  async describe(): Promise<Description> {
    const { storage, journalMode, synchronous, sqliteVersion } = this.#db.capabilities;
    const [cache] = (await this.#db.query<{ cache_size: number }>('PRAGMA cache_size')).rows;
    return {
      version: `SQLite ${sqliteVersion}`,
      settings: `as it opens by default: ${storage}, journal_mode ${journalMode}, synchronous ${synchronous}, page cache ${(cache?.cache_size ?? NaN) / -1024} MiB`,
    };
  }

  async importCsv(table: Table, csv: Blob): Promise<void> {
    await this.#db.importFile(csv, { dataset: table, format: 'csv' });
  }

  /** Indexes are built after the import, beside whatever else is called. */
  async finishImport(table: Table): Promise<void> {
    const dataset = table === 'production_records' ? presets.productionRecords : presets.changeEvents;
    const sql = "SELECT count(*) AS n FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?";
    for (;;) {
      const [found] = (await this.#db.query<{ n: number }>(sql, [table])).rows;
      if (found !== undefined && found.n >= (dataset.indexes?.length ?? 0) && await this.#isSealed(table)) return;
      await new Promise((resolve) => { setTimeout(resolve, 10); });
    }
  }

  /** Whether nearly all rows are in segments, which are made beside whatever else is called. */
  async #isSealed(table: Table): Promise<boolean> {
    const [all] = (await this.#db.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)).rows;
    const found = (await this.#db.stats()).columnstore.find(({ dataset }) => dataset === table);
    return (all?.n ?? 0) - (found?.rows ?? 0) < TAIL_ROWS_MAX;
  }

  async prepare({ id, lotwise: call }: BenchQuery): Promise<void> {
    if (!('records' in call) || call.skip === undefined) return;
    let after: string | undefined;
    for (let skipped = 0; skipped < call.skip; skipped += SKIP_ROWS) {
      const limit = Math.min(SKIP_ROWS, call.skip - skipped);
      after = (await this.#db.records({ ...call.records, limit, ...(after !== undefined && { after }) })).next;
    }
    if (after !== undefined) this.#after.set(id, after);
  }

  async run({ id, lotwise: call }: BenchQuery, bySql: boolean): Promise<Answer> {
    const { rows, meta } = await this.#ask(id, call, bySql);
    return { rows: 'aggregate' in call && call.average !== undefined ? averaged(rows, call.average) : rows, route: meta.route };
  }

  #ask(id: string, call: BenchQuery['lotwise'], bySql: boolean): Promise<Result<Row>> {
    if ('aggregate' in call) return this.#db.aggregate(call.aggregate, bySql ? { route: 'sql' } : {});
    const after = this.#after.get(id);
    const query: RecordsQuery = after === undefined ? call.records : { ...call.records, after };
    return this.#db.records(query);
  }

  async commitRecords(records: Row[], durability: Durability): Promise<void> {
    await this.#db.append('production_records', records, { durability });
  }

  async countRecords(firstId: number): Promise<number> {
    return (await this.#db.query<{ n: number }>('SELECT count(*) AS n FROM production_records WHERE id >= ?', [firstId])).rows[0]?.n ?? NaN;
  }

  /** Closed for it, since the log is folded into the database then. */
  async bytes(): Promise<number> {
    await this.#db.close();
    const found = (await list()).find(({ name }) => name === NAME);
    this.#db = await openDatabase();
    return found?.bytes ?? 0;
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

/** In place of the second column its mean over so many rows up to each. */
function averaged(rows: Row[], count: number): Row[] {
  const [, column = ''] = Object.keys(rows[0] ?? {});
  const values = rows.map((row) => Number(row[column]));
  return rows.map((row, i) => {
    const window = values.slice(Math.max(0, i + 1 - count), i + 1);
    return { ...row, [column]: window.reduce((sum, value) => sum + value, 0) / window.length };
  });
}
