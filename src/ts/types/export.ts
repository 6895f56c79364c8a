/** Files on their way out. */
import type { AggregateQuery, RecordsQuery } from './query.ts';
import type { Params } from './value.ts';

/** What to export, and in which form. */
export interface ExportOptions {
  /**
   * 'csv': RFC 4180 in UTF-8 with a header; null is an empty field, empty text `""`, bytes are hexadecimal behind `\x`.
   * 'json': an array of objects, 'ndjson': one object a line; integers are exact literals however large, bytes base64,
   * infinities the texts "Infinity" and "-Infinity", columns declared as JSON stand as JSON. 'arrow': an Arrow IPC
   * stream of many batches, with types as for `toArrow()`: those of the first batch where none are declared, and a
   * later value that does not go with them is QUERY_INVALID. 'sqlite': without `query` the whole database; with it
   * a database of one table, named as the dataset (after SQL: 'result'), which is made in memory: up to 256 MiB.
   *
   * `importFile` reads csv (with `formulas: 'keep'`), json, ndjson and sqlite back as they were; only a CSV does not
   * tell empty text from null in a column that may be null, and is not read where a text holds a NUL character.
   */
  format: 'csv' | 'json' | 'ndjson' | 'arrow' | 'sqlite';
  /**
   * Which rows. All of them, where a RecordsQuery has no `limit`; in the order of their key, where it has no
   * `orderBy`. May be left out where there is only one dataset, and for 'sqlite'.
   */
  query?: RecordsQuery | AggregateQuery | { sql: string; params?: Params };
  /**
   * CSV: text (and names) that a spreadsheet would run as a formula get a `'` in front (default), or are kept. Numbers
   * are never touched.
   */
  formulas?: 'escape' | 'keep';
  /** Gives up: the stream fails with CANCELLED, and what it held is freed. */
  signal?: AbortSignal;
}
