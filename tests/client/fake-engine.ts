/** A database object over an engine that only notes what it is asked, in the same thread. */

import { encodeRows } from '../../src/ts/batch/encode.ts';
import type { ConfigPatch } from '../../src/ts/config.ts';
import { EngineDatabase } from '../../src/ts/database.ts';
import type { CallOptions, Engine, EngineImport, EngineJob, EngineStream, Reply } from '../../src/ts/engine.ts';
import { LotwiseError } from '../../src/ts/errors.ts';
import { spoolInMemory } from '../../src/ts/foreign-file.ts';
import { Processor, type Host } from '../../src/ts/processor.ts';
import type { FromEngine, OpenMessage } from '../../src/ts/protocol.ts';
import { Session, type Connect } from '../../src/ts/session.ts';
import type { Config } from '../../src/ts/types.ts';

const MESSAGE: OpenMessage = { name: 'fake', storage: 'memory', datasets: [], config: {}, wasmUrl: undefined };

const CONFIG: Config = {
  profile: 'dashboard',
  query: { timeoutMs: 30_000, batchRows: 1_000, resultBytesMax: 1e8, statementsMax: 100, queueMax: 1_000, transactionIdleMs: 10_000 },
  sqlite: { cacheBytes: 1e8, journalMode: 'wal', readOnly: false },
  ingest: { groupCommitMs: 10, durability: 'full' },
};

function configOf({ profile, query, sqlite, ingest }: ConfigPatch): Config {
  return {
    profile: profile ?? CONFIG.profile, query: { ...CONFIG.query, ...query }, sqlite: { ...CONFIG.sqlite, ...sqlite }, ingest: { ...CONFIG.ingest, ...ingest },
  };
}

/** One fake, over all its lives. */
export class Fake {
  /** What reached the engine, in order. */
  readonly log: string[] = [];
  /** Milliseconds that each query takes. */
  queryMs = 0;
  /** What an inspection wants to see. */
  inspectBytes = 0;
  /** Indexes that are missing, each with its steps: `read`, then others that need the writer. */
  indexes: ('read' | 'merge' | 'FAIL' | 'PANIC')[][] = [];
  /** Segments that are to be made, each with its steps. */
  seals: ('seal' | 'FAIL')[][] = [];
  /** How often segments have to wait before there is nothing to do. */
  sealsWaiting = 0;
  /** Milliseconds that each step of a job takes. */
  stepMs = 0;
  /** How often an import has to be finished before it is. */
  finishes = 1;
  engines = 0;
  /** Batches that a stream has. */
  streamBatches = 2;
  opened = 0;
  ended = 0;
  failOpen: unknown;
  failBegin = false;
  /** Operation whose message does not get through. */
  failPost: string | undefined;
  failCommit = false;
  /** How often a flush fails before it succeeds. */
  failFlushes = 0;
  /** What transactions with these keys were told when they were committed. */
  readonly repeats = new Map<string, string>();

  /** `PANIC` as statement panics, `FAIL` fails as the engine does; others are answered with one row. */
  engine(opened: ConfigPatch): Engine {
    let config = configOf(opened);
    let unsynced = false;
    let open: CallOptions = { timeoutMs: 0 };
    const run = (what: string): void => {
      this.log.push(what);
      if (what.includes('PANIC')) throw new WebAssembly.RuntimeError('unreachable');
      if (what.includes('FAIL')) throw { lotwise: true, code: 'SQL_INVALID', message: 'near "FAIL"', retryable: false, details: { offset: 0 } };
      const until = performance.now() + this.queryMs;
      while (performance.now() < until);
    };
    const reply = (what: string): Reply => {
      run(what);
      return { batch: encodeRows([{ sql: what }], 'fake'), meta: { route: 'index', rows: 1, dataVersion: 7 } };
    };
    const committed = ({ durability = config.ingest.durability }: CallOptions): void => { unsynced ||= durability === 'relaxed'; };
    const write = (what: string, options: CallOptions) => {
      run(what);
      if (!options.transaction) committed(options);
      return { changes: 1, lastInsertRowid: 2, dataVersion: 8 };
    };
    return {
      config: () => config,
      configure: (given) => {
        this.log.push(`configure ${JSON.stringify(given)}`);
        if (given.query?.timeoutMs === 0) throw { lotwise: true, code: 'CONFIG_INVALID', message: 'query.timeoutMs', retryable: false };
        config = configOf(given);
      },
      statements: () => ({ cached: 1, hits: 2, misses: 3 }),
      columnstore: () => [{ dataset: 't', segments: 2, staleSegments: 1, rows: 9, bytes: 81 }],
      unsynced: () => unsynced,
      flush: () => {
        this.log.push('flush');
        if (this.failFlushes-- > 0) throw { lotwise: true, code: 'STORAGE_FULL', message: 'full', retryable: false };
        unsynced = false;
      },
      capabilities: () => ({ storage: 'memory', journalMode: config.sqlite.journalMode, synchronous: 'full', sqliteVersion: '3', pageBytes: 8192, pageCacheBytes: 0 }),
      query: (sql, params, { timeoutMs }) => reply(sql === 'TIMEOUT' ? String(timeoutMs) : `${sql}${params === undefined ? '' : JSON.stringify(params)}`),
      aggregate: (query) => reply(`aggregate ${query.dataset}`),
      records: (query) => ({ ...reply(`records ${query.dataset}`), next: 'key' }),
      execute: (sql, _params, options) => write(`execute ${sql}`, options),
      executeMany: (sql, _batch, named, options) => write(`executeMany ${sql} ${named}`, options),
      append: (dataset, _batch, options) => write(`append ${dataset} ${options.onConflict}`, options),
      explain: () => ({ route: 'index', sql: '', steps: [], indexes: [], fullScans: [], temporarySorts: 0, partitions: ['live'] }),
      define: ({ name }) => run(`define ${name}`),
      writes: (sql) => /insert|update|delete/i.test(sql),
      begin: (options) => {
        const { idempotencyKey } = open = options;
        this.log.push('begin');
        if (this.failBegin) throw { lotwise: true, code: 'SQL_INVALID', message: 'no', retryable: false };
        return this.repeats.get(idempotencyKey ?? '');
      },
      commit: (result) => {
        this.log.push(`commit ${result}`.trim());
        if (this.failCommit) throw { lotwise: true, code: 'SQL_INVALID', message: 'no', retryable: false };
        committed(open);
        return 8;
      },
      rollback: () => { this.log.push('rollback'); },
      savepoint: () => { this.log.push('savepoint'); },
      endSavepoint: (keep) => { this.log.push(keep ? 'release' : 'undo'); },
      openStream: (sql) => this.#stream(sql),
      openExport: (target, _params, asFile) => this.#stream(`export ${JSON.stringify(target)} ${asFile}`),
      inspect: (head, isWhole, encoding, { dataset }) => {
        this.log.push(`inspect ${dataset} ${head.length} ${isWhole} ${encoding}`);
        if (!isWhole && head.length < this.inspectBytes) return undefined;
        return { dataset: JSON.stringify({ name: dataset, columns: { a: { type: 'text' } } }), detected: { format: 'csv' }, batch: encodeRows([{ a: 1 }], 'fake') };
      },
      inspectFile: (size, read, { dataset }) => {
        this.log.push(`inspectFile ${dataset} ${size} ${read(0, 6)}`);
        return { dataset: JSON.stringify({ name: dataset, columns: {} }), detected: { format: 'sqlite' }, batch: encodeRows([], 'fake') };
      },
      importStart: (options) => this.#import(options.dataset),
      indexStart: () => this.#job('index', this.indexes.shift()),
      sealStart: () => this.#job('seal', this.seals.shift()),
      sealWaits: () => this.sealsWaiting-- > 0,
      close: () => { this.log.push('close'); },
    };
  }

  /** Batches of two rows. */
  #stream(sql: string): EngineStream {
    this.log.push(`stream ${sql}`);
    let batches = 0;
    return {
      next: (rows) => {
        this.log.push(`next ${rows}`);
        if (sql.includes('FAIL')) throw { lotwise: true, code: 'TIMEOUT', message: 'late', retryable: true };
        batches += 1;
        return { reply: { batch: encodeRows([{ n: batches }, { n: batches }], 'fake'), meta: { route: 'scan', rows: 2, dataVersion: 7 } }, more: batches < this.streamBatches };
      },
      close: () => { this.log.push('close stream'); },
      free: () => {},
    };
  }

  #job(kind: 'index' | 'seal', steps: readonly string[] | undefined): EngineJob | undefined {
    if (steps === undefined) return undefined;
    const left = [...steps];
    this.log.push(kind);
    return {
      needsWriter: () => left[0] !== 'read',
      step: () => {
        const step = left.shift() ?? 'nothing';
        this.log.push(`${kind} ${step}`);
        const until = performance.now() + this.stepMs;
        while (performance.now() < until);
        if (step === 'PANIC') throw new WebAssembly.RuntimeError('unreachable');
        if (step === 'FAIL') throw { lotwise: true, code: 'STORAGE_FULL', message: 'full', retryable: false };
        return left.length === 0;
      },
      abort: () => { this.log.push(`${kind} abort`); },
      free: () => { this.log.push(`${kind} free`); },
    };
  }

  #import(dataset: string): EngineImport {
    this.log.push(`import ${dataset}`);
    let bytes = 0;
    let { finishes } = this;
    return {
      setEncoding: (label) => { this.log.push(label); },
      push: (chunk) => {
        bytes += chunk.length;
        if (new TextDecoder().decode(chunk.subarray(0, 5)) === 'PANIC') throw new WebAssembly.RuntimeError('unreachable');
      },
      readFile: (size, read) => {
        this.log.push(`readFile ${size}`);
        while (bytes < size) bytes += read(bytes, Math.min(4_096, size - bytes)).length;
      },
      finish: () => {
        this.log.push(`finish ${bytes}`);
        if (--finishes > 0) return undefined;
        return { detected: { format: 'csv' }, rows: 1, skipped: 0, errors: [], ignored: [] };
      },
      abort: () => { this.log.push('abort'); },
      free: () => { this.log.push('free'); },
    };
  }

  /** Messages go through a task, as between threads. */
  readonly connect: Connect = (listener) => {
    this.engines += 1;
    let ended = false;
    const host: Host = {
      post: (message: FromEngine) => { setImmediate(() => { if (!ended) listener.message(structuredClone(message)); }); },
      load: async () => ({
        open: async ({ config }) => {
          if (this.failOpen !== undefined) throw this.failOpen;
          this.opened += 1;
          return this.engine(config);
        },
      }),
      own: async () => async () => { this.log.push('released'); },
      spool: async () => spoolInMemory(),
      pause: () => new Promise((resolve) => { setImmediate(resolve); }),
    };
    const processor = new Processor(host);
    setImmediate(() => processor.greet());
    return {
      post: (message, transfer) => {
        if (message.kind === 'call' && message.operation.op === this.failPost) throw new DOMException('no', 'DataCloneError');
        const copy = structuredClone(message, { transfer });
        setImmediate(() => { if (!ended) processor.receive(copy); });
      },
      end: () => {
        if (!ended) this.ended += 1;
        ended = true;
      },
    };
  };

  async open(message: Partial<OpenMessage> = {}, signal?: AbortSignal): Promise<EngineDatabase> {
    const options = { ...MESSAGE, ...message };
    let database: EngineDatabase | undefined;
    const { session, capabilities } = await Session.open(this.connect, options, signal, () => database?.lost());
    database = new EngineDatabase(
      options.name,
      { ...capabilities, role: 'leader', persisted: false, crossOriginIsolated: false, cancellation: 'deadline', workersMax: 1 },
      session,
      async (onLost, config = options.config) => (await Session.open(this.connect, { ...options, config }, undefined, onLost)).session,
    );
    return database;
  }
}

/** For assert.rejects: a LotwiseError with this code whose message matches. */
export function lotwiseError(code: string, message = /./, retryable?: boolean): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof LotwiseError)) throw error;
    if (error.code !== code || !message.test(error.message)) throw new Error(`expected ${code} ${message}, got ${error.code}: ${error.message}`);
    if (retryable !== undefined && error.retryable !== retryable) throw new Error(`expected retryable ${retryable}: ${error.message}`);
    return true;
  };
}
