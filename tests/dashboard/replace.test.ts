/** Files that replace the data shown: good, broken, hostile and cancelled ones. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { productionRecordsCsv } from '../../benches/workloads.ts';
import { dialogAt, dropFile, figures, openSite, pressButton, settled, visit, type Site } from './page.ts';

const HEADER = 'id,production_date,item_code,lot_number,line,shift,good_quantity,defect_quantity,defect_code\n';
const CSV = `${HEADER}1,2026-03-01,PUMP-1,L260301-1,A,1,90,10,SCRATCH\n2,2026-03-02,PUMP-2,L260302-1,B,2,200,0,\n`;

let site: Site;
let page: Page;

before(async () => {
  site = await openSite();
  page = await site.context.newPage();
});
after(() => site.close());

test('demo data can be skipped, and the next visit does not make them', async () => {
  await page.goto(site.url);
  await pressButton(page, 'Skip');
  await page.getByRole('heading', { name: 'No data yet' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'No data yet' }).waitFor();
});

test('a dropped CSV is shown after a confirmation that names what it replaces', async () => {
  await dropFile(page, 'march.csv', CSV);
  await dialogAt(page, 'Replace the data shown?');
  assert.match(await page.textContent('dialog') ?? '', /march\.csv \(\d+ B\) will replace the empty database\./);
  await pressButton(page, 'Replace');
  await dialogAt(page, 'Import finished');
  assert.match(await page.textContent('.facts') ?? '', /FormatCSV.*Imported2 rows.*Skipped0 rows/);
  await pressButton(page, 'Show the data');
  await settled(page);
  assert.equal(await page.textContent('.source'), 'march.csv · 2 records · Mar 1 – 2, 2026');
  assert.deepEqual(await figures(page), { good: '290', defects: '10', rate: '3.33%', yield: '96.67%', records: '2', lots: '2' });
  assert.equal(await page.isVisible('.notice'), false);
});

test('the replaced data survive a reload', async () => {
  await page.reload();
  await settled(page);
  assert.match(await page.textContent('.source') ?? '', /^march\.csv · 2 records/);
});

test('a person who changes their mind keeps the data', async () => {
  await dropFile(page, 'other.csv', `${HEADER}9,2026-01-01,X,Y,Z,1,1,1,\n`);
  await dialogAt(page, 'Replace the data shown?');
  assert.match(await page.textContent('dialog') ?? '', /will replace march\.csv \(2 records\)/);
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  assert.equal((await figures(page)).records, '2');
});

test('a broken CSV says where it is broken and leaves the data alone', async () => {
  const broken = `${HEADER}1,2026-04-01,NUT,L1,A,1,10,0,\n2,2026-04-31,NUT,L2,A,1,10,0,\n3,2026-04-03,NUT,L3,A,1,many,0,\n`;
  await dropFile(page, 'broken.csv', broken);
  await pressButton(page, 'Replace');
  await dialogAt(page, 'The file was not imported');
  const text = await page.textContent('dialog') ?? '';
  assert.match(text, /INPUT_INVALID/);
  assert.match(text, /Nothing was changed: march\.csv \(2 records\) is still shown\./);
  const first = await page.$$eval('dialog tbody tr', (rows) => [...rows[0]!.children].map(({ textContent }) => textContent));
  assert.deepEqual(first.slice(0, 2), ['3', 'production_date']);
  assert.equal((await figures(page)).records, '2');

  await pressButton(page, 'Import the good rows');
  await dialogAt(page, 'Import finished');
  assert.match(await page.textContent('.facts') ?? '', /Imported1 row.*Skipped2 rows/);
  const places = await page.$$eval('dialog tbody tr', (rows) => rows.map((row) => [...row.children].slice(0, 2).map(({ textContent }) => textContent)));
  assert.deepEqual(places, [['3', 'production_date'], ['4', 'good_quantity']]);
  await pressButton(page, 'Show the data');
  await settled(page);
  assert.match(await page.textContent('.source') ?? '', /^broken\.csv · 1 record ·/);
});

test('a file that is no production record at all is refused', async () => {
  await dropFile(page, 'photo.csv', Uint8Array.from({ length: 500 }, (_, i) => (i * 37) % 256));
  await pressButton(page, 'Replace');
  await dialogAt(page, 'The file was not imported');
  await pressButton(page, 'Close');
  assert.equal((await figures(page)).records, '1');
});

test('an import can be cancelled and changes nothing', async () => {
  const file = { name: 'large.csv', mimeType: 'text/csv', buffer: Buffer.from([...productionRecordsCsv(600_000)].join('')) };
  await page.setInputFiles('#file', file);
  await pressButton(page, 'Replace');
  await page.waitForFunction(() => (document.querySelector<HTMLProgressElement>('dialog progress')?.value ?? 0) > 0, undefined, { timeout: 60_000 });
  assert.match(await page.textContent('.progress-words') ?? '', /MB of [\d.]+ MB|rows/);
  await pressButton(page, 'Cancel');
  await dialogAt(page, 'Import cancelled');
  await pressButton(page, 'Close');
  await page.reload();
  await settled(page);
  assert.match(await page.textContent('.source') ?? '', /^broken\.csv · 1 record ·/);
});

test('of an SQLite file written by another program the table can be chosen', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lotwise-sqlite-'));
  const path = join(folder, 'production_analysis.db');
  try {
    execFileSync('python3', ['-c', `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("CREATE TABLE press_shop (production_date TEXT, item_code TEXT, lot_number TEXT, line TEXT, shift INTEGER, good_quantity INTEGER, defect_quantity INTEGER, defect_code TEXT)")
db.execute("CREATE TABLE notes (text TEXT)")
db.executemany("INSERT INTO press_shop VALUES (?,?,?,?,?,?,?,?)", [("2026-05-%02d" % (1 + i % 28), "GEAR", "G%d" % i, "P1", 1, 100, i % 2, "BURR" if i % 2 else "") for i in range(300)])
db.commit()
`, path]);
    await dropFile(page, 'production_analysis.db', readFileSync(path));
  } finally {
    rmSync(folder, { recursive: true });
  }
  await pressButton(page, 'Replace');
  await dialogAt(page, 'The file was not imported');
  await pressButton(page, 'press_shop');
  await dialogAt(page, 'Import finished');
  assert.match(await page.textContent('.facts') ?? '', /FormatSQLite/);
  await pressButton(page, 'Show the data');
  await settled(page);
  assert.equal((await figures(page)).good, '30,000');
});

test('hostile text stays text, on the page and in the export', async () => {
  const evil = '<img src=x onerror="document.title=1">';
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const csv = `${HEADER}1,2026-06-01,${quoted(evil)},=cmd|' /C calc'!A0,${quoted(evil)},1,50,5,"@SUM(1,2)"\n2,2026-06-02,+49,-1,"a,b",2,60,0,\n`;
  await dropFile(page, '<b>evil</b>.csv', csv);
  await dialogAt(page, 'Replace the data shown?');
  assert.match(await page.textContent('dialog strong') ?? '', /<b>evil<\/b>\.csv/);
  await pressButton(page, 'Replace');
  await dialogAt(page, 'Import finished');
  await pressButton(page, 'Show the data');
  await settled(page);
  assert.equal(await page.locator('main img, main b').count(), 0);
  assert.equal(await page.title(), 'lotwise');
  assert.ok((await page.$$eval('#records td', (cells) => cells.map(({ textContent }) => textContent))).includes(evil));

  const [download] = await Promise.all([page.waitForEvent('download'), pressButton(page, 'Export CSV')]);
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
  assert.deepEqual(Buffer.concat(chunks).toString('utf8').split('\r\n').slice(1), [
    `2,2026-06-02,'+49,'-1,"a,b",2,60,0,`,
    `1,2026-06-01,${quoted(evil)},'=cmd|' /C calc'!A0,${quoted(evil)},1,50,5,"'@SUM(1,2)"`,
    '',
  ]);

  // A hostile filter from a link stays text too.
  await visit(page, `${site.url}?item=${encodeURIComponent(evil)}&line=${encodeURIComponent('"><script>')}`);
  assert.equal(await page.inputValue('#item'), evil);
  assert.equal((await figures(page)).records, '0');
});

test('a figure that cannot be computed says so in its own panel and ends no other', async () => {
  // Each fits 64 bits, their sum does not.
  await dropFile(page, 'huge.csv', `${HEADER}1,2026-07-01,BOLT,H1,A,1,9000000000000000000,5,BURR\n2,2026-07-02,BOLT,H2,A,1,9000000000000000000,0,\n`);
  await pressButton(page, 'Replace');
  await dialogAt(page, 'Import finished');
  await pressButton(page, 'Show the data');
  await settled(page);
  assert.match(await page.textContent('#figures .error') ?? '', /LIMIT_EXCEEDED .*Choose a shorter period.*Try again/);
  assert.equal(await page.locator('#pareto .error, #lots .error, #records .error, #trend-day .error').count(), 0);
  assert.equal(await page.textContent('#figure-lots'), '2');
  assert.match(await page.textContent('#records tbody') ?? '', /9,000,000,000,000,000,000/);
  await page.fill('#lot', 'H1');
  await page.waitForFunction(() => document.querySelector('#figure-good')?.textContent === '9,000,000,000,000,000,000');
});

test('no page complained', () => {
  assert.deepEqual(site.complaints, []);
});
