/**
 * The public declarations of lotwise: what goes in, what comes out.
 *
 * Units: times in milliseconds (`…Ms`), sizes in bytes (`…Bytes`), limits `…Max`.
 * Dates are text: 'YYYY-MM-DD'; timestamps are epoch milliseconds (integer) or ISO-8601 text, as the
 * dataset declares. Integers come back as number while safe (|n| ≤ 2^53-1), else as bigint.
 *
 * Types only: nothing here knows an implementation.
 */
export type * from './types/config.ts';
export type * from './types/database.ts';
export type * from './types/dataset.ts';
export type * from './types/export.ts';
export type * from './types/import.ts';
export type * from './types/query.ts';
export type * from './types/result.ts';
export type * from './types/value.ts';
