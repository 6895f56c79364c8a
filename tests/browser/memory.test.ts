/** A result that is streamed needs a fraction of the memory of one that is loaded, seen from outside the process. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { packageFolder } from './helpers/server.ts';
import { TEST_MS_MAX } from './helpers/suite.ts';

const ROWS = 600_000;

/** Highest resident size of a process that reads the rows in one of the ways, and what they add up to. */
function read(how: 'load' | 'stream'): { bytes: number; sum: number } {
  const script = `
    import { open } from ${JSON.stringify(pathToFileURL(join(packageFolder, 'node.js')).href)};
    const db = await open({ storage: 'memory', datasets: [] });
    const sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${ROWS}) SELECT i, printf('lot %020d', i) AS lot FROM n";
    let sum = 0;
    const add = (rows) => { for (const { i, lot } of rows) sum += i + lot.length; };
    if (${JSON.stringify(how)} === 'load') add((await db.query(sql)).rows);
    else for await (const rows of db.stream(sql)) add(rows);
    console.log(JSON.stringify({ bytes: process.resourceUsage().maxRSS * 1024, sum }));
    await db.close();
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as { bytes: number; sum: number };
}

test('a stream needs a fraction of the memory', { timeout: TEST_MS_MAX }, () => {
  const [loaded, streamed] = [read('load'), read('stream')];
  assert.equal(streamed.sum, loaded.sum);
  assert.ok(streamed.bytes < loaded.bytes / 1.6, `${streamed.bytes} bytes streamed, ${loaded.bytes} loaded`);
});
