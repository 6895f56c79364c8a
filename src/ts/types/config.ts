/** What can be tuned while a database is open. Defaults and limits: docs/configuration.md of the package. */

/** A configuration. It belongs to the open database and is not stored. */
export interface Config {
  /**
   * The defaults of all other fields: 'dashboard' (default) for reading and single writes; 'ingest' for many small
   * writes, which are on storage within `ingest.groupCommitMs` and not at once; 'bulkLoad' for long statements;
   * 'lowMemory' for small caches and results. A field that was set keeps its value when the profile changes.
   */
  profile: 'dashboard' | 'ingest' | 'bulkLoad' | 'lowMemory';
  /** Calls and their results. */
  query: {
    /** Time limit of a call that names none. */
    timeoutMs: number;
    /** Rows of a batch of a stream that names no size. */
    batchRows: number;
    /** Most bytes of one result; a larger one is LIMIT_EXCEEDED. */
    resultBytesMax: number;
    /** Prepared statements that are kept for their next use. */
    statementsMax: number;
    /** Calls that may wait; more are LIMIT_EXCEEDED. */
    queueMax: number;
    /** For how long a transaction may lie idle before it is rolled back. */
    transactionIdleMs: number;
  };
  /** The file and its cache. */
  sqlite: {
    /** Upper limit of SQLite's page cache. A smaller one takes effect at once. */
    cacheBytes: number;
    /** How a commit is kept whole. `capabilities.journalMode` says what is in force. */
    journalMode: 'wal' | 'truncate' | 'persist' | 'delete';
    /** Whether every write is refused with READ_ONLY. The files are not changed, not even by opening and closing them. */
    readOnly: boolean;
  };
  /** Writes. */
  ingest: {
    /** Within what time a relaxed write is on storage. */
    groupCommitMs: number;
    /**
     * Of writes that name no durability. 'full': on storage when the promise resolves. 'relaxed': committed, and on
     * storage within `groupCommitMs`; the end of a tab loses nothing, a power cut may lose that much. Without a WAL
     * every write is full.
     */
    durability: 'full' | 'relaxed';
  };
}

/** Some of the members, at every depth. */
export type DeepPartial<T> = { [K in keyof T]?: T[K] extends object ? DeepPartial<T[K]> : T[K] };

/** Counters since the database was opened here. */
export interface Stats {
  /** Prepared statements: kept now, runs that found theirs kept, runs that had to prepare it. */
  statements: { cached: number; hits: number; misses: number };
  /** Segments of each dataset: all, those whose rows have changed since they were made, rows in the others, bytes of all. */
  columnstore: { dataset: string; segments: number; staleSegments: number; rows: number; bytes: number }[];
}
