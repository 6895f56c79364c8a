/** The dashboard as Cloudflare's asset server gives it out, started locally. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTestHarness } from 'wrangler';
import { env, root } from '../../scripts/run.ts';
import { serve } from '../../scripts/serve.ts';

const dist = join(root, 'www/dist');
const assets = readdirSync(join(dist, 'assets')).map((file) => `/assets/${file}`);
const server = createTestHarness({ workers: [{ configPath: join(root, 'wrangler.jsonc') }] });

before(() => server.listen());
after(() => server.close());

test('the page comes with a policy that allows neither eval nor anything inline', async () => {
  const response = await server.fetch('/');
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
  const policy = response.headers.get('content-security-policy') ?? '';
  assert.match(policy, /script-src 'self' 'wasm-unsafe-eval';/);
  assert.doesNotMatch(policy, /'unsafe-eval'|'unsafe-inline'/);
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(response.headers.get('cache-control'), 'no-cache');
  const page = await response.text();
  assert.doesNotMatch(page, /<script(?![^>]*\ssrc=)|<style|\sstyle=/);
});

test('hashed files are cached for ever, and wasm is named as such', async () => {
  const extensions = new Set<string>();
  for (const path of assets) {
    const response = await server.fetch(path);
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable', path);
    assert.match(path, /\.[0-9a-f]{20}\.[a-z0-9]+$/, 'a file that is cached for ever is named after its content');
    extensions.add(path.slice(path.lastIndexOf('.')));
    if (path.endsWith('.wasm')) assert.equal(response.headers.get('content-type'), 'application/wasm');
    await response.arrayBuffer();
  }
  for (const extension of ['.js', '.css', '.wasm']) assert.ok(extensions.has(extension), `no ${extension} among the assets`);
});

test('what is not there is 404', async () => {
  const response = await server.fetch('/assets/none.js');
  assert.equal(response.status, 404);
});

test('npm start sends the same headers', async () => {
  const local = await serve(dist);
  try {
    for (const path of ['/', ...assets]) {
      const [here, there] = await Promise.all([fetch(new URL(path, local.url)), server.fetch(path)]);
      for (const name of ['content-security-policy', 'x-content-type-options', 'referrer-policy', 'cache-control']) {
        assert.equal(here.headers.get(name), there.headers.get(name), `${name} of ${path}`);
      }
      await Promise.all([here.arrayBuffer(), there.arrayBuffer()]);
    }
  } finally {
    await local.close();
  }
});

test('a dry run of the deployment passes', () => {
  const { status, stdout, stderr } = spawnSync('wrangler', ['deploy', '--dry-run'], { cwd: root, env, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
});
