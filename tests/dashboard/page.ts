/** A built dashboard, served with its production headers, in a Chromium profile that keeps its data. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { CHROMIUM_FLAGS, chromium as chromiumPath } from '../../scripts/programs.mjs';
import { root } from '../../scripts/run.ts';
import { serve } from '../../scripts/serve.ts';

/** Making and indexing the demo data on a busy machine. */
const FIRST_VISIT_MS = 120_000;

export interface Site {
  url: string;
  context: BrowserContext;
  /** What any page of the context complained about: console errors, exceptions, CSP violations. */
  complaints: string[];
  close: () => Promise<void>;
}

export async function openSite(flags: string[] = []): Promise<Site> {
  const dist = join(root, 'www/dist');
  if (!existsSync(join(dist, 'index.html'))) throw new Error('www/dist is missing: npm run build');
  const server = await serve(dist);
  const profile = await mkdtemp(join(tmpdir(), 'lotwise-dashboard-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath() ?? 'chromium', args: [...CHROMIUM_FLAGS, ...flags], locale: 'en-US', viewport: { width: 1280, height: 900 },
  });
  const complaints: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  // Downloads go through a Blob here: the dialog of showSaveFilePicker cannot be answered by a test.
  await context.addInitScript(() => { delete (window as { showSaveFilePicker?: unknown }).showSaveFilePicker; });
  return {
    url: server.url, context, complaints,
    close: async () => {
      await context.close();
      await server.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** Waits until every panel has its answer and the filters offer what there is. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('.panel') !== null
    && document.querySelector('[aria-busy]') === null
    && document.querySelectorAll('#line option').length > 1, undefined, { timeout: FIRST_VISIT_MS });
}

export async function visit(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await settled(page);
}

export interface Figures { good: string; defects: string; rate: string; yield: string; records: string; lots: string }

export async function figures(page: Page): Promise<Figures> {
  const texts = await page.$$eval('.figure-value', (elements) => elements.map((element) => [element.id.replace('figure-', ''), element.textContent ?? '']));
  return Object.fromEntries(texts) as Figures;
}

/** Drops a file on the page as a person would, from outside the browser. */
export async function dropFile(page: Page, name: string, content: Uint8Array | string): Promise<void> {
  const bytes = Buffer.from(content).toString('base64');
  const transfer = await page.evaluateHandle(({ name, bytes }) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), (character) => character.charCodeAt(0))], name));
    return data;
  }, { name, bytes });
  for (const type of ['dragover', 'drop']) await page.dispatchEvent('body', type, { dataTransfer: transfer });
}

export async function pressButton(page: Page, text: string): Promise<void> {
  await page.getByRole('button', { name: text, exact: true }).click();
}

/** The dialog has come to the step with this title. */
export async function dialogAt(page: Page, title: string): Promise<void> {
  await page.getByRole('heading', { name: title, exact: true }).waitFor({ timeout: 60_000 });
}
