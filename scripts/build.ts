// Builds the package and the dashboard: pkg/ and www/dist. With --test: the package only, from the
// faster profile that can fail on demand, into target/pkg-test/. Both hold the same files.

import { cpSync, mkdirSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { findPrivatePaths } from './private-paths.ts';
import { root, run } from './run.ts';

const flavours = {
  release: { flag: '--release', glue: 'target/wasm-bindgen/release', output: 'pkg' },
  test: { flag: '--test', glue: 'target/wasm-bindgen/wasm-test', output: 'target/pkg-test' },
};

const flavour = process.argv.includes('--test') ? flavours.test : flavours.release;
const output = join(root, flavour.output);

run('cargo', 'xtask', 'wasm', flavour.flag);
rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
await bundle();
run('tsc', '--project', 'tsconfig.build.json', '--outDir', output);
cpSync(join(root, flavour.glue, 'lotwise_bg.wasm'), join(output, 'lotwise_bg.wasm'));
for (const file of ['README.md', 'LICENSE-MIT', 'LICENSE-APACHE']) cpSync(join(root, file), join(output, file));
writeFileSync(join(output, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);

if (flavour === flavours.release) {
  run('webpack');
  const found = findPrivatePaths([output, join(root, 'www/dist')]);
  for (const { file, path } of found) console.error(`build: ${file} names ${path}, a path of this machine`);
  if (found.length > 0) process.exit(1);
}

/** One file for each entry. Bundlers of users follow `new Worker(new URL(…))` and `new URL(…wasm…)`: esbuild leaves them be. */
async function bundle(): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: ['index', 'worker', 'node', 'workerd'].map((entry) => `src/ts/${entry}.ts`),
    outdir: output,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    alias: { 'lotwise-wasm': `./${flavour.glue}/lotwise.js` },
    external: ['node:*', '*.wasm'],
    minify: true,
    // Only tools for developers fetch it; a trace of the stack reads like the source with it.
    sourcemap: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
}

/** The manifest that is published: the root's, seen from pkg/. */
function manifest(): object {
  const text = readFileSync(join(root, 'package.json'), 'utf8').replaceAll('"./pkg/', '"./');
  const { name, version, description, license, keywords, type, exports, engines } = JSON.parse(text);
  return { name, version, description, license, keywords, type, sideEffects: ['./worker.js'], types: './index.d.ts', exports, engines };
}
