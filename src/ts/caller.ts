/**
 * The calls that a database and a transaction have in common: public arguments become operations, answers
 * become results.
 *
 * Invariant: a call is checked and encoded before it is posted; nothing that the boundary would change
 * gets there. Knows neither where an operation goes nor what it means.
 */
import { BatchResult } from './batch/decode.ts';
import { encodeParams, encodeRows } from './batch/encode.ts';
import { checkOnConflict, checkParams, checkPlainData, checkQueryOptions, checkSql, checkStreamOptions, checkWriteOptions } from './check.ts';
import { LotwiseError, cancelled } from './errors.ts';
import type { Answer, Operation, ReplyAnswer } from './protocol.ts';
import type { CallSettings } from './session.ts';
import { isRead } from './sql.ts';
import type {
  AggregateQuery, AppendOptions, ColumnData, Page, Params, QueryOptions, RecordsQuery, Result, Row, StreamOptions, WriteOptions, WriteResult,
} from './types.ts';

/** The way of one call to the engine. */
export type Send = (operation: Operation, settings: CallSettings) => Promise<Answer>;

export abstract class Caller {
  /** Sends one call. */
  protected abstract send(operation: Operation, settings: CallSettings): Promise<Answer>;
  /** A way that leads to the same engine each time, for what lives there from call to call. */
  protected abstract pin(what: string): Promise<Send>;

  async query<T = Row>(sql: string, params?: Params, options: QueryOptions = {}): Promise<Result<T>> {
    const what = 'query()';
    checkSql(what, sql);
    checkQueryOptions(what, options);
    const answer = await this.send({ op: 'query', sql, params: checkParams(what, params) }, { what, ...options, abandonable: isRead(sql) });
    return resultOf(answer);
  }

  stream<T = Row>(sql: string, params?: Params, options: StreamOptions = {}): AsyncIterable<T[]> {
    const batches = this.batches<T>(sql, params, options);
    return {
      async *[Symbol.asyncIterator]() {
        for await (const { rows } of batches) yield rows;
      },
    };
  }

  async execute(sql: string, params?: Params, options: WriteOptions = {}): Promise<WriteResult> {
    const what = 'execute()';
    checkSql(what, sql);
    checkWriteOptions(what, options);
    const { idempotencyKey, durability, ...rest } = options;
    return writeResultOf(await this.send({ op: 'execute', sql, params: checkParams(what, params), idempotencyKey, durability }, { what, ...rest }));
  }

  async executeMany(sql: string, params: readonly Params[], options: WriteOptions = {}): Promise<WriteResult> {
    const what = 'executeMany()';
    checkSql(what, sql);
    checkWriteOptions(what, options);
    const { idempotencyKey, durability, ...rest } = options;
    const { batch, named } = encodeParams(params, what);
    return writeResultOf(await this.send({ op: 'executeMany', sql, batch, named, idempotencyKey, durability }, { what, ...rest, transfer: [batch.buffer] }));
  }

  async append(dataset: string, rows: readonly object[] | ColumnData, options: AppendOptions = {}): Promise<WriteResult> {
    const what = 'append()';
    if (typeof dataset !== 'string') throw new LotwiseError('QUERY_INVALID', `${what}: dataset has to be the name of a dataset.`);
    checkPlainData(dataset, `${what}: dataset`, 'QUERY_INVALID');
    checkWriteOptions(what, options, ['onConflict']);
    checkOnConflict(what, options, 'QUERY_INVALID');
    const { onConflict = 'error', idempotencyKey, durability, ...rest } = options;
    const batch = encodeRows(rows, what);
    return writeResultOf(await this.send({ op: 'append', dataset, batch, onConflict, idempotencyKey, durability }, { what, ...rest, transfer: [batch.buffer] }));
  }

  async aggregate<T = Row>(query: AggregateQuery, options: QueryOptions = {}): Promise<Result<T>> {
    const what = 'aggregate()';
    checkPlainData(query, 'query', 'QUERY_INVALID');
    checkQueryOptions(what, options);
    return resultOf(await this.send({ op: 'aggregate', query, route: options.route }, { what, ...options, abandonable: true }));
  }

  async records<T = Row>(query: RecordsQuery, options: QueryOptions = {}): Promise<Page<T>> {
    const what = 'records()';
    checkPlainData(query, 'query', 'QUERY_INVALID');
    checkQueryOptions(what, options);
    return resultOf(await this.send({ op: 'records', query }, { what, ...options, abandonable: true }));
  }

  /** The batches of a stream, in columns. */
  async *batches<T>(sql: string, params: Params | undefined, options: StreamOptions): AsyncGenerator<BatchResult<T>, void, undefined> {
    const what = 'stream()';
    checkSql(what, sql);
    checkStreamOptions(what, options);
    const { batchRows: rows, ...rest } = options;
    for await (const reply of this.replies({ op: 'streamOpen', sql, params: checkParams(what, params) }, rows, { what, ...rest })) {
      if (reply.meta.rows > 0) yield resultOf(reply);
    }
  }

  /**
   * The batches of what `open` opens, empty ones too, of so many rows or as configured. One is fetched ahead while
   * the caller works on the last.
   */
  protected async *replies(open: Operation, rows: number | undefined, settings: CallSettings): AsyncGenerator<ReplyAnswer, void, undefined> {
    const { what } = settings;
    const send = await this.pin(what);
    const opened = await send(open, settings);
    if (opened.type !== 'stream') throw unexpected(opened);
    const { stream } = opened;
    const fetch = async (): Promise<Answer & { type: 'batch' }> => {
      const answer = await send({ op: 'streamNext', stream, rows }, { ...settings, abandonable: true });
      if (answer.type !== 'batch') throw unexpected(answer);
      return answer;
    };
    let ahead: ReturnType<typeof fetch> | undefined;
    try {
      for (let more = true, next = fetch(); more; ) {
        const answer = await next;
        more = answer.more;
        if (more) {
          ahead = next = fetch();
          // Looked at in the next round, or by nobody where the caller has left the loop.
          next.catch(() => {});
        }
        yield answer.reply;
      }
    } finally {
      await ahead?.catch(() => {});
      // The engine may be gone, and the stream with it.
      await send({ op: 'streamClose', stream }, { what, timeoutMs: Number.POSITIVE_INFINITY }).catch(() => {});
    }
  }
}

function resultOf<T>(answer: Answer): BatchResult<T> {
  if (answer.type !== 'reply') throw unexpected(answer);
  const { batch, meta, elapsedMs, queuedMs, next } = answer;
  return new BatchResult<T>(
    batch,
    { route: meta.route, cache: 'bypass', ageMs: 0, elapsedMs, queuedMs, partitions: ['live'], dataVersion: meta.dataVersion },
    next,
  );
}

function writeResultOf(answer: Answer): WriteResult {
  if (answer.type !== 'write') throw unexpected(answer);
  const { changes, lastInsertRowid, dataVersion, elapsedMs } = answer;
  return { changes, lastInsertRowid, dataVersion, elapsedMs };
}

export function unexpected(answer: Answer): LotwiseError {
  return new LotwiseError('INTERNAL', `The engine gave an answer of type '${answer.type}' to another question.`);
}

export function throwIfGivenUp(what: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(what, signal.reason);
}
