/** The packed package, installed into a project of each kind, loads and works there. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { build, createServer } from 'vite';
import webpack from 'webpack';
import { createTestHarness } from 'wrangler';
import { serve } from '../../scripts/serve.ts';
import { inChromium } from './browser.ts';
import { project } from './fixture.ts';

const IN_MEMORY = { refused: 'STORAGE_UNAVAILABLE', total: 3 };

test('a plain module page keeps its records over a reload', async () => {
  await checkServed(project('plain'));
});

test('webpack 5, as it comes, builds a page that keeps its records over a reload', async () => {
  const folder = project('webpack');
  const said = await new Promise((resolve, reject) => webpack(
    { mode: 'production', context: folder, entry: './page.js', performance: { hints: false }, output: { path: join(folder, 'dist') } },
    (error, stats) => (error ? reject(error) : resolve(stats?.toString({ all: false, errors: true, warnings: true }))),
  ));
  assert.equal(said, '');
  await cp(join(folder, 'index.html'), join(folder, 'dist/index.html'));
  await checkServed(join(folder, 'dist'));
});

test('Vite, as it comes, builds a page that keeps its records over a reload', async () => {
  const folder = project('vite');
  await build({ root: folder, configFile: false, logLevel: 'error', build: { target: 'es2022' } });
  await checkServed(join(folder, 'dist'));
});

test("Vite's dev server, told to leave the package alone, serves a page that keeps its records over a reload", async () => {
  const server = await createServer({
    root: project('vite'), configFile: false, logLevel: 'error', server: { port: 0 }, optimizeDeps: { exclude: ['lotwise'] },
  });
  try {
    await server.listen();
    await checkPage(server.resolvedUrls?.local[0] ?? '');
  } finally {
    await server.close();
  }
});

for (const node of nodes()) {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  test(`Node ${version} runs it in memory`, () => {
    const printed = execFileSync(node, ['main.js'], { cwd: project('node'), encoding: 'utf8' });
    assert.deepEqual(JSON.parse(printed), IN_MEMORY);
  });
}

test('a Cloudflare Worker runs it in memory', async () => {
  const server = createTestHarness({ workers: [{ configPath: join(project('worker'), 'wrangler.json') }] });
  try {
    await server.listen();
    const response = await server.fetch('/');
    assert.equal(response.status, 200, await response.clone().text());
    assert.deepEqual(await response.json(), IN_MEMORY);
  } finally {
    await server.close();
  }
});

async function checkServed(folder: string): Promise<void> {
  const { url, close } = await serve(folder);
  try {
    await checkPage(url);
  } finally {
    await close();
  }
}

/** Opens, writes, reloads and reads back; a second write shows that the first one is no leftover of the page. */
async function checkPage(url: string): Promise<void> {
  await inChromium(async (page) => {
    const titles = [];
    for (const address of [url, `${url}?write`, url, `${url}?write`]) {
      await page.goto(address);
      await page.waitForFunction(() => document.title !== 'loading');
      titles.push(await page.title());
    }
    assert.deepEqual(titles, [
      'opfs: 0 records, null good', 'opfs: 1 records, 480 good', 'opfs: 1 records, 480 good', 'opfs: 2 records, 960 good',
    ]);
  });
}

/** The Node that the tests run on, and the one that the machine itself has. */
function nodes(): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  const own = folders.map((folder) => join(folder, 'node')).find((file) => existsSync(file));
  return own === undefined ? [process.execPath] : [process.execPath, own];
}
