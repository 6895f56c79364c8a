/** Builds the bench page, serves it from 127.0.0.1 and opens it in Chromium with a profile on disk. */

import { type Metafile, build } from 'esbuild';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type BrowserContext, type Page, chromium } from 'playwright-core';
import sirv from 'sirv';
import { CHROMIUM_FLAGS, chromium as chromiumPath } from '../scripts/programs.mjs';

/** A path inside the project. */
export const path = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url));

/** Everything the bench generates; not committed. */
export const outDir = path('target/bench');
const siteDir = path('target/bench/site');
/** A private context puts OPFS behind IPC, 10 to 15 times slower: the profile lies on disk, fresh for each run. */
const profileDir = path('target/bench/profile');

const MOUNTS: Record<string, string> = {
  '/pkg': path('pkg'),
  '/duckdb': path('node_modules/@duckdb/duckdb-wasm/dist'),
  '/': siteDir,
};

/** Bundles the page with the peers' clients; lotwise stays outside and is loaded from its package. Tells what went where. */
export async function buildPage(): Promise<Metafile> {
  await rm(siteDir, { recursive: true, force: true });
  await mkdir(siteDir, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: path('.'),
    entryPoints: [path('benches/page/main.ts'), path('benches/page/sqlite-worker.ts')],
    outdir: siteDir,
    bundle: true, splitting: true, minify: true, format: 'esm', target: 'es2022', platform: 'browser',
    external: ['lotwise'],
    metafile: true, logLevel: 'warning',
  });
  await copyFile(path('benches/page/index.html'), `${siteDir}/index.html`);
  await copyFile(path('node_modules/@sqlite.org/sqlite-wasm/dist/sqlite3.wasm'), `${siteDir}/sqlite3.wasm`);
  return metafile;
}

/** Cross-origin isolated, since clocks tick in 5 µs then and not in 100. No engine here uses threads. */
export async function serve(): Promise<{ origin: string; server: Server }> {
  const handlers = Object.entries(MOUNTS).filter(([, directory]) => existsSync(directory)).map(([prefix, directory]) => ({
    prefix,
    handle: sirv(directory, {
      etag: true, maxAge: 3_600, dotfiles: false,
      setHeaders: (response) => {
        response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
        response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
      },
    }),
  }));
  const server = createServer((request, response) => {
    const mount = handlers.find(({ prefix }) => prefix === '/' || request.url?.startsWith(`${prefix}/`));
    if (mount && mount.prefix !== '/') request.url = request.url?.slice(mount.prefix.length) ?? '/';
    mount?.handle(request, response, () => {
      response.statusCode = 404;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

export class Browser {
  readonly #context: BrowserContext;
  readonly #origin: string;

  private constructor(context: BrowserContext, origin: string) {
    this.#context = context;
    this.#origin = origin;
  }

  /** With `fresh`, nothing of an earlier run is there. */
  static async launch(origin: string, options: { fresh: boolean }): Promise<Browser> {
    if (options.fresh) await rm(profileDir, { recursive: true, force: true });
    const context = await chromium.launchPersistentContext(profileDir, { executablePath: chromiumPath() ?? 'chromium', args: CHROMIUM_FLAGS, headless: true });
    return new Browser(context, origin);
  }

  /** A private window: nothing of it stays, and its OPFS is behind IPC. */
  static async launchPrivate(origin: string): Promise<Browser> {
    const browser = await chromium.launch({ executablePath: chromiumPath() ?? 'chromium', args: CHROMIUM_FLAGS, headless: true });
    return new Browser(await browser.newContext(), origin);
  }

  /** A new tab with the bench page in it; what goes wrong there is printed. */
  async open(query = ''): Promise<Page> {
    const page = await this.#context.newPage();
    page.setDefaultTimeout(0);
    page.on('pageerror', (error) => console.error(`page: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') console.error(`page: ${message.text()}`);
    });
    await page.goto(`${this.#origin}/${query}`);
    return page;
  }

  version(): string {
    return `Chromium ${this.#context.browser()?.version() ?? 'of unknown version'}`;
  }

  async close(): Promise<void> {
    const browser = this.#context.browser();
    await this.#context.close();
    await browser?.close();
  }
}
