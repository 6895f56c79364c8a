/** Projects of users: a folder with the packed package installed into it, as `npm install` would. */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env, root } from '../../scripts/run.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
/** Inside the repository, so that bundlers and their plugins resolve from its node_modules. */
const projects = join(root, 'target/packaging');

let tarball: string | undefined;

/** A fresh project made from the fixture of that name; installing needs no network, the package has no dependencies. */
export function project(name: string): string {
  tarball ??= pack();
  const folder = join(projects, name);
  rmSync(folder, { recursive: true, force: true });
  cpSync(join(fixtures, name), folder, { recursive: true });
  cpSync(join(fixtures, 'page.js'), join(folder, 'page.js'));
  writeFileSync(join(folder, 'package.json'), '{ "name": "fixture", "private": true, "type": "module" }\n');
  // Without its own, esbuild would take the repository's, which leads to the sources and not to the package.
  writeFileSync(join(folder, 'tsconfig.json'), '{}\n');
  npm(folder, 'install', '--offline', '--no-package-lock', tarball);
  return folder;
}

function pack(): string {
  rmSync(projects, { recursive: true, force: true });
  mkdirSync(projects, { recursive: true });
  return join(projects, npm(root, 'pack', './pkg', '--pack-destination', projects).trim());
}

function npm(folder: string, ...args: string[]): string {
  return execFileSync('npm', [...args, '--silent'], { cwd: folder, env, encoding: 'utf8' });
}
