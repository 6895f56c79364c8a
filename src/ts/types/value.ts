/** Values, rows and parameters, and the codes of errors. */

/**
 * A value of a row or a parameter. `true` and `false` are stored as 1 and 0, `NaN` as null; a number
 * is an integer when it is whole and safe, else a real. Text has to be well-formed (no lone surrogates).
 */
export type Value = null | boolean | number | bigint | string | Uint8Array;

/** A row as plain object, own properties only: column name → value. */
export type Row = Record<string, Value>;

/** Parameters of a statement, by position (`?`) or by name (`:name`); checked at run time. */
export type Params = readonly Value[] | object;

/** Rows column by column, all of the same length: `{ line: ['LINE-01', 'LINE-02'], shift: [1, 2] }`. */
export type ColumnData = Record<string, ArrayLike<Value>>;

/** Stable codes of {@link LotwiseError}; a code never changes its meaning. */
export type ErrorCode =
  | 'STORAGE_UNAVAILABLE' | 'STORAGE_FULL' | 'DATABASE_CORRUPT' | 'DATABASE_BUSY' | 'SQL_INVALID'
  | 'QUERY_INVALID' | 'INPUT_INVALID' | 'CONFIG_INVALID' | 'CONSTRAINT_VIOLATION' | 'TIMEOUT' | 'CANCELLED'
  | 'LIMIT_EXCEEDED' | 'READ_ONLY' | 'NOT_FOUND' | 'UNAUTHORIZED' | 'WORKER_LOST' | 'CLOSED' | 'INTERNAL';
