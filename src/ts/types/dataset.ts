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
  /**
   * IANA zone of the plant, such as 'Asia/Seoul': time buckets, and range ends that name no offset, follow its
   * clocks, for a `time` column of type timestamp or timestampText. Default 'UTC'.
   *
   * The transitions are those that the host's Intl knows, for the years from 1970 to 2100 (and later ones, where
   * the zone has given up changing its clocks); beyond these, a bucket is INPUT_INVALID and a range end
   * QUERY_INVALID. Days in a date column have no zone and are not moved; an instant as an end of a range stands
   * for the production day that it belongs to. Data are not read by it: times are stored as instants, and text
   * without an offset that is appended or imported is UTC.
   */
  timeZone?: string;
  /**
   * 'HH:MM' that the plant's clocks show when the production day begins: a night shift belongs to the day it
   * began. Default '00:00'. Moves days, weeks, months, quarters and years, in buckets and as range ends; hours
   * and minutes are those of the clock. A day in a date column is a production day already.
   *
   * Where clocks are put forward over that time, the day begins as they jump; where they show it twice, the
   * first time.
   */
  dayStartsAt?: string;
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
