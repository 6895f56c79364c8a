// What the other scripts share: the root of the repository, and running programs in it.

import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** The environment of npm scripts, also where a script is run without npm: its tools first, Node 24 among them. */
export const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env['PATH']}` };

/** Runs a program to its end with its output shown. Ends this process where it fails. */
export function run(command: string, ...args: string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' });
  if (error) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}
