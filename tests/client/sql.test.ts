/** Which statements may be left to end by themselves: only those that certainly read. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRead } from '../../src/ts/sql.ts';

test('statements that certainly read', () => {
  for (const sql of [
    'SELECT 1', '  select 1', '-- delete\nSELECT 1', '/* update */ VALUES (1)', 'EXPLAIN DELETE FROM a', ';SELECT 1',
    'WITH a AS (SELECT 1) SELECT * FROM a', "WITH a AS (SELECT 'insert') SELECT \"update\", [delete] FROM a",
  ]) assert.equal(isRead(sql), true, sql);
});

test('statements that write, or may', () => {
  for (const sql of [
    'INSERT INTO a VALUES (1) RETURNING id', 'WITH a AS (SELECT 1) DELETE FROM b', 'WITH a AS (SELECT 1) insert into b select 1', 'PRAGMA user_version = 1',
    'CREATE TABLE a(b)', '', 'selected', '-- SELECT\nDELETE FROM a', '/* unfinished SELECT', "'SELECT'",
  ]) assert.equal(isRead(sql), false, sql);
});
