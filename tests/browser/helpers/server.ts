/**
 * A static server as strict as a production site: a Content-Security-Policy without unsafe-eval, and no
 * headers for cross-origin isolation, which the package must not need.
 */

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The package under test: LOTWISE_PKG, by default the flavour built for tests. */
export const packageFolder = resolve(ROOT, process.env['LOTWISE_PKG'] ?? 'target/pkg-test');

const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self'";
const TYPES: Record<string, string> = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html', '.json': 'application/json', '.csv': 'text/csv' };

/** What the page of the tests is, besides the package. */
const PAGE = '<!doctype html><meta charset="utf-8"><title>lotwise</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
const PAGE_SCRIPT = `
import * as lotwise from '/pkg/index.js';
globalThis.lotwise = lotwise;
globalThis.failureOf = async (promise) => {
  try {
    await promise;
  } catch (error) {
    const { name, code, message, retryable, details } = error;
    return { ours: error instanceof lotwise.LotwiseError, name, code, message, retryable, details };
  }
  return undefined;
};
`;

/** Answers one address; what it returns is the body. */
export type Route = (request: IncomingMessage) => { type: string; body: string | Uint8Array | Iterable<string> } | undefined;

export interface TestServer {
  /** Such as 'http://localhost:41234'. */
  url: string;
  port: number;
  /** Adds or replaces an address below '/'. */
  route(path: string, route: Route): void;
  close(): Promise<void>;
}

/** `isolated`: with the headers that make pages cross-origin isolated. */
export async function startServer({ isolated = false } = {}): Promise<TestServer> {
  const routes = new Map<string, Route>([
    ['/', () => ({ type: 'text/html', body: PAGE })],
    ['/page.js', () => ({ type: 'text/javascript', body: PAGE_SCRIPT })],
  ]);
  const server = createServer((request, response) => {
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    answer(routes, request, response);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${port}`,
    port,
    route: (path, route) => { routes.set(path, route); },
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

function answer(routes: ReadonlyMap<string, Route>, request: IncomingMessage, response: ServerResponse): void {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname;
  response.setHeader('Content-Security-Policy', POLICY);
  response.setHeader('Cache-Control', 'no-store');
  const made = routes.get(path)?.(request);
  if (made !== undefined) {
    response.setHeader('Content-Type', made.type);
    const chunks = typeof made.body === 'string' || made.body instanceof Uint8Array ? [made.body] : made.body;
    Readable.from(chunks, { objectMode: true }).pipe(response);
    return;
  }
  const file = path.startsWith('/pkg/') ? join(packageFolder, normalize(path.slice('/pkg/'.length))) : undefined;
  if (file === undefined || !file.startsWith(packageFolder) || !existsSync(file) || !statSync(file).isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
  createReadStream(file).pipe(response);
}
