/** Files on their way in: CSV and SQLite from every source, at size, cut off and broken. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import iconv from 'iconv-lite';
import { productionRecords, productionRecordsCsv } from '../../benches/workloads.ts';
import type { Dataset } from '../../src/ts/types.ts';
import { TEST_MS_MAX, useBrowser } from './helpers/suite.ts';

const FIXTURE = new URL('./fixtures/production_analysis.db', import.meta.url);
const FLIGHTS = new URL('../data/flights-200k.json', import.meta.resolve('vega-datasets'));
const SEED = 20230101;

/** Totals of a workload, computed without any database. */
function totalsOf(rows: number): { n: number; good: number; defects: number; worst: { defect_code: string; n: number }[] } {
  const totals = { n: 0, good: 0, defects: 0 };
  const codes = new Map<string, number>();
  for (const batch of productionRecords(rows, SEED)) {
    totals.n += batch.id.length;
    for (const good of batch.good_quantity) totals.good += good;
    for (const defects of batch.defect_quantity) totals.defects += defects;
    for (const code of batch.defect_code) codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  const worst = [...codes].map(([defect_code, n]) => ({ defect_code, n })).sort((a, b) => (a.defect_code < b.defect_code ? -1 : 1));
  return { ...totals, worst };
}

/** Files that begin with 400 KB of ASCII; those of encodings that do not have every byte end in one bad row. */
const ENCODED = [
  { label: 'shift_jis', note: '外観不良・ｷｽﾞ①', bad: 1 }, { label: 'euc-kr', header: 'lot,note,good', note: '외관 불량 확인', bad: 1 },
  { label: 'gb18030', note: '外观不良，需要复检', bad: 1 }, { label: 'windows-1252', header: 'lot,note,good', note: 'Größe außer Toleranz', bad: 1 },
  { label: 'utf-16le', note: '外観不良', bad: 0 }, { label: 'utf-8', header: 'lot,note,good', note: '外観不良', bad: 1 },
];

function encodedCsv({ label, note, bad }: typeof ENCODED[number]): Buffer {
  const rows = (from: number, text: string): string => Array.from({ length: 10_000 }, (_, i) => `L${from + i},${text},${from + i}\n`).join('');
  const whole = iconv.encode(`lot,note,good\n${rows(0, 'ASCII')}${rows(10_000, note)}`, label === 'euc-kr' ? 'cp949' : label);
  return bad === 0 ? whole : Buffer.concat([whole, Buffer.from(`L,a${label === 'windows-1252' ? '\x81' : '\xff'},1\n`, 'latin1')]);
}

for (const kind of ['chromium', 'firefox'] as const) {
  describe(kind, () => {
    const suite = useBrowser(kind);
    before(async () => {
      const sqlite = await readFile(FIXTURE);
      suite.server.route('/20k.csv', () => ({ type: 'text/csv', body: productionRecordsCsv(20_000, SEED) }));
      for (const file of ENCODED) suite.server.route(`/encoded/${file.label}.csv`, () => ({ type: 'text/csv', body: encodedCsv(file) }));
      const report = `生産日,ロット番号,良品数,温度\r\n${Array.from({ length: 10_000 }, (_, i) => `2025/6/${i % 28 + 1},L${i},"${i % 7},${String(i % 1000).padStart(3, '0')}",${i % 50}.5\r\n`).join('').replaceAll('"0,', '"1,')}`;
      suite.server.route('/report.csv', () => ({ type: 'text/csv', body: iconv.encode(report, 'shift_jis') }));
      suite.server.route('/analysis.db', () => ({ type: 'application/vnd.sqlite3', body: sqlite }));
    });

    test('a CSV comes in from every kind of source', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const text = await (await fetch('/20k.csv')).text();
        const bytes = new TextEncoder().encode(text);
        const streamed = (chunkBytes: number) => {
          let at = 0;
          return new ReadableStream<Uint8Array>({ pull(controller) {
            if (at >= bytes.length) return controller.close();
            controller.enqueue(bytes.subarray(at, at += chunkBytes));
          } });
        };
        const sources = {
          string: text, bytes, view: new Uint8Array(bytes.buffer, 0, bytes.length), buffer: bytes.buffer, blob: new Blob([bytes]), file: new File([bytes], 'records.csv'),
          response: await fetch('/20k.csv'), stream: streamed(65_537), smallChunks: streamed(4_099),
        };
        const results: Record<string, unknown> = {};
        const db = await lotwise.open({ name: 'sources' });
        for (const [key, source] of Object.entries(sources)) {
          await db.execute('DELETE FROM production_records');
          const { rows, skipped, bytes: length, errors, detected } = await db.importFile(source, { dataset: 'production_records' });
          const sums = await db.query('SELECT count(*) AS n, sum(good_quantity) AS good, sum(defect_quantity) AS defects FROM production_records');
          results[key] = { rows, skipped, whole: length === bytes.length, errors, format: detected.format, header: detected.header, ...sums.rows[0] };
        }
        await db.close();
        await lotwise.remove('sources');
        return { results, untouched: bytes.length > 0 };
      });
      const { n, good, defects } = totalsOf(20_000);
      const expected = { rows: n, skipped: 0, whole: true, errors: [], format: 'csv', header: true, n, good, defects };
      assert.equal(Object.keys(got.results).length, 9);
      for (const [key, result] of Object.entries(got.results)) assert.deepEqual(result, expected, key);
      assert.ok(got.untouched);
    });

    test('indexes follow a large import beside whatever else is called, also after a new start', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const text = await (await fetch('/20k.csv')).text();
        const indexes = "SELECT count(*) AS n FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'production_records'";
        const totals = 'SELECT count(*) AS n, sum(good_quantity) AS good FROM production_records WHERE id <= 20000';
        const seen = new Set<string>();
        const found: unknown[] = [];
        for (const restarts of [false, true]) {
          let db = await lotwise.open({ name: 'indexed' });
          await db.importFile(text, { dataset: 'production_records' });
          if (restarts) {
            await db.close();
            db = await lotwise.open({ name: 'indexed' });
          }
          let built = 0;
          for (let i = 0; i < 10_000 && built < 3; i++) {
            seen.add(JSON.stringify((await db.query(totals)).rows[0]));
            if (i === 1) await db.append('production_records', [{ production_date: '2025-01-01', item_code: 'X', lot_number: 'X1', line: 'L', shift: 1 }]);
            built = (await db.query<{ n: number }>(indexes)).rows[0]!.n;
          }
          const { steps } = await db.explain("SELECT id FROM production_records WHERE lot_number = 'x1'");
          const { rows } = await db.query("SELECT id FROM production_records WHERE lot_number = 'x1'");
          const [check] = (await db.query<{ integrity_check: string }>('PRAGMA integrity_check')).rows;
          found.push({ built, rows, check: check?.integrity_check, uses: steps.some(({ detail }) => detail.includes('idx_lot_number')) });
          await db.close();
          await lotwise.remove('indexed');
        }
        return { found, seen: [...seen] };
      });
      const { n, good } = totalsOf(20_000);
      assert.deepEqual(got.seen, [JSON.stringify({ n, good })]);
      const complete = { built: 3, rows: [{ id: 20_001 }], check: 'ok', uses: true };
      assert.deepEqual(got.found, [complete, complete]);
    });

    test('an import is all or nothing, or leaves out bad rows and tells them', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const header = 'id;Production Date;Item Code;Lot;LINE;Shift;good quantity;defectQuantity;defect_code\n';
        const csv = `${header}1;31.12.2024;A;"L;1";X;1;1.000;0;\n2;30.12.2024;A;L2;X;early;5;0;\n3;29.12.2024;B;L3;X;2;7;1;D01\n`;
        const db = await lotwise.open({ storage: 'memory' });
        const options = { dataset: 'production_records', delimiter: ';', dateFormat: 'DD.MM.YYYY', columns: { Lot: 'lot_number' } } as const;
        const clean = csv.replace('1.000', '1000');
        const aborted = await failureOf(db.importFile(clean, options));
        const none = await db.query('SELECT count(*) AS n FROM production_records');
        const report = await db.importFile(clean, { ...options, onError: 'skip' });
        const { rows } = await db.query('SELECT id, production_date, lot_number, good_quantity FROM production_records ORDER BY id');
        const again = await failureOf(db.importFile(clean, { ...options, onError: 'abort', onConflict: 'error' }));
        const nowhere = await failureOf(db.importFile(clean, { ...options, dataset: 'nowhere' }));
        await db.close();
        return { aborted, none: none.rows, report, rows, again, nowhere };
      });
      assert.equal(got.aborted?.code, 'INPUT_INVALID');
      assert.match(got.aborted!.message, /shift|early/);
      assert.deepEqual(got.none, [{ n: 0 }]);
      assert.deepEqual([got.report.rows, got.report.skipped, got.report.errors.length], [2, 1, 1]);
      assert.equal(got.report.errors[0]!.line, 3);
      assert.equal(got.report.errors[0]!.column, 'shift');
      assert.deepEqual(got.rows, [
        { id: 1, production_date: '2024-12-31', lot_number: 'L;1', good_quantity: 1000 }, { id: 3, production_date: '2024-12-29', lot_number: 'L3', good_quantity: 7 },
      ]);
      assert.ok(got.again !== undefined);
      assert.equal(got.nowhere?.code, 'NOT_FOUND');
    });

    test('text in the encodings of spreadsheets and machines comes in as it is', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async (labels) => {
        const db = await lotwise.open({ storage: 'memory', datasets: [{ name: 'lots', columns: { lot: { type: 'text', required: true }, note: { type: 'text' }, good: { type: 'integer' } } }] });
        const results: unknown[] = [];
        for (const label of labels) {
          await db.execute('DELETE FROM lots');
          const { detected, rows, skipped, errors } = await db.importFile(await fetch(`/encoded/${label}.csv`), { dataset: 'lots', onError: 'skip' });
          const all = await db.query("SELECT note, count(*) AS n, sum(good) AS good FROM lots GROUP BY note ORDER BY n, note");
          results.push({ encoding: detected.encoding, rows, skipped, errors, all: all.rows });
        }
        const unknown = await failureOf(db.importFile('lot\n', { dataset: 'lots', encoding: 'klingon' }));
        const forced = await db.importFile(new Uint8Array([0x6c, 0x6f, 0x74, 10, 0x93, 0x53]), { dataset: 'lots', encoding: 'sjis' });
        const undecidable = await failureOf(db.importFile(new Uint8Array([0x6c, 0x6f, 0x74, 10, 0x93, 0x53]), { dataset: 'lots' }));
        const iron = await db.query("SELECT count(*) AS n FROM lots WHERE lot = '鉄'");
        await db.close();
        return { results, unknown, forced: forced.detected.encoding, undecidable, iron: iron.rows };
      }, ENCODED.map(({ label }) => label));
      ENCODED.forEach(({ label, note, bad }, i) => {
        const expected = { encoding: label, rows: 20_000, skipped: bad, errors: [], all: [{ note: 'ASCII', n: 10_000, good: 49_995_000 }, { note, n: 10_000, good: 149_995_000 }] };
        const { errors, ...result } = got.results[i] as { errors: { line: number; column: string; reason: string }[] };
        assert.deepEqual({ ...result, errors: [] }, expected, label);
        assert.deepEqual(errors.map(({ line, column }) => [line, column]), bad === 0 ? [] : [[20_002, 'note']], label);
      });
      assert.match(got.unknown!.message, /encoding: 'klingon'/);
      assert.deepEqual([got.forced, got.iron], ['shift_jis', [{ n: 1 }]]);
      assert.match(got.undecidable!.message, /'shift_jis' \('鉄/);
    });

    test('files that nobody described are inspected, defined and imported', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const sqlite = await (await fetch('/analysis.db')).blob();
        const csv = await (await fetch('/report.csv')).blob();
        const rows = [{ 'Made On': '2025-06-10', lot: 'L1', good: 5, more: { a: [1] } }, { 'Made On': '2025-06-11', lot: 'L2', good: null, more: null }];
        const files = {
          csv: new File([csv], '生産 実績.csv'), json: new File([JSON.stringify(rows)], 'rows.json'),
          ndjson: new File([rows.map((row) => JSON.stringify(row)).join('\n')], 'lines.of.rows.ndjson'), sqlite: new File([sqlite], 'analysis.db'),
        };
        const db = await lotwise.open({ name: 'inspected', datasets: [] });
        const results: Record<string, unknown> = {};
        for (const [format, file] of Object.entries(files)) {
          const { dataset, detected, sample, tables } = await db.inspectFile(file);
          await db.define(dataset);
          const { rows, skipped, ignored } = await db.importFile(file, { dataset: dataset.name, ...(tables === undefined ? {} : { table: 'Production Records' }) });
          const names = Object.keys(dataset.columns).map((name) => `"${name}"`).join(', ');
          const first = await db.query(`SELECT ${names} FROM "${dataset.name}" ORDER BY rowid LIMIT ${sample.length}`);
          const types = Object.fromEntries(Object.entries(dataset.columns).map(([name, { type }]) => [name, type]));
          results[format] = { name: dataset.name, time: dataset.time, types, detected, tables, rows, skipped, ignored, same: JSON.stringify(first.rows) === JSON.stringify(sample), sampled: sample.length };
        }
        const version = (await db.query('SELECT 1')).meta.dataVersion;
        const unclear = await failureOf(db.inspectFile('day\n03/04/2025\n'));
        const clear = await db.inspectFile('day\n03/04/2025\n', { dateFormat: 'DD/MM/YYYY' });
        const untouched = (await db.query('SELECT 1')).meta.dataVersion;
        await db.close();
        await lotwise.remove('inspected');
        return { results, unclear, clear: clear.sample, unchanged: version === untouched };
      });
      const { csv, json, ndjson, sqlite } = got.results as Record<string, { types: unknown }>;
      assert.deepEqual(csv, {
        name: '生産_実績', time: '生産日', types: { 生産日: 'date', ロット番号: 'text', 良品数: 'integer', 温度: 'real' }, rows: 10_000, skipped: 0, ignored: [], same: true, sampled: 20, tables: undefined,
        detected: { format: 'csv', encoding: 'shift_jis', delimiter: ',', header: true, decimal: '.', dateFormat: 'YYYY/MM/DD' },
      });
      const rows = { time: 'made_on', types: { made_on: 'date', lot: 'text', good: 'integer', more: 'json' }, rows: 2, skipped: 0, ignored: [], same: true, sampled: 2, tables: undefined };
      assert.deepEqual(json, { ...rows, name: 'rows', detected: { format: 'json', encoding: 'utf-8', dateFormat: 'YYYY-MM-DD' } });
      assert.deepEqual(ndjson, { ...rows, name: 'lines_of_rows', detected: { format: 'ndjson', encoding: 'utf-8', dateFormat: 'YYYY-MM-DD' } });
      const { types, tables, ...rest } = sqlite as { types: object; tables: string[] };
      assert.deepEqual(rest, { name: 'production_records', time: 'production_date', rows: 400, skipped: 0, ignored: [], same: true, sampled: 20, detected: { format: 'sqlite', dateFormat: 'YYYY-MM-DD' } });
      assert.ok(tables.includes('Production Records') && Object.keys(types).length > 5);
      assert.match(got.unclear!.message, /dateFormat: 'DD\/MM\/YYYY' or 'MM\/DD\/YYYY'/);
      assert.deepEqual([got.clear, got.unchanged], [[{ day: '2025-04-03' }], true]);
    });

    test('an SQLite file of another program is read, and nothing in it runs', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const file = await (await fetch('/analysis.db')).blob();
        const db = await lotwise.open({ name: 'foreign' });
        const columns = { 'Record ID': 'id' };
        const report = await db.importFile(file, { dataset: 'production_records', table: 'Production Records', columns });
        const sums = await db.query('SELECT count(*) AS n, sum(good_quantity) AS good, sum(defect_quantity) AS defects, min(production_date) AS first, group_concat(DISTINCT typeof(shift)) AS kinds FROM production_records');
        const strangers = await db.query("SELECT count(*) AS n FROM sqlite_schema WHERE name IN ('audit', 'totals', 'on_read', 'on_write', 'by_lot')");
        const broken = await failureOf(db.importFile(file, { dataset: 'production_records', table: 'broken', columns, onConflict: 'replace' }));
        const missing = await failureOf(db.importFile(file, { dataset: 'production_records' }));
        const half = await failureOf(db.importFile(file.slice(0, 20_000), { dataset: 'production_records', table: 'Production Records', columns, onConflict: 'replace' }));
        const left = await db.query('SELECT count(*) AS n FROM production_records');
        await db.close();
        await lotwise.remove('foreign');
        return { report, sums: sums.rows, strangers: strangers.rows, broken, missing, half, left: left.rows };
      });
      const ids = Array.from({ length: 400 }, (_, i) => i + 1);
      const sum = (of: (id: number) => number): number => ids.reduce((total, id) => total + of(id), 0);
      assert.deepEqual([got.report.rows, got.report.skipped, got.report.detected.format], [400, 0, 'sqlite']);
      assert.deepEqual(got.sums, [{ n: 400, good: sum((id) => id * 10), defects: sum((id) => id % 5), first: '2024-01-01', kinds: 'integer' }]);
      assert.deepEqual(got.strangers, [{ n: 0 }]);
      assert.equal(got.broken?.code, 'INPUT_INVALID');
      assert.match(got.broken!.message, /good_quantity/i);
      assert.ok(['NOT_FOUND', 'INPUT_INVALID'].includes(got.missing!.code), got.missing!.message);
      assert.match(got.missing!.message, /Production Records/);
      assert.equal(got.half?.code, 'INPUT_INVALID');
      assert.deepEqual(got.left, [{ n: 400 }]);
    });

    test('an import that is given up half way leaves nothing, and the database goes on', { timeout: TEST_MS_MAX }, async () => {
      const got = await suite.inTab(async () => {
        const text = await (await fetch('/20k.csv')).text();
        const bytes = new TextEncoder().encode(text);
        const db = await lotwise.open({ name: 'half' });
        await db.execute("INSERT INTO production_records (id, production_date, item_code, lot_number, line, shift, good_quantity, defect_quantity, defect_code) VALUES (-1, '2020-01-01', 'I', 'L', 'A', 1, 1, 0, '')");
        const stalling = () => new ReadableStream<Uint8Array>({ start(controller) { controller.enqueue(bytes.slice(0, bytes.length / 2)); } });
        const failing = () => {
          let given = false;
          return new ReadableStream<Uint8Array>({ pull(controller) {
            if (given) controller.error(new Error('connection reset'));
            else controller.enqueue(bytes.slice(0, bytes.length / 2));
            given = true;
          } });
        };
        const count = async () => Number((await db.query('SELECT count(*) AS n FROM production_records')).rows[0]!['n']);
        const give = new AbortController();
        const importing = failureOf(db.importFile(stalling(), { dataset: 'production_records', signal: give.signal }));
        setTimeout(() => give.abort(), 500);
        const stalled = await importing;
        const counts = [await count()];
        const failed = await failureOf(db.importFile(failing(), { dataset: 'production_records' }));
        counts.push(await count());
        const giveBlob = new AbortController();
        const progress: number[] = [];
        const large = new Blob([bytes, ...Array.from({ length: 20 }, () => bytes.slice(text.indexOf('\n') + 1))]);
        const blob = await failureOf(db.importFile(large, { dataset: 'production_records', onConflict: 'replace', signal: giveBlob.signal, onProgress: ({ done }) => {
          progress.push(done);
          giveBlob.abort();
        } }));
        counts.push(await count());
        const { rows } = await db.importFile(text, { dataset: 'production_records' });
        counts.push(await count());
        await db.close();
        await lotwise.remove('half');
        return { stalled, failed, blob, counts, rows, stoppedEarly: progress[0]! < large.size };
      });
      assert.equal(got.stalled?.code, 'CANCELLED');
      assert.equal(got.failed?.code, 'INPUT_INVALID');
      assert.match(got.failed!.message, /connection reset/);
      assert.equal(got.blob?.code, 'CANCELLED');
      assert.deepEqual([got.counts, got.rows, got.stoppedEarly], [[1, 1, 1, 20_001], 20_000, true]);
    });
  });
}

describe('chromium, at size', () => {
  const suite = useBrowser('chromium');
  const ROWS = 1_000_000;
  before(() => {
    suite.server.route('/1m.csv', () => ({ type: 'text/csv', body: productionRecordsCsv(ROWS, SEED) }));
    suite.server.route('/flights.json', () => ({ type: 'application/json', body: flights }));
  });
  let flights: Uint8Array;
  before(async () => { flights = await readFile(fileURLToPath(FLIGHTS)); });

  test('a CSV of a million production records', { timeout: 2 * TEST_MS_MAX }, async (t) => {
    const got = await suite.inTab(async () => {
      const db = await lotwise.open({ name: 'million' });
      const progress: { done: number; at: number }[] = [];
      // By the worker's clock: on a busy machine several may reach the page at once.
      const { rows, elapsedMs, bytes } = await db.importFile(await fetch('/1m.csv'), { dataset: 'production_records', onProgress: ({ done, elapsedMs: at }) => progress.push({ done, at }) });
      const sums = await db.aggregate({ dataset: 'production_records', measures: { n: 'count', good: { sum: 'good_quantity' }, defects: { sum: 'defect_quantity' } } }, { timeoutMs: 120_000 });
      const codes = await db.aggregate({ dataset: 'production_records', groupBy: ['defect_code'], measures: { n: 'count' } }, { timeoutMs: 120_000 });
      await db.close();
      await lotwise.remove('million');
      return { rows, elapsedMs, bytes, progress, sums: sums.rows, codes: codes.rows };
    });
    const { worst, ...totals } = totalsOf(ROWS);
    assert.equal(got.rows, ROWS);
    assert.deepEqual(got.sums, [totals]);
    assert.deepEqual(got.codes, worst);
    assert.ok(got.progress.length >= 2 && got.progress.at(-1)!.done === got.bytes);
    const gaps = got.progress.slice(1, -1).map(({ at }, i) => at - got.progress[i]!.at);
    assert.ok(gaps.every((gap) => gap > 99), 'progress is told every 100 ms at most');
    t.diagnostic(`imported ${(got.bytes / 1e6).toFixed(0)} MB in ${(got.elapsedMs / 1000).toFixed(1)} s`);
  });

  test('200k flights of vega-datasets as a dataset of the user', { timeout: TEST_MS_MAX }, async (t) => {
    const rows = JSON.parse(new TextDecoder().decode(flights)) as { delay: number; distance: number; time: number }[];
    const got = await suite.inTab(async () => {
      const rows = await (await fetch('/flights.json')).json() as { delay: number; distance: number; time: number }[];
      const flights = {
        name: 'flights', measures: ['delay', 'distance'], indexes: [{ name: 'idx_flights_distance', columns: ['distance', 'delay'] }],
        columns: { delay: { type: 'integer', unit: 'min' }, distance: { type: 'integer', required: true, unit: 'mi' }, time: { type: 'real', label: 'Hour of departure' } },
      };
      const db = await lotwise.open({ name: 'flights', datasets: [flights as Dataset] });
      const began = performance.now();
      let changes = 0;
      for (let at = 0; at < rows.length; at += 50_000) changes += (await db.append('flights', rows.slice(at, at + 50_000))).changes;
      const appendMs = performance.now() - began;
      const totals = await db.aggregate({ dataset: 'flights', measures: { n: 'count', delay: { sum: 'delay' }, mean: { avg: 'delay' }, far: { max: 'distance' }, late: { count: true, where: { delay: { gt: 60 } } }, distances: { countDistinct: 'distance' } } });
      const byDistance = await db.aggregate({ dataset: 'flights', groupBy: ['distance'], where: { time: { gte: 12, lt: 13.5 } }, measures: { n: 'count', delay: { sum: 'delay' } } });
      const all = await db.query('SELECT delay, distance, time FROM flights ORDER BY rowid');
      const rowsBegan = performance.now();
      const same = all.rows.every((row, i) => row['delay'] === rows[i]!.delay && row['distance'] === rows[i]!.distance && row['time'] === rows[i]!.time);
      const rowsMs = performance.now() - rowsBegan;
      await db.close();
      await lotwise.remove('flights');
      return { changes, appendMs, rowsMs, totals: totals.rows[0]!, byDistance: byDistance.rows, same, rowCount: all.rowCount };
    });
    assert.equal(rows.length, 200_000);
    assert.deepEqual([got.changes, got.rowCount, got.same], [rows.length, rows.length, true]);
    const delay = rows.reduce((sum, row) => sum + row.delay, 0);
    const { mean, ...exact } = got.totals;
    assert.deepEqual(exact, {
      n: rows.length, delay, far: rows.reduce((max, row) => Math.max(max, row.distance), 0), late: rows.filter((row) => row.delay > 60).length,
      distances: new Set(rows.map((row) => row.distance)).size,
    });
    assert.ok(Math.abs(Number(mean) / (delay / rows.length) - 1) < 1e-12);
    const groups = new Map<number, { distance: number; n: number; delay: number }>();
    for (const { distance, delay: each, time } of rows) {
      if (time < 12 || time >= 13.5) continue;
      const group = groups.get(distance) ?? { distance, n: 0, delay: 0 };
      groups.set(distance, { distance, n: group.n + 1, delay: group.delay + each });
    }
    assert.deepEqual(got.byDistance, [...groups.values()].sort((a, b) => a.distance - b.distance));
    t.diagnostic(`appended ${rows.length} flights in ${got.appendMs.toFixed(0)} ms; made as many row objects in ${got.rowsMs.toFixed(0)} ms`);
  });

  test('the same flights as a JSON file and as NDJSON', { timeout: TEST_MS_MAX }, async (t) => {
    const got = await suite.inTab(async () => {
      const flights = { name: 'flights', columns: { delay: { type: 'integer' }, distance: { type: 'integer', required: true }, time: { type: 'real' } } };
      const db = await lotwise.open({ name: 'flights-json', datasets: [flights as Dataset] });
      const file = await (await fetch('/flights.json')).blob();
      const array = await db.importFile(file, { dataset: 'flights' });
      const rows = JSON.parse(await file.text()) as { delay: number; distance: number; time: number }[];
      const lines = rows.map((row) => JSON.stringify(row)).join('\n');
      const line = await db.importFile(lines, { dataset: 'flights' });
      const broken = await db.importFile(`${lines}\n{"distance": "far"}`, { dataset: 'flights' }).catch((error: unknown) => (error as { code: string }).code);
      const all = await db.query('SELECT delay, distance, time FROM flights ORDER BY rowid');
      const [delay, distance, time] = [all.column('delay'), all.column('distance'), all.column('time')];
      const same = [...rows, ...rows].every((row, i) => delay[i] === row.delay && distance[i] === row.distance && time[i] === row.time);
      await db.close();
      await lotwise.remove('flights-json');
      return { formats: [array.detected.format, line.detected.format], rows: [array.rows, line.rows], broken, rowCount: all.rowCount, same, elapsedMs: array.elapsedMs };
    });
    assert.deepEqual([got.formats, got.rows, got.broken], [['json', 'ndjson'], [200_000, 200_000], 'INPUT_INVALID']);
    assert.deepEqual([got.rowCount, got.same], [400_000, true]);
    t.diagnostic(`imported 200,000 flights from JSON in ${got.elapsedMs.toFixed(0)} ms`);
  });
});
