/** What the checkers of the npm world say about pkg/, and what it weighs. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { findPrivatePaths } from '../../scripts/private-paths.ts';
import { env, root } from '../../scripts/run.ts';

const pkg = join(root, 'pkg');
const loadedByPage = ['index.js', 'worker.js', 'lotwise_bg.wasm'];

test('publint finds nothing', () => {
  check('publint', '--strict', 'pkg');
});

test('the types resolve in every mode of an ESM package', () => {
  // The two others are files for `workerUrl` and `wasmUrl`: addresses, nothing to import types from.
  check('attw', '--pack', 'pkg', '--profile', 'esm-only', '--exclude-entrypoints', 'worker', 'wasm');
});

test('what a page loads stays in its budget', (t) => {
  const bytes = loadedByPage.map((file) => gzipSync(readFileSync(join(pkg, file)), { level: 9 }).length);
  t.diagnostic(loadedByPage.map((file, index) => `${file} ${kilobytes(bytes[index] ?? 0)}`).join(', '));
  check('size-limit');
});

test('every file that the manifest names is there', () => {
  const { exports } = JSON.parse(readFileSync(join(pkg, 'package.json'), 'utf8')) as { exports: Record<string, string | Record<string, string>> };
  const files = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [entry] : Object.values(entry)));
  assert.deepEqual(files.filter((file) => !existsSync(join(pkg, file))), []);
});

test('no file names a path of the building machine', () => {
  assert.deepEqual(findPrivatePaths([pkg, join(root, 'www/dist')]), []);
});

test('the published module cannot be made to fail on demand', () => {
  assert.equal(readFileSync(join(pkg, 'lotwise_bg.wasm')).includes('panicForTest'), false);
});

function check(command: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, env, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
