/**
 * JSON, an array of objects or one object a line (NDJSON).
 *
 * Integers are exact literals, whatever their size; bytes are base64; infinities, for which JSON has no
 * number, are the texts "Infinity" and "-Infinity". A column declared as JSON stands as what it is, or as
 * text where it is none. Of columns with the same name the last one counts, as in row objects.
 */
import type { ColumnHeader } from '../batch/format.ts';
import type { Value } from '../types.ts';
import type { TextEncoding } from './encoder.ts';

export function jsonEncoder(format: 'json' | 'ndjson'): TextEncoding {
  const array = format === 'json';
  let begun = false;
  return {
    *rows(batch) {
      const { rows, columns } = batch.header;
      const members = columns
        .filter(({ name }, index) => columns.findLastIndex((each) => each.name === name) === index)
        .map((column) => ({ key: `${JSON.stringify(column.name)}:`, values: batch.column(column), text: textOf(column) }));
      for (let row = 0; row < rows; row++) {
        let line = '';
        for (const { key, values, text } of members) line += (line === '' ? '' : ',') + key + text(values[row]!);
        if (array) yield `${begun ? ',' : '['}\n{${line}}`;
        else yield `{${line}}\n`;
        begun = true;
      }
    },
    end: () => {
      if (!array) return '';
      return begun ? '\n]\n' : '[]\n';
    },
  };
}

function textOf({ type }: ColumnHeader): (value: Value) => string {
  return (value) => {
    switch (typeof value) {
      case 'string': return type === 'json' && isJson(value) ? value.replace(/[\r\n]/g, ' ') : JSON.stringify(value);
      case 'number': return Number.isFinite(value) ? String(value) : `"${value}"`;
      case 'bigint': return String(value);
      case 'object': return value === null ? 'null' : `"${base64(value)}"`;
      default: return String(value);
    }
  };
}

/** SQL can put any text into a JSON column. A line break in JSON is white space, for in texts it is escaped. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function base64(bytes: Uint8Array): string {
  let text = '';
  // Argument lists are short, and pieces of three bytes end without padding.
  for (let at = 0; at < bytes.length; at += 3 * 4096) text += btoa(String.fromCharCode(...bytes.subarray(at, at + 3 * 4096)));
  return text;
}
