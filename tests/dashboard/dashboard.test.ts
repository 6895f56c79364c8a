/** The dashboard in Chromium over the demo data: figures, filters, keyboard, colours, a second tab. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { productionRecords } from '../../benches/workloads.ts';
import { figures, openSite, pressButton, settled, visit, type Site } from './page.ts';

const ROWS = 200_000;

interface Row { date: string; item: string; line: string; shift: number; lot: string; good: number; defects: number; code: string }

let site: Site;
let page: Page;
let rows: Row[];

before(async () => {
  site = await openSite();
  rows = [...productionRecords(ROWS)].flatMap((batch) => Array.from(batch.id, (_, i): Row => ({
    date: batch.production_date[i]!, item: batch.item_code[i]!, line: batch.line[i]!, shift: batch.shift[i]!, lot: batch.lot_number[i]!,
    good: batch.good_quantity[i]!, defects: batch.defect_quantity[i]!, code: batch.defect_code[i]!,
  })));
  page = await site.context.newPage();
});
after(() => site.close());

const count = new Intl.NumberFormat('en-US');
const share = new Intl.NumberFormat('en-US', { style: 'percent', minimumFractionDigits: 2, maximumFractionDigits: 2 });

function sums(chosen: Row[]): { good: number; defects: number } {
  return chosen.reduce((sum, { good, defects }) => ({ good: sum.good + good, defects: sum.defects + defects }), { good: 0, defects: 0 });
}

/** The key figures equal a plain computation over the rows that `keep` lets through. */
async function checkFigures(search: string, keep: (row: Row) => boolean): Promise<void> {
  await visit(page, `${site.url}${search}`);
  const chosen = rows.filter(keep);
  const { good, defects } = sums(chosen);
  assert.deepEqual(await figures(page), {
    good: count.format(good), defects: count.format(defects),
    rate: share.format(defects / (good + defects)), yield: share.format(good / (good + defects)),
    records: count.format(chosen.length), lots: count.format(new Set(chosen.map(({ lot }) => lot)).size),
  }, search);
}

async function tableRows(selector: string): Promise<string[][]> {
  return page.$$eval(`${selector} tbody tr`, (found) => found.map((row) => [...row.children].map((cell) => cell.textContent ?? '')));
}

test('the first visit makes demo data, says so, and shows how far it is', async () => {
  await page.goto(site.url);
  await page.getByRole('heading', { name: 'Making demo data' }).waitFor();
  assert.match(await page.textContent('main') ?? '', /200,000 production records of a plant that does not exist/);
  assert.equal(await page.getAttribute('progress', 'aria-label'), 'Demo data');
  await settled(page);
  assert.match(await page.textContent('.notice') ?? '', /demo data/);
  assert.equal(await page.textContent('.source'), 'Demo data · 200,000 records · Jan 1, 2023 – Dec 31, 2025');
});

test('a reload shows the same data without making them again', async () => {
  await page.addInitScript(() => {
    new MutationObserver(() => { if (document.querySelector('progress')) document.documentElement.dataset['made'] = 'again'; })
      .observe(document, { childList: true, subtree: true });
  });
  await page.reload();
  await settled(page);
  assert.equal(await page.getAttribute('html', 'data-made'), null);
  assert.match(await page.textContent('.source') ?? '', /200,000 records/);
});

test('the key figures equal a plain computation over the same rows', async () => {
  await checkFigures('?period=all', () => true);
  await checkFigures('', ({ date }) => date >= '2025-10-03');
  await checkFigures('?from=2024-02-01&to=2024-02-29&line=LINE-03&shift=2', ({ date, line, shift }) => date.startsWith('2024-02') && line === 'LINE-03' && shift === 2);
  await checkFigures('?period=1y&item=ITEM-0001', ({ date, item }) => date.startsWith('2025') && item === 'ITEM-0001');
  await checkFigures('?period=all&lot=l202406', ({ lot }) => lot.startsWith('L202406'));
});

test('Pareto, trends, heat table and ranking equal a plain computation', async () => {
  await visit(page, `${site.url}?from=2025-06-01&to=2025-06-30`);
  const june = rows.filter(({ date }) => date.startsWith('2025-06'));

  for (const panel of ['#pareto', '#trend-day', '#trend-month']) await page.click(`${panel} summary`);
  const byCode = Map.groupBy(june.filter(({ defects }) => defects > 0), ({ code }) => code);
  const pareto = [...byCode].map(([code, found]) => [code, sums(found).defects] as const).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  assert.deepEqual((await tableRows('#pareto')).map((cells) => cells.slice(0, 2)), pareto.map(([code, defects]) => [code, count.format(defects)]));

  const days = await tableRows('#trend-day');
  assert.equal(days.length, 30);
  const tenth = sums(june.filter(({ date }) => date === '2025-06-10'));
  assert.deepEqual(days[9], ['Jun 10, 2025', count.format(tenth.good), count.format(tenth.defects), share.format(tenth.defects / (tenth.good + tenth.defects))]);
  const all = sums(june);
  assert.deepEqual(await tableRows('#trend-month'), [['Jun 2025', count.format(all.good), count.format(all.defects), share.format(all.defects / (all.good + all.defects))]]);

  const cell = sums(june.filter(({ line, shift }) => line === 'LINE-07' && shift === 3));
  assert.equal((await tableRows('#heat'))[7]?.[3], share.format(cell.defects / (cell.good + cell.defects)));

  await page.getByRole('radio', { name: 'Weeks' }).check();
  await page.waitForSelector('#ranking th:text-is("Week")');
  const week = sums(june.filter(({ date }) => date >= '2025-06-09' && date <= '2025-06-15'));
  const shown = (await tableRows('#ranking')).find(([name]) => name?.startsWith('2025-W24'));
  assert.deepEqual(shown?.slice(1, 3), [count.format(week.defects), count.format(week.good)]);
});

test('every panel says how long its answer took and by which route', async () => {
  const timings = await page.$$eval('.timing', (found) => found.map(({ textContent }) => textContent));
  assert.equal(timings.length, 8);
  for (const timing of timings) assert.match(timing ?? '', /^[\d.,]+ m?s · (columnstore|index|scan)( · [\d.,]+ m?s of it waiting)?$/);
});

test('filters go into the URL, survive a reload, and the back button undoes them', async () => {
  await visit(page, site.url);
  await page.getByRole('radio', { name: 'All' }).check();
  await page.selectOption('#line', 'LINE-05');
  await page.fill('#item', 'ITEM-0002');
  await settled(page);
  assert.equal(new URL(page.url()).search, '?period=all&item=ITEM-0002&line=LINE-05');
  const shown = await figures(page);
  assert.equal(shown.records, count.format(rows.filter(({ line, item }) => line === 'LINE-05' && item === 'ITEM-0002').length));

  await page.reload();
  await settled(page);
  assert.deepEqual(await figures(page), shown);
  assert.equal(await page.inputValue('#line'), 'LINE-05');
  assert.equal(await page.inputValue('#item'), 'ITEM-0002');

  await page.goBack();
  await settled(page);
  assert.equal(new URL(page.url()).search, '?period=all&line=LINE-05');
  assert.equal(await page.inputValue('#item'), '');
});

test('dragging across a chart, a cell of the heat table and a ranked week narrow what is shown', async () => {
  await visit(page, `${site.url}?from=2025-01-01&to=2025-12-31`);
  await page.locator('#trend-month .u-over').scrollIntoViewIfNeeded();
  const box = (await page.locator('#trend-month .u-over').boundingBox())!;
  const place = (month: number) => box.x + box.width * (month - 0.5) / 12;
  await page.mouse.move(place(3), box.y + 50);
  await page.mouse.down();
  await page.mouse.move(place(5), box.y + 60, { steps: 5 });
  await page.mouse.up();
  await settled(page);
  assert.equal(new URL(page.url()).search, '?from=2025-03-01&to=2025-05-31');

  await page.getByRole('link', { name: /^LINE-04, shift 2:/ }).click();
  await settled(page);
  assert.equal(new URL(page.url()).search, '?from=2025-03-01&to=2025-05-31&line=LINE-04&shift=2');

  await page.getByRole('radio', { name: 'Weeks' }).check();
  await page.locator('#ranking a', { hasText: '2025-W15' }).click();
  await settled(page);
  assert.equal(new URL(page.url()).search, '?from=2025-04-07&to=2025-04-13&line=LINE-04&shift=2');
});

test('of filters changed in quick succession the last one is shown', async () => {
  await visit(page, site.url);
  await page.evaluate(() => {
    for (const line of ['LINE-01', 'LINE-02', 'LINE-03']) {
      const select = document.querySelector<HTMLSelectElement>('#line')!;
      select.value = line;
      select.dispatchEvent(new Event('change'));
    }
  });
  await settled(page);
  const expected = rows.filter(({ date, line }) => date >= '2025-10-03' && line === 'LINE-03');
  assert.equal((await figures(page)).records, count.format(expected.length));
});

test('where nothing matches, unknown figures are not 0 and a way out is offered', async () => {
  await visit(page, `${site.url}?lot=NOSUCHLOT`);
  assert.deepEqual(await figures(page), { good: '–', defects: '–', rate: '–', yield: '–', records: '0', lots: '0' });
  assert.equal(await page.locator('.empty').count(), 6);
  await page.getByRole('link', { name: 'Reset the filters' }).click();
  await settled(page);
  assert.equal(new URL(page.url()).search, '');
  assert.equal(await page.locator('.empty').count(), 0);
});

test('records are paged by key, forward and back', async () => {
  await visit(page, `${site.url}?period=all`);
  const newest = rows.map(({ lot }, i) => ({ lot, id: i + 1 })).reverse();
  const lots = async () => (await tableRows('#records')).map(([lot]) => lot);
  assert.deepEqual(await lots(), newest.slice(0, 25).map(({ lot }) => lot));
  for (const _ of [1, 2]) {
    await pressButton(page, 'Older');
    await settled(page);
  }
  assert.deepEqual(await lots(), newest.slice(50, 75).map(({ lot }) => lot));
  assert.equal(await page.textContent('.pager-position'), '51–75 of 200,000');
  await pressButton(page, 'Newer');
  await settled(page);
  assert.deepEqual(await lots(), newest.slice(25, 50).map(({ lot }) => lot));
});

test('the export holds all filtered records as CSV', async () => {
  await visit(page, `${site.url}?from=2025-05-01&to=2025-06-30`);
  const [download] = await Promise.all([page.waitForEvent('download'), pressButton(page, 'Export CSV')]);
  assert.equal(download.suggestedFilename(), 'production_records_2025-05-01_2025-06-30.csv');
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
  const lines = Buffer.concat(chunks).toString('utf8').split('\r\n');
  const expected = rows.map((row, i) => ({ ...row, id: i + 1 })).filter(({ date }) => date >= '2025-05-01' && date <= '2025-06-30').reverse();
  assert.equal(lines[0], 'id,production_date,item_code,lot_number,line,shift,good_quantity,defect_quantity,defect_code');
  assert.deepEqual(lines.slice(1, -1), expected.map(({ id, date, item, lot, line, shift, good, defects, code }) =>
    [id, date, item, lot, line, shift, good, defects, code].join(',')));
  assert.equal(lines.at(-1), '');
});

test('the keyboard reaches and works every control', async () => {
  await visit(page, site.url);
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent?.trim() || document.activeElement?.className);
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'Skip to the results');
  const order = ['theme', 'file'];
  for (const id of order) {
    await page.keyboard.press('Tab');
    assert.equal(await focused(), id);
  }
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowRight');
  await settled(page);
  assert.equal(new URL(page.url()).search, '?period=1y');

  await page.focus('#line');
  await page.keyboard.press('L');
  await settled(page);
  assert.equal(new URL(page.url()).search, '?period=1y&line=LINE-00');

  await page.focus('#trend-month .chart-frame');
  await page.keyboard.press('End');
  assert.match(await page.textContent('#trend-month .chart-readout') ?? '', /^Dec 2025: [\d,]+ good, [\d,]+ defects, [\d.]+%$/);
  await page.keyboard.press('ArrowLeft');
  assert.match(await page.textContent('#trend-month .chart-readout') ?? '', /^Nov 2025: /);
});

test('light and dark follow the system and the switch', async () => {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await background();
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await background();
  assert.notEqual(light, dark);
  await page.selectOption('#theme', 'light');
  assert.equal(await background(), light);
  await page.reload();
  await settled(page);
  assert.equal(await background(), light);
  await page.selectOption('#theme', 'system');
  await page.emulateMedia({ colorScheme: null });
});

test('nothing is wider than a phone', async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await visit(page, site.url);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  await page.setViewportSize({ width: 1280, height: 900 });
});

test('a second tab says that the first one has the database, and goes on when it is closed', async () => {
  const second = await site.context.newPage();
  await second.goto(site.url);
  await second.getByRole('heading', { name: 'Open in another tab' }).waitFor();
  assert.match(await second.textContent('main') ?? '', /DATABASE_BUSY/);
  await page.close();
  page = second;
  await pressButton(page, 'Try again');
  await settled(page);
  assert.match(await page.textContent('.source') ?? '', /200,000 records/);
});

test('no page complained', () => {
  assert.deepEqual(site.complaints, []);
});
