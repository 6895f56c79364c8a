/** The presets of lotwise as SQL for the peers: same tables, same indexes. */

import changeEvents from '../../src/model/presets/change_events.json';
import productionRecords from '../../src/model/presets/production_records.json';

interface PresetColumn { type: string; required?: boolean; primaryKey?: boolean; collate?: string; default?: string | number }

const presets = [productionRecords.dataset, changeEvents.dataset];
const SQLITE_TYPES: Record<string, string> = { integer: 'INTEGER', timestamp: 'INTEGER', real: 'REAL', text: 'TEXT', date: 'TEXT' };
const DUCKDB_TYPES: Record<string, string> = { integer: 'INTEGER', timestamp: 'BIGINT', real: 'DOUBLE', text: 'VARCHAR', date: 'DATE' };

export const sqliteTables: string[] = presets.map((preset) => {
  const columns = Object.entries<PresetColumn>(preset.columns).map(([name, column]) =>
    [name, SQLITE_TYPES[column.type], column.primaryKey && 'PRIMARY KEY', column.required && 'NOT NULL', column.collate && `COLLATE ${column.collate}`]
      .filter(Boolean).join(' '));
  return `CREATE TABLE IF NOT EXISTS ${preset.name} (${columns.join(', ')}) STRICT`;
});

export function sqliteIndexes(table: string): string[] {
  return presetOf(table).indexes.map((index) => `CREATE INDEX IF NOT EXISTS ${index.name} ON ${table} (${index.columns.join(', ')})`);
}

/** No primary key: it costs DuckDB its fast load, and no query here asks by id. */
export const duckdbTables: string[] = presets.map((preset) => {
  const columns = Object.entries<PresetColumn>(preset.columns).map(([name, column]) => `${name} ${DUCKDB_TYPES[column.type]} NOT NULL`);
  return `CREATE TABLE IF NOT EXISTS ${preset.name} (${columns.join(', ')})`;
});

/** Column names and types of a table, as read_csv takes them. */
export function duckdbCsvColumns(table: string): string {
  const entries = Object.entries<PresetColumn>(presetOf(table).columns).map(([name, column]) => `'${name}': '${DUCKDB_TYPES[column.type]}'`);
  return `{${entries.join(', ')}}`;
}

function presetOf(table: string): (typeof presets)[number] {
  const preset = presets.find((candidate) => candidate.name === table);
  if (!preset) throw new Error(`no preset is called ${table}`);
  return preset;
}
