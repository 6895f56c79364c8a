/**
 * The package answers SQL as plain SQLite does, but for the differences that docs/conformance.md explains.
 *
 * Three sources: the scripts here, whose answers plain SQLite confirms; thousands of statements generated from
 * a seed, put to both; and with SQLLOGICTEST=<folder> any scripts of that format, such as SQLite's own suite.
 * RECORD=1 writes the answers of plain SQLite into the scripts here.
 */

import assert from 'node:assert/strict';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { root } from '../../scripts/run.ts';
import type { Tab } from '../browser/helpers/browsers.ts';
import { TEST_MS_MAX, useBrowser } from '../browser/helpers/suite.ts';
import { testSeed } from '../client/random.ts';
import { generatedGroups } from './generate/groups.ts';
import { play, type Outcome, type Play, type Statement } from './play.ts';
import { playReference } from './reference.ts';
import { judge, parseScript, recorded, type ScriptRecord } from './script.ts';

interface Script { name: string; records: ScriptRecord[] }

/** Statements of each generated group. */
const GROUP_STATEMENTS = 400;

const scripts = readScripts(join(root, 'tests/conformance/scripts'));
const seed = testSeed();
const groups = generatedGroups(seed, GROUP_STATEMENTS);
const explained = readExplained(readFileSync(join(root, 'docs/conformance.md'), 'utf8'));

test('plain SQLite says what the scripts say', () => {
  for (const { name, records } of scripts) assert.deepEqual(differences(records, playReference(records)), [], name);
});

for (const kind of ['chromium', 'firefox'] as const) {
  for (const storage of ['memory', 'opfs'] as const) {
    describe(`${kind}, ${storage}`, () => {
      const suite = useBrowser(kind);
      test('scripts, but for what is explained', { timeout: TEST_MS_MAX }, () => suite.withTab(async (tab) => {
        const found: string[] = [];
        for (const { name, records } of scripts) {
          const [reference, ours] = [playReference(records), await played(tab, storage, records)];
          const wrong = records.filter((record, i) => judge(record, ours[i]!) !== undefined || !isSame(record, reference[i]!, ours[i]!));
          found.push(...wrong.map(({ sql }) => `${name}: ${sql}`));
        }
        assert.deepEqual(found.toSorted(), explained.toSorted());
      }));

      test(`generated statements, seed ${seed}`, { timeout: TEST_MS_MAX }, () => suite.withTab(async (tab) => {
        // On storage the same statements would only take longer: those that write, and a few that read.
        for (const { name, statements } of groups.filter(({ name }) => storage === 'memory' || /writes|aggregate, indexed/.test(name))) {
          const [reference, ours] = [playReference(statements), await played(tab, storage, statements)];
          const wrong = statements.findIndex((statement, i) => !isSame(statement, reference[i]!, ours[i]!));
          assert.equal(wrong, -1, `${name}, seed ${seed}: ${statements[wrong]?.sql}\nSQLite: ${shown(reference[wrong])}\nhere: ${shown(ours[wrong])}`);
        }
      }));
    });
  }
}

describe('scripts from elsewhere', { skip: process.env['SQLLOGICTEST'] === undefined }, () => {
  const suite = useBrowser('chromium');
  for (const { name, records } of readScripts(resolve(process.env['SQLLOGICTEST'] ?? '.'))) {
    test(`${name}, ${records.length} statements`, { timeout: TEST_MS_MAX }, () => suite.withTab(async (tab) => {
      assert.deepEqual(differences(records, await played(tab, 'memory', records)), []);
    }));
  }
});

/** Plays statements in a page; what they are expected to say stays here. */
function played(tab: Tab, storage: Play['storage'], statements: readonly Statement[]): Promise<Outcome[]> {
  return tab.run(play, { storage, statements: statements.map(({ kind, sql }) => ({ kind, sql })) });
}

function readScripts(folder: string): Script[] {
  return globSync('**/*.test', { cwd: folder }).toSorted().map((file) => {
    const path = join(folder, file);
    let text = readFileSync(path, 'utf8');
    if (process.env['RECORD'] !== undefined && process.env['SQLLOGICTEST'] === undefined) {
      text = recorded(text, playReference);
      writeFileSync(path, text);
    }
    return { name: basename(file, '.test'), records: parseScript(text) };
  });
}

/** `script: statement` of each row of the table of differences. */
function readExplained(text: string): string[] {
  return [...text.matchAll(/^\| (?<script>\w+) \| `(?<sql>(?:[^`\\]|\\.)+)` \|/gm)].map(({ groups }) => `${groups!['script']}: ${groups!['sql']!.replaceAll('\\|', '|')}`);
}

function differences(records: readonly ScriptRecord[], outcomes: readonly Outcome[]): string[] {
  return records.flatMap((record, i) => {
    const problem = judge(record, outcomes[i]!);
    return problem === undefined ? [] : [`line ${record.line}: ${record.sql}: ${problem}`];
  });
}

/** Exactly the same, but for the order of rows that have none. */
function isSame({ ordered }: Statement, expected: Outcome, got: Outcome): boolean {
  if ('error' in expected || 'error' in got) return 'error' in expected && 'error' in got;
  const plain = (rows: readonly string[][]): string[] => {
    // A number of a column of several classes has lost which one it was.
    const texts = rows.map((row) => row.map((cell, i) => (got.rows.some((other) => other[i]?.startsWith('d')) ? cell.replace(/^[ird]/, 'd') : cell)).join('\0'));
    return ordered === true ? texts : texts.toSorted();
  };
  return got.rows.length === expected.rows.length && plain(got.rows).join('\n') === plain(expected.rows).join('\n');
}

function shown(outcome: Outcome | undefined): string {
  return JSON.stringify(outcome)?.slice(0, 2000) ?? 'nothing';
}
