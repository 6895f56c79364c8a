// Runs one fuzz target on libFuzzer: `npm run fuzz -- <target> [seconds]`. Needs what stable builds do not:
// a nightly compiler and cargo-fuzz. What it finds new goes to target/, what it breaks on to fuzz/artifacts/.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { env, root } from './run.ts';

const SECONDS = 60;
const INPUT_BYTES_MAX = 16_384;
const INPUT_SECONDS_MAX = 20;
const NEEDED = [
  { command: ['rustup', 'run', 'nightly', 'rustc', '--version'], install: 'rustup toolchain install nightly' },
  { command: ['cargo', 'fuzz', '--version'], install: 'cargo install cargo-fuzz --locked' },
];

const [target = '', seconds = String(SECONDS)] = process.argv.slice(2);
const targets = readdirSync(join(root, 'fuzz/fuzz_targets')).map((file) => file.replace('.rs', ''));
if (!targets.includes(target) || !/^\d+$/.test(seconds)) {
  console.error(`npm run fuzz -- <target> [seconds]. Targets: ${targets.join(', ')}; ${SECONDS} seconds where none are given.`);
  process.exit(2);
}
const missing = NEEDED.filter(({ command: [program = '', ...rest] }) => spawnSync(program, rest, { env }).status !== 0);
if (missing.length > 0) {
  console.error(`Fuzzing needs more than the other suites. Install it with:\n${missing.map(({ install }) => `  ${install}`).join('\n')}`);
  process.exit(2);
}

const found = `target/fuzz/corpus/${target}`;
mkdirSync(join(root, found), { recursive: true });
const { status } = spawnSync('cargo', [
  '+nightly', 'fuzz', 'run', '--target-dir', 'target/fuzz', target, found, `fuzz/corpus/${target}`,
  '--', `-max_total_time=${seconds}`, `-max_len=${INPUT_BYTES_MAX}`, `-timeout=${INPUT_SECONDS_MAX}`,
], {
  cwd: root,
  stdio: 'inherit',
  // The library is there twice, once as the module that the package ships.
  env: { ...env, ASAN_OPTIONS: 'detect_odr_violation=0' },
});
if (status !== 0) console.error(`\nOnce it is mended, keep the input as fuzz/corpus/${target}/<what it is>: every npm test plays it.`);
process.exitCode = status ?? 1;
