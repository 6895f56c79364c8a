/** Without HTTPS a browser gives no private file system: the dashboard says so and goes on in memory when asked to. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { figures, openSite, pressButton, settled, type Site } from './page.ts';

/** Any name but localhost, which counts as secure. */
const HOST = 'plant.test';

let site: Site;
let page: Page;
let url: string;

before(async () => {
  site = await openSite([`--host-resolver-rules=MAP ${HOST} localhost`]);
  url = site.url.replace('localhost', HOST);
  page = await site.context.newPage();
});
after(() => site.close());

test('the page says what is missing and offers to go on without saving', async () => {
  await page.goto(url);
  await page.getByRole('heading', { name: 'This browser cannot keep the data' }).waitFor();
  assert.match(await page.textContent('main') ?? '', /STORAGE_UNAVAILABLE/);
});

test('in memory all works and the page says that it will be gone', async () => {
  await pressButton(page, 'Continue without saving');
  await settled(page);
  assert.equal((await figures(page)).records, '16,423');
  assert.match(await page.textContent('footer') ?? '', /In memory: the data are gone when this page is closed\./);
});

test('no page complained', () => {
  assert.deepEqual(site.complaints, []);
});
