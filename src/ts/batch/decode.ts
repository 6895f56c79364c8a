/**
 * An answer of the engine, made readable: columns at once, row objects when asked for.
 *
 * Knows the format of the batch and nothing else; `meta` is handed through.
 */
import { arrowStream } from '../arrow/stream.ts';
import { LotwiseError } from '../errors.ts';
import type { Page, ResultMeta, Row, Value } from '../types.ts';
import { BatchReader, type Column } from './reader.ts';

/** One answer, or one page of rows. Columns are decoded on first use and kept. */
export class BatchResult<T = Row> implements Page<T> {
  readonly columns: { name: string; type: string }[];
  readonly rowCount: number;
  readonly meta: ResultMeta;
  declare readonly next?: string;
  readonly #batch: BatchReader;
  readonly #decoded: (Column | undefined)[] = [];
  #rows: T[] | undefined;

  constructor(batch: Uint8Array<ArrayBuffer>, meta: ResultMeta, next?: string) {
    this.#batch = new BatchReader(batch);
    const { header } = this.#batch;
    this.columns = header.columns.map(({ name, type }) => ({ name, type }));
    this.rowCount = header.rows;
    this.meta = meta;
    if (next !== undefined) this.next = next;
  }

  get rows(): T[] {
    return this.#rows ??= this.#makeRows() as T[];
  }

  column(nameOrIndex: string | number): Column {
    const index = typeof nameOrIndex === 'number' ? nameOrIndex : this.columns.findLastIndex(({ name }) => name === nameOrIndex);
    const header = this.#batch.header.columns[index];
    if (header === undefined) {
      const names = this.columns.map(({ name }) => `'${name}'`).join(', ');
      const asked = typeof nameOrIndex === 'number' ? `column ${nameOrIndex} (counted from 0)` : `column '${nameOrIndex}'`;
      throw new LotwiseError('NOT_FOUND', `This result has no ${asked}. Its columns: ${names === '' ? 'none' : names}.`);
    }
    return this.#decoded[index] ??= this.#batch.column(header);
  }

  toArrow(): Uint8Array<ArrayBuffer> {
    return arrowStream(this.#batch);
  }

  /**
   * Rows are copies of one template, so that all have the same shape and every member is its own: a
   * column called '__proto__' is then a member like any other. Filled column by column, which keeps each
   * store and each read of the inner loop the same kind.
   */
  #makeRows(): Row[] {
    const template: Row = {};
    for (const { name } of this.columns) {
      Object.defineProperty(template, name, { value: null, writable: true, enumerable: true, configurable: true });
    }
    const rows: Row[] = new Array<Row>(this.rowCount);
    for (let row = 0; row < rows.length; row++) rows[row] = { ...template };
    for (let index = 0; index < this.columns.length; index++) {
      fillMember(rows, this.columns[index]!.name, this.column(index));
    }
    return rows;
  }
}

/** The rows of a batch that answers no query. */
export function rowsOf(batch: Uint8Array<ArrayBuffer>): Row[] {
  return new BatchResult(batch, { route: 'scan', cache: 'bypass', ageMs: 0, elapsedMs: 0, queuedMs: 0, partitions: [], dataVersion: 0 }).rows;
}

function fillMember(rows: Row[], name: string, values: ArrayLike<Value>): void {
  for (let row = 0; row < rows.length; row++) rows[row]![name] = values[row]!;
}
