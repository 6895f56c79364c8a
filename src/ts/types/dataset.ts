/** Datasets: tables, what their columns mean, and how they are made fast. */
import type { Value } from './value.ts';

/** A table, what its columns mean, and how it is to be made fast. Plain data. */
export interface Dataset {
  /**
   * Table name. The table is STRICT and has an INTEGER PRIMARY KEY (a hidden one where `columns` has
   * none); columns named rowid, oid or _rowid_ are refused.
   */
  name: string;
  /** Column name → what it holds, in table order. */
  columns: Record<string, Column>;
  /** Column that places a row in time. */
  time?: string;
  /** Low-cardinality columns that are grouped and filtered by. */
  dimensions?: string[];
  /** Numeric columns that are aggregated. */
  measures?: string[];
  /** Secondary indexes. */
  indexes?: Index[];
  /** Rises with each change of the definition. Default 1. */
  version?: number;
}

/** One column of a dataset. */
export interface Column {
  /** date: TEXT 'YYYY-MM-DD'. timestamp: INTEGER epoch ms. timestampText: TEXT, canonical UTC ISO-8601. json: TEXT. */
  type: 'integer' | 'real' | 'text' | 'date' | 'timestamp' | 'timestampText' | 'blob' | 'json';
  /** NOT NULL. */
  required?: boolean;
  /** INTEGER PRIMARY KEY; at most one column. */
  primaryKey?: boolean;
  /** Taken where a row leaves the column out. */
  default?: Value;
  /** 'table(column)' that a value has to exist in. */
  references?: string;
  /** 'nocase': =, LIKE, prefix and the index ignore ASCII case (lot numbers are typed by people). */
  collate?: 'binary' | 'nocase';
  /** For people, as on a dashboard. */
  label?: string;
  /** Unit of the values, such as 'pcs'. */
  unit?: string;
}

/** A secondary index of a dataset. */
export interface Index {
  /** Name of the index in SQLite. */
  name: string;
  /** Columns in order. */
  columns: (string | { column: string; desc?: boolean })[];
  /** SQL condition of a partial index. */
  where?: string;
  /** Two rows with the same key are a CONSTRAINT_VIOLATION. */
  unique?: boolean;
}
