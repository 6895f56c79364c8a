/** Chromium (playwright-core) and Firefox (puppeteer-core) behind one small face. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium as playwright, type BrowserContext } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { CHROMIUM_FLAGS, chromium, firefox } from '../../../scripts/programs.mjs';

/** A tab with the page of the server loaded: `lotwise` and `failureOf` are globals there. */
export interface Tab {
  /** Runs a function in the page. It sees nothing of the test but `argument`. */
  run<A, R>(work: (argument: A) => R | Promise<R>, argument: A): Promise<R>;
  run<R>(work: () => R | Promise<R>): Promise<R>;
  reload(): Promise<void>;
  close(): Promise<void>;
  /** Chromium only: what the origin may store, until it is set anew. */
  limitStorage?(bytes: number | undefined): Promise<void>;
}

export interface TestBrowser {
  /** Opens a tab at an address and waits until the page is ready. */
  tab(url: string): Promise<Tab>;
  close(): Promise<void>;
}

export type BrowserKind = 'chromium' | 'chromium, private' | 'firefox';

/** What playwright's and puppeteer's pages have in common. */
interface DriverPage {
  goto(url: string): Promise<unknown>;
  reload(): Promise<unknown>;
  close(): Promise<void>;
  evaluate(work: unknown, argument?: unknown): Promise<unknown>;
  waitForFunction(work: () => boolean): Promise<unknown>;
}

/** Chromium with a profile on disk, as a user has it; in a private context; Firefox. */
export async function startBrowser(kind: BrowserKind, flags: readonly string[] = []): Promise<TestBrowser> {
  switch (kind) {
    case 'chromium': {
      const profile = await mkdtemp(join(tmpdir(), 'lotwise-profile-'));
      const context = await playwright.launchPersistentContext(profile, { executablePath: found(chromium(), kind), args: [...CHROMIUM_FLAGS, ...flags] });
      return {
        tab: (url) => chromiumTab(context, url),
        close: async () => {
          await context.close();
          await rm(profile, { recursive: true, force: true, maxRetries: 5 });
        },
      };
    }
    case 'chromium, private': {
      const browser = await playwright.launch({ executablePath: found(chromium(), kind), args: [...CHROMIUM_FLAGS, ...flags] });
      const context = await browser.newContext();
      return { tab: (url) => chromiumTab(context, url), close: () => browser.close() };
    }
    case 'firefox': {
      const browser = await puppeteer.launch({ browser: 'firefox', executablePath: found(firefox(), kind), headless: true });
      return { tab: async (url) => ready(await browser.newPage() as unknown as DriverPage, url), close: () => browser.close() };
    }
  }
}

function found(path: string | undefined, kind: BrowserKind): string {
  if (path === undefined) throw new Error(`There is no ${kind} on this machine; npm run setup -- --tests installs it or says how.`);
  return path;
}

async function chromiumTab(context: BrowserContext, url: string): Promise<Tab> {
  const page = await context.newPage();
  return {
    ...await ready(page as unknown as DriverPage, url),
    limitStorage: async (bytes) => {
      const tools = await context.newCDPSession(page);
      await tools.send('Storage.overrideQuotaForOrigin', { origin: new URL(url).origin, ...(bytes !== undefined && { quotaSize: bytes }) });
    },
  };
}

async function ready(page: DriverPage, url: string): Promise<Tab> {
  const loaded = (): Promise<unknown> => page.waitForFunction(() => 'lotwise' in globalThis);
  await page.goto(url);
  await loaded();
  return {
    run: async <A, R>(work: (argument: A) => R | Promise<R>, argument?: A) => await page.evaluate(work, argument) as R,
    reload: async () => {
      await page.reload();
      await loaded();
    },
    close: () => page.close(),
  };
}
