/** DuckDB-Wasm: the eh bundle in its own worker, the database a file on OPFS. */

import { AsyncDuckDB, type AsyncDuckDBConnection, type AsyncPreparedStatement, DuckDBAccessMode, DuckDBDataProtocol, VoidLogger } from '@duckdb/duckdb-wasm';
import type { BenchQuery } from '../queries.ts';
import { type Answer, type Description, type Durability, type Engine, type Row, type Table, sqlOf } from './engine.ts';
import { duckdbCsvColumns, duckdbTables } from './schema.ts';

const FILE = 'bench.duckdb';

export async function openDuckdb(): Promise<Engine> {
  const worker = new Worker('/duckdb/duckdb-browser-eh.worker.js');
  const db = new AsyncDuckDB(new VoidLogger(), worker);
  await db.instantiate(new URL('/duckdb/duckdb-eh.wasm', location.href).href);
  await db.open({ path: `opfs://${FILE}`, accessMode: DuckDBAccessMode.READ_WRITE, query: { castBigIntToDouble: true } });
  const connection = await db.connect();
  // A checkpoint that a large commit makes by itself leaves the log of OPFS without its end mark: the next start
  // replays it and fails ("Table with name … already exists"). So checkpoints are only made by this file.
  await connection.query("SET checkpoint_threshold = '1TB'");
  for (const table of duckdbTables) await connection.query(table);
  return new DuckdbEngine(db, connection);
}

class DuckdbEngine implements Engine {
  readonly #db: AsyncDuckDB;
  readonly #connection: AsyncDuckDBConnection;
  readonly #statements = new Map<string, AsyncPreparedStatement>();

  constructor(db: AsyncDuckDB, connection: AsyncDuckDBConnection) {
    this.#db = db;
    this.#connection = connection;
  }

  async describe(): Promise<Description> {
    return { version: await this.#db.getVersion(), settings: 'eh bundle, one thread, database file on OPFS, dates as DATE, statements kept prepared, '
      + 'no indexes (tried: none of the queries gains, and the import takes 4.3 s longer), '
      + 'no automatic checkpoints (the database does not open again after one), one after each import and at the end' };
  }

  async importCsv(table: Table, csv: Blob): Promise<void> {
    const name = `${table}.csv`;
    await this.#db.registerFileHandle(name, csv, DuckDBDataProtocol.BROWSER_FILEREADER, true);
    await this.#connection.query(`INSERT INTO ${table} SELECT * FROM read_csv('${name}', header = true, auto_detect = false, `
      + `delim = ',', quote = '', escape = '', nullstr = '\\N', columns = ${duckdbCsvColumns(table)})`);
    await this.#connection.query('CHECKPOINT');
    await this.#db.dropFile(name);
  }

  async finishImport(table: Table): Promise<void> {
    await this.#connection.query(`ANALYZE ${table}`);
    await this.#connection.query('CHECKPOINT');
  }

  async prepare(): Promise<void> {}

  async run(query: BenchQuery): Promise<Answer> {
    const table = await (await this.#prepared(sqlOf(query, 'duckdb'))).query();
    const names = table.schema.fields.map((field) => String(field.name));
    const columns = names.map((_, i) => table.getChildAt(i));
    const rows = new Array<Row>(table.numRows);
    for (let r = 0; r < rows.length; r++) {
      const row: Row = {};
      for (let c = 0; c < names.length; c++) row[names[c] as string] = columns[c]?.get(r);
      rows[r] = row;
    }
    return { rows };
  }

  async #prepared(sql: string): Promise<AsyncPreparedStatement> {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = await this.#connection.prepare(sql)));
    return statement;
  }

  async commitRecords(records: Row[], durability: Durability): Promise<void> {
    const tuples = records.map((record) =>
      `(${Object.values(record).map((value) => (typeof value === 'string' ? `'${value}'` : String(value))).join(', ')})`);
    await this.#connection.query(`INSERT INTO production_records VALUES ${tuples.join(', ')}`);
    // Only a checkpoint brings them to storage: a commit writes the log and does not flush it.
    if (durability === 'full') await this.#connection.query('CHECKPOINT');
  }

  async countRecords(firstId: number): Promise<number> {
    return Number((await this.#connection.query(`SELECT count(*) AS n FROM production_records WHERE id >= ${firstId}`)).getChildAt(0)?.get(0));
  }

  async bytes(): Promise<number> {
    await this.#connection.query('CHECKPOINT');
    const root = await navigator.storage.getDirectory();
    return (await (await root.getFileHandle(FILE)).getFile()).size;
  }

  async close(): Promise<void> {
    await this.#connection.query('CHECKPOINT');
    for (const statement of this.#statements.values()) await statement.close();
    await this.#connection.close();
    await this.#db.reset();
    await this.#db.terminate();
  }
}
