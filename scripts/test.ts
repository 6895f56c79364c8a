// Runs the suites, all or those named on the command line, and adds up what their runners report.
//
// `npm test`, `npm test -- native browser`. A suite that crashes, or that has no tests, counts as failed.

import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { chromedriver } from './programs.mjs';
import { env, root } from './run.ts';

/** What a step came to. */
interface Outcome { passed: number; failed: number }

/** One command, and how its outcome is told from what it printed. */
interface Step { command: string[]; outcome: (output: string) => Outcome | undefined }

interface Suite { name: string; about: string; needs?: Build[]; steps: Step[] }

type Build = 'build:test' | 'build';

const CLIPPY = ['--', '--deny', 'warnings'];
const EDGE = ['--no-default-features', '--features', 'edge'];
const ON_WASM = ['--target', 'wasm32-unknown-unknown', '--profile', 'wasm-test', '--features', 'faults'];
/** Folders of tests that run in a browser or over the released package. */
const HOSTED = ['browser', 'conformance', 'dashboard', 'edge', 'packaging'];

const suites: Suite[] = [
  { name: 'format', about: 'rustfmt', steps: [check('cargo', 'fmt', '--all', '--check')] },
  {
    name: 'lint', about: 'clippy: native, edge, wasm, build steps', steps: [
      check('cargo', 'clippy', '--all-targets', ...CLIPPY),
      check('cargo', 'clippy', '--lib', ...EDGE, ...CLIPPY),
      check('cargo', 'clippy', '--lib', '--test', 'wasm', ...ON_WASM, ...CLIPPY),
      check('cargo', 'clippy', '--package', 'lotwise-kernels', '--package', 'xtask', '--package', 'wasm-test-runner', ...CLIPPY),
    ],
  },
  { name: 'native', about: 'the engine, natively', steps: [cargo('test', '--no-fail-fast')] },
  { name: 'pure', about: 'the core without SQLite', steps: [cargo('test', '--no-fail-fast', ...EDGE)] },
  {
    name: 'wasm', about: 'the engine in workers of Chromium and Firefox', steps: [
      cargo('xtask', 'test', '--test', 'wasm', '--features', 'faults'),
      harness('node', 'scripts/wasm-firefox.ts'),
    ],
  },
  { name: 'types', about: 'TypeScript, strict', steps: [check('tsc', '--noEmit')] },
  { name: 'unused', about: 'knip', steps: [check('knip')] },
  { name: 'node', about: 'the client and other TypeScript, in Node', steps: [node(globSync('tests/*/*.test.ts', { cwd: root }).filter((file) => !HOSTED.includes(file.split(/[\\/]/)[1] ?? '')))] },
  { name: 'browser', about: 'the package in Chromium and Firefox', needs: ['build:test'], steps: [node(tests('browser'))] },
  { name: 'conformance', about: 'SQL text against plain SQLite', needs: ['build:test'], steps: [node(tests('conformance'))] },
  { name: 'packaging', about: 'the packed package in projects of users', needs: ['build'], steps: [node(tests('packaging'))] },
  { name: 'dashboard', about: 'the dashboard in Chromium', needs: ['build'], steps: [node(tests('dashboard'))] },
  { name: 'edge', about: 'the dashboard from a Cloudflare Worker', needs: ['build'], steps: [node(tests('edge'))] },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`There is no suite ${unknown.join(', ')}. These are:\n${suites.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}`);
  process.exit(2);
}

const built = new Map<Build, boolean>();
const results: (Outcome & { name: string; about: string; seconds: number })[] = [];
for (const suite of suites.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const started = performance.now();
  const { passed, failed } = await runSuite(suite);
  results.push({ name: suite.name, about: suite.about, passed, failed, seconds: Math.round((performance.now() - started) / 1000) });
}
report();

async function runSuite(suite: Suite): Promise<Outcome> {
  for (const build of suite.needs ?? []) {
    if (!built.has(build)) built.set(build, (await runStep(check('npm', 'run', '--silent', build), suite.name)).failed === 0);
    if (built.get(build) === false) return { passed: 0, failed: 1 };
  }
  const total = { passed: 0, failed: 0 };
  for (const step of suite.steps) {
    const { passed, failed } = await runStep(step, suite.name);
    total.passed += passed;
    total.failed += failed;
  }
  return total;
}

async function runStep(step: Step, suite: string): Promise<Outcome> {
  console.log(`\n── ${suite}: ${step.command.join(' ')}`);
  const { status, output } = await runShown(step.command);
  const outcome = step.outcome(output) ?? { passed: status === 0 ? 1 : 0, failed: 0 };
  const nothingRan = outcome.passed + outcome.failed === 0;
  const crashed = status !== 0 && outcome.failed === 0;
  return nothingRan || crashed ? { ...outcome, failed: 1 } : outcome;
}

/** Runs a program, showing what it prints and keeping it too. */
function runShown([command = '', ...args]: string[]): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...env, CHROMEDRIVER: chromedriver() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const [from, to] of [[child.stdout, process.stdout], [child.stderr, process.stderr]] as const) {
      from.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        to.write(text);
      });
    }
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve({ status: null, output });
    });
    child.on('close', (status) => resolve({ status, output }));
  });
}

/** A command that passes or fails as a whole. */
function check(...command: string[]): Step {
  return { command, outcome: () => undefined };
}

function cargo(...args: string[]): Step {
  return harness('cargo', ...args);
}

/** Tests that report as cargo's harness does, one line for each binary; wasm-bindgen's does too. */
function harness(...command: string[]): Step {
  return {
    command,
    outcome: (output) => sum(output.matchAll(/^test result: \w+\. (?<passed>\d+) passed; (?<failed>\d+) failed/gm)),
  };
}

/** Tests of Node's runner. One file at a time: browsers beside each other on few cores run into time limits. */
function node(files: string[]): Step {
  return {
    command: ['node', '--test', '--test-reporter=spec', '--test-concurrency=1', ...files],
    outcome: (output) => sum(output.matchAll(/^ℹ (?:pass (?<passed>\d+)|(?:fail|cancelled) (?<failed>\d+))$/gm)),
  };
}

function tests(folder: string): string[] {
  return globSync(`tests/${folder}/*.test.ts`, { cwd: root });
}

function sum(matches: Iterable<RegExpMatchArray>): Outcome {
  const total = { passed: 0, failed: 0 };
  for (const { groups } of matches) {
    total.passed += Number(groups?.['passed'] ?? 0);
    total.failed += Number(groups?.['failed'] ?? 0);
  }
  return total;
}

function report(): void {
  console.log(`\n${'suite'.padEnd(10)} ${'passed'.padStart(6)} ${'failed'.padStart(6)} ${'time'.padStart(6)}`);
  for (const { name, passed, failed, seconds, about } of results) {
    console.log(`${name.padEnd(10)} ${String(passed).padStart(6)} ${String(failed).padStart(6)} ${`${seconds} s`.padStart(6)}  ${about}`);
  }
  const passed = results.reduce((total, result) => total + result.passed, 0);
  const failed = results.reduce((total, result) => total + result.failed, 0);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
