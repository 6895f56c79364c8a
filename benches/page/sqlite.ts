/** sqlite-wasm, driven through the worker of sqlite-worker.ts. */

import type { BenchQuery } from '../queries.ts';
import { type Answer, type Description, type Durability, type Engine, type Row, type Table, sqlOf } from './engine.ts';
import type { SqliteReply, SqliteRequest } from './sqlite-worker.ts';

export async function openSqlite(): Promise<Engine> {
  const engine = new SqliteEngine();
  await engine.ready;
  return engine;
}

class SqliteEngine implements Engine {
  readonly ready: Promise<unknown>;
  readonly #worker = new Worker(new URL('./sqlite-worker.js', import.meta.url), { type: 'module' });
  readonly #pending = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  #nextId = 1;

  constructor() {
    this.ready = this.#expect(0);
    this.#worker.onmessage = ({ data }: MessageEvent<SqliteReply>) => {
      const waiting = this.#pending.get(data.id);
      this.#pending.delete(data.id);
      if ('error' in data) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data.result as never);
    };
    this.#worker.onerror = (event) => {
      for (const { reject } of this.#pending.values()) reject(new Error(event.message));
      this.#pending.clear();
    };
  }

  describe(): Promise<Description> {
    return this.#call('describe');
  }

  importCsv(table: Table, csv: Blob): Promise<void> {
    return this.#call('importCsv', { table, csv });
  }

  finishImport(table: Table): Promise<void> {
    return this.#call('finishImport', table);
  }

  async prepare(): Promise<void> {}

  async run(query: BenchQuery): Promise<Answer> {
    const { columns, rows } = await this.#call<{ columns: string[]; rows: unknown[][] }>('select', sqlOf(query, 'sqlite'));
    return {
      rows: rows.map((values) => {
        const row: Row = {};
        for (let i = 0; i < columns.length; i++) row[columns[i] as string] = values[i];
        return row;
      }),
    };
  }

  commitRecords(records: Row[], durability: Durability): Promise<void> {
    return this.#call('commitRecords', { records: records.map((record) => Object.values(record)), durability });
  }

  async countRecords(firstId: number): Promise<number> {
    const { rows } = await this.#call<{ rows: unknown[][] }>('select', `SELECT count(*) FROM production_records WHERE id >= ${firstId}`);
    return Number(rows[0]?.[0]);
  }

  bytes(): Promise<number> {
    return this.#call('bytes');
  }

  async close(): Promise<void> {
    await this.#call('close');
    this.#worker.terminate();
  }

  #call<T>(method: SqliteRequest['method'], argument?: unknown): Promise<T> {
    const id = this.#nextId++;
    this.#worker.postMessage({ id, method, argument });
    return this.#expect<T>(id);
  }

  #expect<T>(id: number): Promise<T> {
    return new Promise<T>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }
}
