/** axe-core finds nothing wrong with the dashboard, light and dark, wide and narrow, nor with its dialogs. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { productionRecordsCsv } from '../../benches/workloads.ts';
import { dialogAt, openSite, pressButton, settled, visit, type Site } from './page.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

let site: Site;
let page: Page;

before(async () => {
  site = await openSite();
  page = await site.context.newPage();
});
after(() => site.close());

async function checkPage(): Promise<void> {
  // Evaluated from outside the page: its CSP stays in force for the page itself.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(async (rules): Promise<Pick<AxeResults, 'violations'>> => {
    const { axe } = window as unknown as { axe: { run: (options: object) => Promise<AxeResults> } };
    const { violations } = await axe.run({ runOnly: rules });
    return { violations };
  }, RULES);
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ').slice(0, 400)}`), []);
}

test('the page without data', async () => {
  await page.goto(site.url);
  await pressButton(page, 'Skip');
  await page.getByRole('heading', { name: 'No data yet' }).waitFor();
  await checkPage();
});

test('the dialog, from the question to the report', async () => {
  const csv = [...productionRecordsCsv(3_000)].join('');
  await page.setInputFiles('#file', { name: 'production.csv', mimeType: 'text/csv', buffer: Buffer.from(csv.replace(/,LINE-04,\d,/, ',LINE-04,x,')) });
  await dialogAt(page, 'Replace the data shown?');
  await checkPage();
  await pressButton(page, 'Replace');
  await dialogAt(page, 'The file was not imported');
  await checkPage();
  await pressButton(page, 'Import the good rows');
  await dialogAt(page, 'Import finished');
  await checkPage();
  await pressButton(page, 'Show the data');
  await settled(page);
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 360]) {
    test(`the dashboard, ${colorScheme}, ${width} px wide`, async () => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      await visit(page, `${site.url}?period=all`);
      for (const summary of await page.$$('.chart-data:not([open]) > summary')) await summary.click();
      await checkPage();
    });
  }
}
