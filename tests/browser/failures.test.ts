/** What goes wrong around the engine: panics, files that do not load, hostile input, closing at a bad time. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { packageFolder } from './helpers/server.ts';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The worker of the package with a statement that makes the engine panic; nothing of it is in the package. */
async function faultyWorker(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT, entryPoints: ['tests/browser/helpers/faulty-worker.ts'], bundle: true, write: false, format: 'esm', target: 'es2022',
    alias: { 'lotwise-wasm': './target/wasm-bindgen/wasm-test/lotwise.js' },
  });
  return outputFiles[0]!.text;
}

for (const kind of ['chromium', 'firefox'] as const) {
  describe(kind, () => {
    const suite = useBrowser(kind);
    before(async () => {
      const entry = await readFile(join(packageFolder, 'index.js'));
      suite.server.route('/bare/index.js', () => ({ type: 'text/javascript', body: entry }));
      const [script, module, glue] = [await faultyWorker(), await readFile(join(ROOT, 'target/wasm-bindgen/wasm-test/lotwise_bg.wasm')), await readFile(join(packageFolder, 'lotwise_bg.wasm'))];
      suite.server.route('/faulty/worker.js', () => ({ type: 'text/javascript', body: script }));
      suite.server.route('/faulty/lotwise_bg.wasm', () => ({ type: 'application/wasm', body: module }));
      suite.server.route('/as-text/lotwise_bg.wasm', () => ({ type: 'text/plain', body: glue }));
      suite.server.route('/wrong/page.html', () => ({ type: 'text/html', body: '<!doctype html><title>Not found</title>' }));
      suite.server.route('/wrong/other.js', () => ({ type: 'text/javascript', body: 'postMessage({ kind: "ready", protocol: -1, now: 0 });' }));
      suite.server.route('/wrong/throws.js', () => ({ type: 'text/javascript', body: 'throw new Error("not made for workers");' }));
    });

    for (const storage of ['opfs', 'memory'] as const) {
      test(`a panic is INTERNAL for its call, WORKER_LOST for those behind it, and the next call works (${storage})`, { timeout: TEST_MS_MAX }, async () => {
        const got = await suite.inTab(async (storage) => {
          let started = 0;
          let ended = 0;
          globalThis.Worker = class extends Worker {
            constructor(...given: ConstructorParameters<typeof Worker>) {
              super(...given);
              started += 1;
            }
            override terminate(): void {
              ended += 1;
              super.terminate();
            }
          };
          const db = await lotwise.open({ name: 'panics', storage, workerUrl: '/faulty/worker.js', wasmUrl: '/faulty/lotwise_bg.wasm' });
          await db.execute("INSERT INTO production_records (production_date, item_code, lot_number, line, shift, good_quantity, defect_quantity, defect_code) VALUES ('2025-06-10', 'I', 'L1', 'A', 1, 1, 0, '')");
          const [panic, behind, write] = await Promise.all([failureOf(db.query('PANIC')), failureOf(db.query('SELECT 1')), failureOf(db.execute('DELETE FROM production_records'))]);
          const { rows } = await db.query('SELECT count(*) AS n FROM production_records');
          await db.close();
          if (storage === 'opfs') await lotwise.remove('panics');
          return { panic, behind, write, rows, started, ended };
        }, storage);
        assert.deepEqual([got.panic?.code, got.panic?.retryable], ['INTERNAL', false]);
        assert.match(got.panic!.message, /query\(\): .*panicked at.*\.rs/s);
        assert.deepEqual([got.behind?.code, got.behind?.retryable, got.write?.code], ['WORKER_LOST', true, 'WORKER_LOST']);
        assert.deepEqual(got.rows, [{ n: storage === 'opfs' ? 1 : 0 }]);
        assert.equal(/in memory only: its data is lost/.test(got.panic!.message), storage === 'memory');
        assert.deepEqual([got.started, got.ended], [2, 2]);
      });
    }

    test('a worker script or wasm file that does not load is named, with the way out, and leaves no lock', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const attempt = (options: object) => failureOf(lotwise.open({ name: 'urls', ...options }));
        const failures = {
          noWorker: await attempt({ workerUrl: '/missing/worker.js' }),
          htmlWorker: await attempt({ workerUrl: '/wrong/page.html' }),
          otherOrigin: await attempt({ workerUrl: 'http://127.0.0.1:9/worker.js' }),
          otherVersion: await attempt({ workerUrl: '/wrong/other.js' }),
          throwing: await attempt({ workerUrl: '/wrong/throws.js' }),
          noWasm: await attempt({ wasmUrl: '/missing/lotwise_bg.wasm' }),
          htmlWasm: await attempt({ wasmUrl: new URL('/wrong/page.html', location.href) }),
          noAddress: await attempt({ wasmUrl: 'http://[' }),
        };
        const bare = await import('/bare/index.js' as string) as typeof lotwise;
        const alone = await failureOf(bare.open({ name: 'urls' }));
        const held = (await navigator.locks.query()).held?.map(({ name }) => name);
        const db = await lotwise.open({ name: 'urls', workerUrl: new URL('/pkg/worker.js', location.href), wasmUrl: '/as-text/lotwise_bg.wasm' });
        const { rows } = await db.query('SELECT 1 AS one');
        await db.close();
        return { failures, alone, held, rows };
      });
      for (const [key, failure] of Object.entries(got.failures)) assert.equal(failure?.code, 'CONFIG_INVALID', `${key}: ${failure?.message}`);
      const { noWorker, htmlWorker, otherOrigin, otherVersion, throwing, noWasm, htmlWasm, noAddress } = got.failures;
      assert.match(noWorker!.message, /\/missing\/worker\.js.*workerUrl.*wasmUrl/);
      assert.match(htmlWorker!.message, /\/wrong\/page\.html/);
      assert.match(otherOrigin!.message, /127\.0\.0\.1:9/);
      assert.match(otherVersion!.message, /another version.*workerUrl/);
      assert.match(throwing!.message, /\/wrong\/throws\.js/);
      assert.match(noWasm!.message, /\/missing\/lotwise_bg\.wasm: the server answered 404.*wasmUrl.*workerUrl/);
      assert.match(htmlWasm!.message, /\/wrong\/page\.html.*served as text\/html/);
      assert.match(noAddress!.message, /wasmUrl 'http:\/\/\[' is no address/);
      assert.match(got.alone!.message, /worker\.js beside this module.*workerUrl.*wasmUrl/);
      assert.deepEqual(got.held, []);
      assert.deepEqual(got.rows, [{ one: 1 }], 'a wasm file served as text/plain is good enough');
    });

    test('options of open() are checked', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const attempt = async (options: unknown) => (await failureOf(lotwise.open(options as object)))?.message;
        return {
          messages: [
            await attempt({ name: 'Upper' }), await attempt({ name: '' }), await attempt({ name: 'a'.repeat(65) }), await attempt({ name: '../x' }), await attempt({ name: 7 }),
            await attempt({ storage: 'disk' }), await attempt({ colour: {} }), await attempt({ datasets: {} }), await attempt({ signal: 1 }), await attempt(null),
            await attempt({ storage: 'memory', datasets: [{ name: 'a', columns: { rowid: { type: 'text' } } }] }),
            await attempt({ storage: 'memory', datasets: [{ name: 'a', columns: { a: { type: 'text' } }, colour: 'red' }] }),
          ],
          code: (await failureOf(lotwise.open({ name: 'Upper' })))?.code,
          cancelled: (await failureOf(lotwise.open({ signal: AbortSignal.abort() })))?.code,
        };
      });
      const expected = [/'Upper' is no name/, /'' is no name/, /64 characters/, /'\.\.\/x'/, /a number is no name/, /storage .*'opfs' or 'memory', not 'disk'/,
        /no option 'colour'/, /datasets have to be an array/, /AbortSignal/, /options have to be an object/, /rowid/, /colour/];
      got.messages.forEach((message, index) => assert.match(message ?? '', expected[index]!));
      assert.deepEqual([got.code, got.cancelled], ['CONFIG_INVALID', 'CANCELLED']);
    });

    test('opening can be given up at any moment and leaves no worker and no lock', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const codes: (string | undefined)[] = [];
        for (const delayMs of [0, 1, 5, 20, 60, 150]) {
          const give = new AbortController();
          const opening = lotwise.open({ name: 'given-up', signal: give.signal });
          setTimeout(() => give.abort(), delayMs);
          const failure = await failureOf(opening.then((db) => db.close()));
          codes.push(failure?.code);
        }
        const db = await lotwise.open({ name: 'given-up' });
        await db.close();
        return codes;
      });
      assert.equal(got[0], 'CANCELLED');
      for (const code of got) assert.ok(code === 'CANCELLED' || code === undefined, code);
    });

    test('hostile input goes in and comes out unchanged, or is refused', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const columns = { name: { type: 'text' }, constructor: { type: 'integer' }, note: { type: 'text' }, raw: { type: 'blob' } } as const;
        const db = await lotwise.open({ storage: 'memory', datasets: [{ name: 'hostile', columns: { ...columns } }] });
        const huge = 'x'.repeat(3_000_000) + '\u{1F600}';
        const note = "a\0b'; DROP TABLE hostile; --\uFEFF\u202E\r\n\"";
        await db.append('hostile', [
          JSON.parse('{"name": "one", "constructor": 1}') as object,
          { name: huge, constructor: 2n ** 63n - 1n, note, raw: new Uint8Array(0) },
        ]);
        const refused = {
          proto: await failureOf(db.append('hostile', [JSON.parse('{"name": "x", "__proto__": "p"}') as object])),
          surrogate: await failureOf(db.append('hostile', [{ name: 'ok' }, { name: 'a\ud800' }])),
          bigint: await failureOf(db.append('hostile', [{ constructor: 2n ** 63n }])),
          date: await failureOf(db.append('hostile', [{ name: new Date() }])),
          param: await failureOf(db.query('SELECT ?', ['\udc00'])),
        };
        const { rows } = await db.query('SELECT name, constructor, note, raw FROM hostile ORDER BY constructor');
        const odd = await db.query('SELECT ? AS "__proto__", 2 AS "constructor"', [note]);
        const params = await db.query('SELECT ?1 AS big, typeof(?2) AS whole, typeof(?3) AS part, ?4 AS nan, ?5 AS inf, typeof(?6) AS flag, length(CAST(?7 AS BLOB)) AS bytes',
          [-(2n ** 63n), 3, 0.5, NaN, -Infinity, true, note]);
        const [row] = odd.rows;
        await db.close();
        return {
          sameText: rows[1]!['name'] === huge && rows[1]!['note'] === note, big: String(rows[1]!['constructor']), empty: (rows[1]!['raw'] as Uint8Array).length, first: rows[0],
          refused, proto: Object.getOwnPropertyDescriptor(row, '__proto__')?.value === note && Object.getPrototypeOf(row) === Object.prototype,
          params: { ...params.rows[0], big: String(params.rows[0]!['big']) }, bytes: new TextEncoder().encode(note).length,
        };
      });
      assert.deepEqual([got.sameText, got.big, got.empty, got.proto], [true, '9223372036854775807', 0, true]);
      assert.deepEqual(got.first, { name: 'one', constructor: 1, note: null, raw: null });
      assert.deepEqual(Object.values(got.refused).map((failure) => failure?.code), Array(5).fill('INPUT_INVALID'));
      assert.match(got.refused.proto!.message, /__proto__/);
      assert.deepEqual(got.refused.surrogate!.details, { column: 'name', row: 1 });
      assert.deepEqual(got.params, { big: '-9223372036854775808', whole: 'integer', part: 'real', nan: null, inf: -Infinity, flag: 'integer', bytes: got.bytes });
    });

    test('close() waits for what was called before it', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const db = await lotwise.open({ name: 'closing' });
        const row = { production_date: '2025-06-10', item_code: 'I', lot_number: 'L', line: 'A', shift: 1, good_quantity: 1, defect_quantity: 0, defect_code: '' };
        const writes = Array.from({ length: 5 }, () => db.append('production_records', Array.from({ length: 5_000 }, () => row)));
        const closing = db.close();
        const late = await failureOf(db.query('SELECT 1'));
        await closing;
        const changes = (await Promise.all(writes)).map((write) => write.changes);
        const again = await lotwise.open({ name: 'closing' });
        const { rows } = await again.query('SELECT count(*) AS n FROM production_records');
        await again.close();
        await lotwise.remove('closing');
        return { changes, late: late?.code, rows };
      });
      assert.deepEqual(got, { changes: Array(5).fill(5_000), late: 'CLOSED', rows: [{ n: 25_000 }] });
    });

    test('long statements end at their time limit, and cancelled ones are answered at once', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const db = await lotwise.open({ storage: 'memory' });
        const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
        const timed = async (work: Promise<unknown>) => {
          const began = performance.now();
          const failure = await failureOf(work);
          return { code: failure?.code, ms: performance.now() - began };
        };
        const timeout = await timed(db.query(endless, [], { timeoutMs: 200 }));
        const give = new AbortController();
        setTimeout(() => give.abort(), 50);
        const cancelled = await timed(db.query(endless, [], { timeoutMs: 1_500, signal: give.signal }));
        const after = await db.query('SELECT 1 AS one');
        await db.close();
        return { timeout, cancelled, rows: after.rows, queuedMs: after.meta.queuedMs };
      });
      assert.equal(got.timeout.code, 'TIMEOUT');
      assert.ok(got.timeout.ms >= 190 && got.timeout.ms < 5_000, `${got.timeout.ms} ms`);
      assert.equal(got.cancelled.code, 'CANCELLED');
      assert.ok(got.cancelled.ms < 1_000, `${got.cancelled.ms} ms`);
      assert.deepEqual(got.rows, [{ one: 1 }]);
      assert.ok(got.queuedMs > 300, `queued ${got.queuedMs} ms behind the statement that was given up`);
    });
  });
}
