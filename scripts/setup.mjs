// Installs what the build needs (with --tests: what the tests need too) and nothing that is there
// already. Runs on a bare Node 20 before any npm package is installed: Node built-ins only.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromedriver, chromium, firefox } from './programs.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Programs of the system: how to tell that they work, and their packages by system. */
const programs = [
  {
    name: 'clang with a wasm32 back end',
    works: () => succeeds(process.env.CC_wasm32_unknown_unknown ?? 'clang',
      ['--target=wasm32-unknown-unknown', '-x', 'c', '-c', '-', '-o', '/dev/null'], 'int one = 1;\n'),
    debian: 'clang llvm', fedora: 'clang llvm', macos: 'llvm',
    // Apple's own clang has no wasm32 back end, and Homebrew keeps its clang off the PATH.
    macosAfterwards: 'export CC_wasm32_unknown_unknown="$(brew --prefix llvm)/bin/clang" AR_wasm32_unknown_unknown="$(brew --prefix llvm)/bin/llvm-ar"',
  },
  { name: 'Chromium', tests: true, works: () => chromium() !== undefined, debian: 'chromium', fedora: 'chromium', macos: '--cask google-chrome' },
  { name: 'ChromeDriver', tests: true, works: () => chromedriver() !== undefined, debian: 'chromium-driver', fedora: 'chromedriver', macos: '--cask chromedriver' },
  { name: 'Firefox', tests: true, works: () => firefox() !== undefined, debian: 'firefox-esr', fedora: 'firefox', macos: '--cask firefox' },
  { name: 'Python with sqlite3', tests: true, works: () => succeeds('python3', ['-c', 'import sqlite3']), debian: 'python3', fedora: 'python3', macos: 'python' },
];

rustTarget();
systemPrograms(programs.filter((program) => !program.tests || process.argv.includes('--tests')));
npmPackages();

function rustTarget() {
  const sysroot = spawnSync('rustc', ['--print', 'sysroot'], { cwd: root, encoding: 'utf8' });
  if (sysroot.status !== 0) fail('Rust is missing. Install it from https://rustup.rs, then run this again.');
  if (existsSync(`${sysroot.stdout.trim()}/lib/rustlib/wasm32-unknown-unknown`)) return;
  if (!succeeds('rustup', ['--version'])) {
    fail('The Rust target wasm32-unknown-unknown is missing, and there is no rustup to add it.\n'
      + '  Debian: sudo apt-get install libstd-rust-dev-wasm32\n  Fedora: sudo dnf install rust-std-static-wasm32-unknown-unknown\n  macOS:  install Rust from https://rustup.rs');
  }
  install('rustup', ['target', 'add', 'wasm32-unknown-unknown']);
}

function systemPrograms(needed) {
  const missing = needed.filter((program) => !program.works());
  if (missing.length === 0) return;
  console.log(`setup: missing: ${missing.map((program) => program.name).join(', ')}`);
  if (existsSync('/etc/debian_version') && process.getuid?.() === 0) {
    install('apt-get', ['update', '-q']);
    install('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages(missing, 'debian')]);
    const still = missing.filter((program) => !program.works());
    if (still.length > 0) fail(`Installed, but not working: ${still.map((program) => program.name).join(', ')}`);
    return;
  }
  const brew = missing.map((program) => `brew install ${program.macos}`);
  const afterwards = missing.flatMap((program) => program.macosAfterwards ?? []);
  fail('Install it with\n'
    + `  Debian: sudo apt-get update && sudo apt-get install ${packages(missing, 'debian').join(' ')}\n`
    + `  Fedora: sudo dnf install ${packages(missing, 'fedora').join(' ')}\n`
    + `  macOS:  ${[...brew, ...afterwards].join(' && ')}\n`
    + 'then run this again.');
}

function packages(missing, system) {
  return missing.flatMap((program) => program[system].split(' '));
}

/** npm notes what it installed in a hidden lock file: it must agree with ours, but for packages of other platforms. */
function npmPackages() {
  const hidden = `${root}node_modules/.package-lock.json`;
  if (existsSync(hidden) && existsSync(`${root}node_modules/.bin/node`)) {
    const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
    const wanted = Object.entries(JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')).packages);
    if (wanted.every(([path, entry]) => path === '' || entry.optional || installed[path]?.version === entry.version)) return;
  }
  // Not `npm ci`: it refuses a lock file that lacks an optional package of another platform, and a registry mirror
  // may not carry them all. Some packages want a newer Node than may run this; the `node` package runs them, so that
  // warning is noise.
  install('npm', ['install', '--no-save', '--loglevel=error']);
}

function succeeds(command, args, input = '') {
  return spawnSync(command, args, { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0;
}

function install(command, args) {
  console.log(`setup: ${command} ${args.join(' ')}`);
  const { status, error } = spawnSync(command, args, {
    cwd: root, stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status !== 0) fail(`"${command} ${args.join(' ')}" failed${error ? `: ${error.message}` : ''}.`);
}

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}
