/**
 * Checks of what callers hand in, before it is posted: what the boundary would lose or change without a
 * word (lone surrogates, functions, Dates) is refused here, with its place.
 *
 * Whether a query means something is the engine's to judge.
 */
import { describe } from './batch/encode.ts';
import { isWellFormed } from './batch/text.ts';
import type { PlainParams, PlainValue } from './engine.ts';
import { encodingOf } from './encoding/label.ts';
import { LotwiseError } from './errors.ts';
import type { ErrorCode, ExportOptions, ImportOptions, InspectOptions, OpenOptions, QueryOptions, StreamOptions, WriteOptions } from './types.ts';

const NAME = /^[a-z0-9_-]{1,64}$/;
const OPEN_OPTIONS: readonly (keyof OpenOptions)[] = ['name', 'storage', 'datasets', 'config', 'workerUrl', 'wasmUrl', 'signal'];
const FILE_OPTIONS: readonly (keyof InspectOptions)[] = ['format', 'table', 'delimiter', 'header', 'decimal', 'dateFormat', 'encoding', 'signal'];
const IMPORT_OPTIONS: readonly (keyof ImportOptions)[] = ['dataset', ...FILE_OPTIONS, 'columns', 'onError', 'onConflict', 'onProgress'];
const EXPORT_OPTIONS: readonly (keyof ExportOptions)[] = ['format', 'query', 'formulas', 'signal'];
const QUERY_OPTIONS: readonly (keyof QueryOptions)[] = ['signal', 'timeoutMs', 'onProgress', 'route'];

/** Timers take no more: 24.8 days. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** Deeper than any query that means something; a cycle ends here. */
const DEPTH_MAX = 64;

export function checkName(name: unknown): void {
  if (typeof name === 'string' && NAME.test(name)) return;
  const given = typeof name === 'string' ? `'${name.slice(0, 80)}'` : describe(name);
  throw new LotwiseError('CONFIG_INVALID', `name: ${given} is no name of a database; it takes 1 to 64 characters of a-z, 0-9, '-' and '_'.`);
}

export function checkOpenOptions(options: OpenOptions): void {
  checkMembers('open()', options, OPEN_OPTIONS, 'CONFIG_INVALID');
  if (options.name !== undefined) checkName(options.name);
  checkOneOf('open()', options, 'storage', ['opfs', 'memory'], 'CONFIG_INVALID');
  if (options.datasets !== undefined && !Array.isArray(options.datasets)) {
    throw new LotwiseError('CONFIG_INVALID', `open(): datasets have to be an array of datasets, not ${describe(options.datasets)}.`);
  }
  checkSignal('open()', options.signal, 'CONFIG_INVALID');
}

export function checkQueryOptions(what: string, options: QueryOptions, more: readonly string[] = []): void {
  checkMembers(what, options, [...QUERY_OPTIONS, ...more], 'QUERY_INVALID');
  const { timeoutMs } = options;
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX)) {
    throw new LotwiseError('QUERY_INVALID', `${what}: timeoutMs has to be a number of milliseconds above 0 and up to ${TIMEOUT_MS_MAX}.`);
  }
  checkOneOf(what, options, 'route', ['auto', 'columnstore', 'sql'], 'QUERY_INVALID');
  checkSignal(what, options.signal, 'QUERY_INVALID');
  checkListener(what, options.onProgress, 'QUERY_INVALID');
}

/** Long enough for any identifier; it is kept in the database. */
const KEY_LENGTH_MAX = 200;

export function checkWriteOptions(what: string, options: WriteOptions, more: readonly string[] = []): void {
  checkQueryOptions(what, options, ['idempotencyKey', 'durability', ...more]);
  checkOneOf(what, options, 'durability', ['full', 'relaxed'], 'QUERY_INVALID');
  const key: unknown = options.idempotencyKey;
  if (key === undefined || (typeof key === 'string' && key !== '' && key.length <= KEY_LENGTH_MAX && isWellFormed(key))) return;
  throw new LotwiseError('QUERY_INVALID', `${what}: idempotencyKey has to be text of 1 to ${KEY_LENGTH_MAX} characters.`);
}

/** More rows at a time are no faster, and have to be held in memory on both sides. */
const BATCH_ROWS_MAX = 1_000_000;

export function checkStreamOptions(what: string, options: StreamOptions): void {
  checkQueryOptions(what, options, ['batchRows']);
  const { batchRows } = options;
  if (batchRows === undefined || (Number.isInteger(batchRows) && batchRows >= 1 && batchRows <= BATCH_ROWS_MAX)) return;
  throw new LotwiseError('QUERY_INVALID', `${what}: batchRows has to be a whole number from 1 to ${BATCH_ROWS_MAX}.`);
}

export function checkOnConflict(what: string, options: { onConflict?: unknown }, code: ErrorCode): void {
  checkOneOf(what, options, 'onConflict', ['error', 'ignore', 'replace'], code);
}

export function checkImportOptions(options: ImportOptions): void {
  const what = 'importFile()';
  checkMembers(what, options, IMPORT_OPTIONS, 'INPUT_INVALID');
  if (typeof options.dataset !== 'string') throw new LotwiseError('INPUT_INVALID', `${what}: dataset has to be the name of a dataset.`);
  checkFileOptions(what, options);
  checkOneOf(what, options, 'onError', ['abort', 'skip'], 'INPUT_INVALID');
  checkOnConflict(what, options, 'INPUT_INVALID');
  if (options.onProgress !== undefined && typeof options.onProgress !== 'function') {
    throw new LotwiseError('INPUT_INVALID', `${what}: onProgress has to be a function.`);
  }
}

export function checkInspectOptions(options: InspectOptions): void {
  checkMembers('inspectFile()', options, FILE_OPTIONS, 'INPUT_INVALID');
  checkFileOptions('inspectFile()', options);
}

function checkFileOptions(what: string, options: InspectOptions): void {
  checkOneOf(what, options, 'format', ['csv', 'json', 'ndjson', 'sqlite'], 'INPUT_INVALID');
  checkOneOf(what, options, 'decimal', ['.', ','], 'INPUT_INVALID');
  checkEncoding(what, options.encoding);
  checkSignal(what, options.signal, 'INPUT_INVALID');
}

function checkEncoding(what: string, encoding: unknown): void {
  if (encoding === undefined || (typeof encoding === 'string' && encodingOf(encoding) !== undefined)) return;
  const given = typeof encoding === 'string' ? `'${encoding.slice(0, 80)}'` : describe(encoding);
  throw new LotwiseError('INPUT_INVALID', `${what}: encoding: ${given} is no encoding that TextDecoder knows here, such as 'utf-8', 'shift_jis', 'euc-kr', 'gb18030' or 'windows-1252'.`);
}

export function checkExportOptions(what: string, options: ExportOptions): void {
  checkMembers(what, options, EXPORT_OPTIONS, 'QUERY_INVALID');
  if (options.format === undefined) throw new LotwiseError('QUERY_INVALID', `${what}: format has to be given, such as 'csv'.`);
  checkOneOf(what, options, 'format', ['csv', 'json', 'ndjson', 'arrow', 'sqlite'], 'QUERY_INVALID');
  checkOneOf(what, options, 'formulas', ['escape', 'keep'], 'QUERY_INVALID');
  checkSignal(what, options.signal, 'QUERY_INVALID');
  const query: unknown = options.query;
  if (query === undefined) return;
  if (typeof query !== 'object' || query === null) throw new LotwiseError('QUERY_INVALID', `${what}: query has to be a query or { sql, params }, not ${describe(query)}.`);
  if (!('sql' in query)) return checkPlainData(query, 'query', 'QUERY_INVALID');
  checkMembers(`${what}: query`, query, ['sql', 'params'], 'QUERY_INVALID');
  checkSql(what, query.sql);
}

export function checkSql(what: string, sql: unknown): asserts sql is string {
  if (typeof sql !== 'string') throw new LotwiseError('SQL_INVALID', `${what}: the statement has to be text, not ${describe(sql)}.`);
  if (!isWellFormed(sql)) throw new LotwiseError('SQL_INVALID', `${what}: the statement holds half of a surrogate pair.`);
}

/** A copy of the parameters that crosses the boundary unchanged. */
export function checkParams(what: string, params: unknown): PlainParams | undefined {
  if (params === undefined) return undefined;
  if (Array.isArray(params)) return params.map((value, index) => plainValue(`${what}: parameter ${index + 1}`, value));
  if (typeof params !== 'object' || params === null || ArrayBuffer.isView(params)) {
    throw new LotwiseError('INPUT_INVALID', `${what}: parameters have to be an array (for ?) or an object (for :name), not ${describe(params)}.`);
  }
  const entries = Object.entries(params).map(([name, value]) => {
    if (!isWellFormed(name)) throw new LotwiseError('INPUT_INVALID', `${what}: the name of parameter '${name}' holds half of a surrogate pair.`);
    return [name, plainValue(`${what}: parameter '${name}'`, value)] as const;
  });
  return Object.fromEntries(entries);
}

function plainValue(place: string, value: unknown): PlainValue {
  const refuse = (problem: string): never => { throw new LotwiseError('INPUT_INVALID', `${place}: ${problem}`); };
  if (value === null || value instanceof Uint8Array) return value;
  switch (typeof value) {
    case 'boolean': return value ? 1 : 0;
    case 'number': return Number.isNaN(value) ? null : value;
    case 'string': return isWellFormed(value) ? value : refuse('the text holds half of a surrogate pair and would not come back as it is.');
    case 'bigint': return BigInt.asIntN(64, value) === value ? value : refuse('the integer does not fit in 64 bits.');
    default: return refuse(`${describe(value)} is no value; allowed are null, boolean, number, bigint, string and Uint8Array.`);
  }
}

/** Refuses in a query (or a dataset) what would not arrive as it was given: code, Dates, malformed text. */
export function checkPlainData(value: unknown, path: string, code: ErrorCode, depth = 0): void {
  if (value === null || value === undefined || value instanceof Uint8Array) return;
  switch (typeof value) {
    case 'boolean':
    case 'number':
    case 'bigint': return;
    case 'string':
      if (isWellFormed(value)) return;
      throw new LotwiseError(code, `${path}: the text holds half of a surrogate pair.`);
    case 'object': {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (depth > DEPTH_MAX) throw new LotwiseError(code, `${path}: more than ${DEPTH_MAX} levels deep.`);
      if (Array.isArray(value)) {
        value.forEach((member, index) => checkPlainData(member, `${path}[${index}]`, code, depth + 1));
        return;
      }
      if (prototype === null || Object.getPrototypeOf(prototype) === null) {
        for (const [key, member] of Object.entries(value)) {
          if (!isWellFormed(key)) throw new LotwiseError(code, `${path}.${key}: the name holds half of a surrogate pair.`);
          checkPlainData(member, `${path}.${key}`, code, depth + 1);
        }
        return;
      }
    }
  }
  throw new LotwiseError(code, `${path}: ${describe(value)} is no plain data.`);
}

// ───────────────────────── members of options ─────────────────────────

function checkMembers(what: string, options: unknown, known: readonly string[], code: ErrorCode): void {
  if (typeof options !== 'object' || options === null) throw new LotwiseError(code, `${what}: options have to be an object, not ${describe(options)}.`);
  const stranger = Object.keys(options).find((key) => !known.includes(key));
  if (stranger !== undefined) throw new LotwiseError(code, `${what}: there is no option '${stranger.slice(0, 80)}'; there are ${known.join(', ')}.`);
}

function checkOneOf(what: string, options: object, key: string, allowed: readonly string[], code: ErrorCode): void {
  const value: unknown = (options as Record<string, unknown>)[key];
  if (value === undefined || allowed.some((each) => each === value)) return;
  const given = typeof value === 'string' ? `'${value.slice(0, 80)}'` : describe(value);
  throw new LotwiseError(code, `${what}: ${key} has to be ${allowed.map((each) => `'${each}'`).join(' or ')}, not ${given}.`);
}

function checkSignal(what: string, signal: unknown, code: ErrorCode): void {
  if (signal === undefined || (typeof signal === 'object' && signal !== null && 'aborted' in signal)) return;
  throw new LotwiseError(code, `${what}: signal has to be an AbortSignal, not ${describe(signal)}.`);
}

function checkListener(what: string, onProgress: unknown, code: ErrorCode): void {
  if (onProgress === undefined || typeof onProgress === 'function') return;
  throw new LotwiseError(code, `${what}: onProgress has to be a function.`);
}
