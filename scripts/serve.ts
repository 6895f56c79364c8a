// Serves the dashboard with the headers that it has in production (`www/_headers`).

import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import sirv from 'sirv';
import { root } from './run.ts';

interface HeaderRule {
  matches: (path: string) => boolean;
  name: string;
  value: string;
}

if (import.meta.filename === process.argv[1]) {
  // Not just any port that is free: what the dashboard keeps belongs to its address, port included.
  const port = Number(process.env['PORT'] ?? 8080);
  try {
    const { url } = await serve(join(root, 'www/dist'), port);
    console.log(`\nlotwise is at ${url} (Ctrl+C ends it)`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    console.error(`Port ${port} is taken. Choose another: PORT=${port + 1} npm start`);
    process.exitCode = 1;
  }
}

/** Serves a folder, on any free port for 0, with the headers of its `_headers` file where it has one. */
export async function serve(folder: string, port = 0): Promise<{ url: string; close: () => Promise<void> }> {
  const headers = join(folder, '_headers');
  const rules = existsSync(headers) ? parseHeaders(readFileSync(headers, 'utf8')) : [];
  const files = sirv(folder, {
    dotfiles: false,
    setHeaders: (response, path) => {
      for (const rule of rules) if (rule.matches(path)) response.setHeader(rule.name, rule.value);
    },
  });
  const server = createServer((request, response) => files(request, response, () => void response.writeHead(404).end()));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, 'localhost', resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

/** One rule for each header: lines without indentation are paths, in which `*` stands for anything. */
function parseHeaders(text: string): HeaderRule[] {
  const rules: HeaderRule[] = [];
  let matches: HeaderRule['matches'] = () => false;
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    if (/^\s/.test(line)) {
      const colon = line.indexOf(':');
      rules.push({ matches, name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() });
    } else {
      const pattern = new RegExp(`^${line.trim().replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
      matches = (path) => pattern.test(path);
    }
  }
  return rules;
}
