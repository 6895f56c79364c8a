// Where the browsers of this machine are, and how Chromium is started. Node built-ins only: setup.mjs uses
// it before npm has run.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Chromium or Chrome, or undefined. CHROMIUM overrides. */
export function chromium() {
  return process.env.CHROMIUM || onPath('chromium', 'chromium-browser', 'google-chrome')
    || existing('/Applications/Google Chrome.app/Contents/MacOS/Google Chrome');
}

/** For tests and benches: root has no sandbox, and nothing is to be asked of servers that are not there. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

/** ChromeDriver of the same version, or undefined. CHROMEDRIVER overrides. */
export function chromedriver() {
  return process.env.CHROMEDRIVER || onPath('chromedriver');
}

/** Firefox, or undefined. FIREFOX overrides. */
export function firefox() {
  return process.env.FIREFOX || onPath('firefox-esr', 'firefox')
    || existing('/Applications/Firefox.app/Contents/MacOS/firefox');
}

function onPath(...names) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  for (const name of names) {
    for (const folder of folders) {
      const file = join(folder, name);
      if (existsSync(file)) return file;
    }
  }
  return undefined;
}

function existing(file) {
  return existsSync(file) ? file : undefined;
}
