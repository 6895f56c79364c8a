/** SQLite files of other programs at size: read where they lie, in memory that does not grow with them. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { before, describe, test } from 'node:test';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

const ROWS = 100_000;
/** Of which only the first bytes of each row are wanted: 105 MB. */
const NOTE_BYTES = 960;
/** The whole engine with its page cache, and the file's; less than a third of the file. */
const WASM_BYTES_MAX = 32 * 1024 * 1024;

async function largeFile(): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'lotwise-'));
  try {
    const path = join(folder, 'production_analysis.db');
    const db = new DatabaseSync(path);
    db.exec(`PRAGMA journal_mode = wal;
      CREATE TABLE lots (lot TEXT, good INTEGER, note TEXT);
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
      INSERT INTO lots SELECT printf('L%06d', i * 7919 % ${ROWS}), i % 100, printf('%0${NOTE_BYTES}d', i) FROM n;
      CREATE INDEX by_lot ON lots (lot);`);
    db.close();
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The worker of the package, which answers how large the memory of its wasm instance is. */
const MEASURED_WORKER = `
import '/pkg/worker.js';
const { instantiate } = WebAssembly;
const channel = new BroadcastChannel('wasm-memory');
WebAssembly.instantiate = async (...given) => {
  const made = await instantiate(...given);
  const { memory } = (made.instance ?? made).exports;
  channel.onmessage = () => channel.postMessage(memory.buffer.byteLength);
  return made;
};
`;

for (const kind of ['chromium', 'firefox'] as const) {
  describe(kind, () => {
    const suite = useBrowser(kind);
    before(async () => {
      const file = await largeFile();
      assert.ok(file.length > 100e6 && file[18] === 2, `${file.length} bytes, in WAL mode`);
      suite.server.route('/large.db', () => ({ type: 'application/vnd.sqlite3', body: file }));
      suite.server.route('/measured/worker.js', () => ({ type: 'text/javascript', body: MEASURED_WORKER }));
    }, { timeout: TEST_MS_MAX });

    test('a file of 100 MB needs a fraction of it as memory, from every kind of source', { timeout: 2 * TEST_MS_MAX }, async (t) => {
      const got = await suite.inTab(async () => {
        const lots = { name: 'lots', columns: { lot: { type: 'text', required: true }, good: { type: 'integer' } } } as const;
        const blob = await (await fetch('/large.db')).blob();
        const sources = { blob: () => blob, file: () => new File([blob], 'large.db'), stream: () => blob.stream(), response: () => fetch('/large.db'), bytes: () => blob.arrayBuffer() };
        const found: Record<string, { wasmBytes: number; ms: number; phases: string; answered: boolean }> = {};
        const results: Record<string, unknown> = {};
        for (const [name, source] of Object.entries(sources)) {
          const db = await lotwise.open({ name: 'large', datasets: [lots], workerUrl: '/measured/worker.js' });
          const phases = new Set<string>();
          let asked: Promise<unknown> | undefined;
          const { rows, skipped, bytes, ignored, elapsedMs } = await db.importFile(await source(), { dataset: 'lots', onProgress: ({ phase, done, total }) => {
            phases.add(phase);
            if (phase === 'import' && done !== total) asked ??= db.query('SELECT count(*) AS n FROM lots');
          } });
          const sums = await db.query('SELECT count(*) AS n, sum(good) AS good, count(DISTINCT lot) AS lots FROM lots');
          const channel = new BroadcastChannel('wasm-memory');
          const wasmBytes = await new Promise<number>((resolve) => {
            channel.onmessage = ({ data }) => resolve(data as number);
            channel.postMessage('ask');
          });
          channel.close();
          await db.close();
          const folder = await (await (await navigator.storage.getDirectory()).getDirectoryHandle('lotwise')).getDirectoryHandle('large');
          const left: string[] = [];
          for await (const [entry, handle] of folder.entries()) {
            if (entry !== 'live') for await (const file of (handle as FileSystemDirectoryHandle).keys()) left.push(`${entry}/${file}`);
          }
          await lotwise.remove('large');
          results[name] = { rows, skipped, whole: bytes === blob.size, ignored, left, ...sums.rows[0] };
          found[name] = { wasmBytes, ms: elapsedMs, phases: [...phases].join(), answered: asked === undefined || await asked.then(() => true) };
        }
        return { found, results };
      });
      const expected = { rows: ROWS, skipped: 0, whole: true, ignored: ['note'], left: [], n: ROWS, good: ROWS * 49.5, lots: ROWS };
      for (const [name, result] of Object.entries(got.results)) assert.deepEqual(result, expected, name);
      for (const [name, { wasmBytes, ms, phases, answered }] of Object.entries(got.found)) {
        assert.ok(wasmBytes < WASM_BYTES_MAX && answered, `${name}: ${wasmBytes} bytes of wasm memory`);
        assert.match(phases, name === 'stream' || name === 'response' ? /^read,(check,)?import$/ : /^(check,)?import$/, name);
        t.diagnostic(`${name}: ${(ms / 1000).toFixed(1)} s, ${(wasmBytes / 1e6).toFixed(0)} MB of wasm memory`);
      }
    });

    test('a source that fails or changes while it is read is named, with a way out, and leaves nothing', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const lots = { name: 'lots', columns: { lot: { type: 'text' }, good: { type: 'integer' } } } as const;
        const large = await (await fetch('/large.db')).blob();
        const db = await lotwise.open({ name: 'failing', datasets: [lots] });
        await db.append('lots', [{ lot: 'before', good: 1 }]);
        const root = await navigator.storage.getDirectory();
        const handle = await root.getFileHandle('chosen.db', { create: true });
        const write = async (blob: Blob) => {
          const writable = await handle.createWritable();
          await writable.write(blob);
          await writable.close();
        };
        await write(large);
        const chosen = await handle.getFile();
        await write(large.slice(0, 50_000_000));
        const changed = await failureOf(db.importFile(chosen, { dataset: 'lots' }));
        const inspected = await failureOf(db.inspectFile(chosen));
        let given = 0;
        const reset = await failureOf(db.importFile(new ReadableStream<Uint8Array>({ async pull(controller) {
          if (given > 20e6) controller.error(new Error('connection reset'));
          else controller.enqueue(new Uint8Array(await large.slice(given, given += 1e6).arrayBuffer()));
        } }), { dataset: 'lots' }));
        const cut = await failureOf(db.importFile(large.slice(0, 60_000_001).stream(), { dataset: 'lots' }));
        const give = new AbortController();
        const cancelled = await failureOf(db.importFile(large.stream(), { dataset: 'lots', signal: give.signal, onProgress: () => give.abort() }));
        const { rows } = await db.query('SELECT lot, good FROM lots');
        await db.append('lots', [{ lot: 'after', good: 2 }]);
        await db.close();
        const bytes = (await lotwise.list()).find(({ name }) => name === 'failing')!.bytes;
        await lotwise.remove('failing');
        await root.removeEntry('chosen.db');
        return { changed, inspected, reset, cut, cancelled, rows, bytes };
      });
      for (const failure of [got.changed, got.inspected, got.reset, got.cut]) assert.equal(failure?.code, 'INPUT_INVALID', failure?.message);
      for (const failure of [got.changed, got.inspected]) assert.match(failure!.message, /could not be read|source failed/);
      assert.match(got.changed!.message, /choose it again/);
      assert.match(got.reset!.message, /connection reset/);
      assert.match(got.cut!.message, /damaged/);
      assert.equal(got.cancelled?.code, 'CANCELLED');
      assert.deepEqual(got.rows, [{ lot: 'before', good: 1 }]);
      assert.ok(got.bytes < 1e6, `${got.bytes} bytes are left`);
    });

    test('what a worker that was ended in the middle of a stream has left is gone after the next opening', { timeout: TEST_MS_MAX }, async () => {
      const lots = { name: 'lots', columns: { lot: { type: 'text' } } } as const;
      await suite.withTab(async (tab) => {
        await tab.run(async (dataset) => {
          const db = await lotwise.open({ name: 'ended', datasets: [dataset] });
          const head = await (await fetch('/large.db')).blob();
          const stalling = new ReadableStream<Uint8Array>({ async start(controller) { controller.enqueue(new Uint8Array(await head.slice(0, 5e6).arrayBuffer())); } });
          await new Promise<void>((resolve) => { void failureOf(db.importFile(stalling, { dataset: 'lots', onProgress: () => resolve() })); setTimeout(resolve, 2_000); });
        }, lots);
      });
      const got = await suite.inTab(async (dataset) => {
        const bytes = async () => (await lotwise.list()).find(({ name }) => name === 'ended')!.bytes;
        const found = await bytes();
        const db = await lotwise.open({ name: 'ended', datasets: [dataset] });
        let left = await bytes();
        for (let tries = 0; tries < 100 && left > 1e6; tries++) {
          await new Promise((resolve) => { setTimeout(resolve, 20); });
          left = await bytes();
        }
        await db.close();
        await lotwise.remove('ended');
        return { found, left };
      }, lots);
      assert.ok(got.found > 4e6 && got.left < 1e6, JSON.stringify(got));
    });
  });
}
