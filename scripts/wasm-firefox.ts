// Runs the wasm tests in Firefox, without a driver of its own: their runner serves the page, puppeteer opens it.
// Arguments go to cargo test.

import { spawn } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import puppeteer from 'puppeteer-core';
import { firefox } from './programs.mjs';
import { env, root } from './run.ts';

const BUILD_MS_MAX = 20 * 60_000;
const TESTS_MS_MAX = 10 * 60_000;
/** What the runner prints when its page is there. */
const SERVED = 'tests are now available at';

const executablePath = firefox();
if (executablePath === undefined) throw new Error('There is no Firefox on this machine; npm run setup -- --tests installs it or says how.');
const address = `127.0.0.1:${await freePort()}`;
// A group of its own, so that the runner can be ended with all that cargo put around it.
const runner = spawn('cargo', ['xtask', 'test', '--test', 'wasm', '--features', 'faults', ...process.argv.slice(2)], {
  cwd: root,
  env: { ...env, NO_HEADLESS: '1', WASM_BINDGEN_TEST_ADDRESS: address },
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
});
try {
  await served();
  const output = await inFirefox(`http://${address}`);
  console.log(output);
  process.exitCode = /^test result: ok\./m.test(output) ? 0 : 1;
} finally {
  if (runner.pid !== undefined && runner.exitCode === null) process.kill(-runner.pid);
}

/** Waits for the page of the tests. */
function served(): Promise<void> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error('The tests were not built in time.')), BUILD_MS_MAX);
    runner.on('exit', (status) => reject(new Error(`The runner of the tests ended with ${status}.`)));
    let text = '';
    runner.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (!text.includes(SERVED)) return;
      clearTimeout(limit);
      resolve();
    });
  });
}

/** What the page wrote when all tests had run. */
async function inFirefox(url: string): Promise<string> {
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true });
  try {
    const page = await browser.newPage();
    await page.goto(url);
    const output = await page.waitForFunction(() => {
      const text = document.getElementById('output')?.textContent ?? '';
      return /^test result:|^Worker error:/m.test(text) && text;
    }, { timeout: TESTS_MS_MAX, polling: 500 });
    return String(await output.jsonValue());
  } finally {
    await browser.close();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
