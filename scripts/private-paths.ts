// Finds paths of the building machine in what is to be published.

import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, sep } from 'node:path';
import { root } from './run.ts';

/** Every file under the folders that names the home folder, the checkout or cargo's home. */
export function findPrivatePaths(folders: string[]): { file: string; path: string }[] {
  const paths = [`${homedir()}${sep}`, root, process.env['CARGO_HOME']].filter((path): path is string => path !== undefined && path !== sep);
  return folders.flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .flatMap((file) => {
      const content = readFileSync(file);
      return paths.filter((path) => content.includes(path)).map((path) => ({ file, path }));
    }));
}
