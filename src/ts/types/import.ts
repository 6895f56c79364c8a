/** Files on their way in. */
import type { Dataset } from './dataset.ts';
import type { Row } from './value.ts';

/** What can be imported. A string is the content itself, never an address. Buffers are copied and stay usable. */
export type ImportSource = File | Blob | Response | ReadableStream<Uint8Array> | string | ArrayBuffer | Uint8Array;

/** How to read a file, and into which dataset. */
export interface ImportOptions {
  /** Name of the dataset. */
  dataset: string;
  /**
   * Default: found out. JSON is an array of objects or an object of arrays, NDJSON one object a line. Bytes are hexadecimal
   * behind `\x` in CSV and base64 in JSON; a real may be `Infinity` or `-Infinity`. An empty field of a CSV is null
   * where the column may be null; empty text of the other formats is empty text.
   */
  format?: 'csv' | 'json' | 'ndjson' | 'sqlite';
  /**
   * Source column → dataset column. Unmapped headers are matched by name, without regard to case, separators and
   * full or half width. Of fields with the same name the second is called `name_2`, one without a name `column_N`.
   */
  columns?: Record<string, string>;
  /** For an SQLite file: the table to read. Default: the dataset's name. */
  table?: string;
  /** Of CSV fields, such as ';'. Default: found out, as are header, decimal mark and form of dates. */
  delimiter?: string;
  /** Whether the first line of a CSV holds names. Default: whether it does. */
  header?: boolean;
  /** Decimal mark of numbers written as text; the other mark may group digits. INPUT_INVALID where the file does not tell. */
  decimal?: '.' | ',';
  /** Such as 'DD/MM/YYYY'. INPUT_INVALID where the file does not tell whether days or months come first. */
  dateFormat?: string;
  /**
   * Of text: a label of TextDecoder, such as 'shift_jis'. Default: found out (UTF-8, UTF-16, Shift_JIS, EUC-JP,
   * ISO-2022-JP, EUC-KR, GB18030, Big5, Windows-1252). A byte order mark prevails.
   */
  encoding?: string;
  /** 'abort' (default): nothing is imported. 'skip': bad rows are reported and left out. */
  onError?: 'abort' | 'skip';
  /** As for `append`. */
  onConflict?: 'error' | 'ignore' | 'replace';
  /** Gives up and takes back what was imported so far: CANCELLED. */
  signal?: AbortSignal;
  /** Called at most every 100 ms, and once at the end. */
  onProgress?: (progress: Progress) => void;
}

/** How to look at a file; what is left out is found out. */
export interface InspectOptions extends Pick<ImportOptions, 'format' | 'table' | 'delimiter' | 'header' | 'decimal' | 'dateFormat' | 'encoding' | 'signal'> {}

/** What a file that nobody described seems to be. */
export interface Inspection {
  /**
   * A dataset that its rows fit, ready for `define()`, and a proposal: rename it, add what the file does not tell.
   * Types are those that all values looked at have. `required` are columns without a gap, where the whole file was
   * looked at or where a database says so.
   */
  dataset: Dataset;
  /** How the file is written. */
  detected: Detected;
  /** The first rows, as the proposed dataset would hold them. */
  sample: Row[];
  /** Of an SQLite file: its tables. The one with the most rows was looked at, or `table`. */
  tables?: string[];
}

/** What was found out about a file. */
export interface Detected {
  /** 'csv', 'json', 'ndjson' or 'sqlite'. */
  format: string;
  /** Label of TextDecoder, such as 'utf-8' or 'shift_jis'. */
  encoding?: string;
  /** Of CSV fields. */
  delimiter?: string;
  /** Whether the first line holds names. */
  header?: boolean;
  /** Decimal mark of numbers written as text, where there is one. */
  decimal?: string;
  /** Pattern of the dates written as text, such as 'DD.MM.YYYY'. */
  dateFormat?: string;
}

/** What an import did. */
export interface ImportReport {
  /** How the file was read. */
  detected: Detected;
  /** Rows imported. */
  rows: number;
  /** Rows left out. */
  skipped: number;
  /** The first bad rows, with line and reason. */
  errors: { line: number; column?: string; reason: string }[];
  /** Columns of the source that the dataset does not have, the first hundred: define() them to take them in. */
  ignored: string[];
  /** From the call to its answer. */
  elapsedMs: number;
  /** Size of the source. */
  bytes: number;
}

/** How far a long call has come. */
export interface Progress {
  /** What is being done, such as 'import'. */
  phase: string;
  /** So far, in `unit`. */
  done: number;
  /** In all, where it is known. */
  total?: number;
  /** What `done` and `total` count. */
  unit: 'rows' | 'bytes' | 'pages' | 'steps';
  /** Since the call began to run. */
  elapsedMs: number;
  /** Still to go, where it can be told. */
  etaMs?: number;
}
