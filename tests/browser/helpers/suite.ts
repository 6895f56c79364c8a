/** One server and one browser for the tests of a file. */

import { after, before } from 'node:test';
import { startBrowser, type BrowserKind, type Tab, type TestBrowser } from './browsers.ts';
import { startServer, type TestServer } from './server.ts';

/** Long enough for a busy machine; a call that hangs fails all the same. */
export const TEST_MS_MAX = 180_000;

export interface Suite {
  readonly server: TestServer;
  readonly browser: TestBrowser;
  /** Runs a function in a tab of its own. */
  inTab<A, R>(work: (argument: A) => R | Promise<R>, argument: A): Promise<R>;
  inTab<R>(work: () => R | Promise<R>): Promise<R>;
  /** Gives a tab to the test and closes it afterwards. */
  withTab<R>(use: (tab: Tab) => Promise<R>): Promise<R>;
}

/** Starts both before the tests of the surrounding suite and ends them afterwards. */
export function useBrowser(kind: BrowserKind, options: { isolated?: boolean } = {}): Suite {
  let server: TestServer | undefined;
  let browser: TestBrowser | undefined;
  before(async () => {
    server = await startServer(options);
    browser = await startBrowser(kind);
  }, { timeout: TEST_MS_MAX });
  after(async () => {
    await browser?.close();
    await server?.close();
  }, { timeout: TEST_MS_MAX });
  const suite: Suite = {
    get server() { return server!; },
    get browser() { return browser!; },
    inTab: <A, R>(work: (argument: A) => R | Promise<R>, argument?: A) => suite.withTab((tab) => tab.run(work as (argument: A | undefined) => R | Promise<R>, argument)),
    withTab: async (use) => {
      const tab = await suite.browser.tab(suite.server.url);
      try {
        return await use(tab);
      } finally {
        await tab.close();
      }
    },
  };
  return suite;
}
