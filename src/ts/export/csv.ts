/**
 * CSV as in RFC 4180: a header, commas, CRLF, quotes where they are needed.
 *
 * A null is an empty field, empty text is `""`: readers that tell quoted fields apart keep the difference.
 */
import type { ColumnHeader } from '../batch/format.ts';
import type { BatchReader } from '../batch/reader.ts';
import type { Value } from '../types.ts';
import type { TextEncoding } from './encoder.ts';
import { plainText } from './text.ts';

/** What has to stand in quotes: also white space at an end and a byte-order mark, which readers drop. */
const QUOTED = /[",\r\n]|^\s|\s$/;

/**
 * What makes a spreadsheet take text for a formula, by OWASP's list: also full-width forms, and white space
 * in front, which some drop. https://owasp.org/www-community/attacks/CSV_Injection
 */
const FORMULA = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/;

/** Text that would run as a formula gets a `'` in front, unless formulas are kept. */
export function csvEncoder(formulas: 'escape' | 'keep'): TextEncoding {
  const quoted = (text: string): string => (text === '' || QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const field = (text: string): string => quoted(formulas === 'escape' && FORMULA.test(text) ? `'${text}` : text);
  const fieldOf = (value: Value): string => {
    if (typeof value === 'string') return field(value);
    return value === null ? '' : plainText(value);
  };
  let begun = false;
  return {
    *rows(batch) {
      const { rows, columns } = batch.header;
      if (!begun) yield `${columns.map(({ name }) => field(name)).join(',')}\r\n`;
      begun = true;
      // A line with nothing on it is no row to most readers.
      const empty = columns.length === 1 ? '""\r\n' : '\r\n';
      const fields = columns.map((column) => fieldsOf(batch, column, fieldOf));
      for (let row = 0; row < rows; row++) {
        let line = '';
        for (let index = 0; index < fields.length; index++) line += (index === 0 ? '' : ',') + fields[index]!(row);
        yield line === '' ? empty : `${line}\r\n`;
      }
    },
    end: () => '',
  };
}

/** The fields of a column by row; each entry of a dictionary is made once. */
function fieldsOf(batch: BatchReader, column: ColumnHeader, fieldOf: (value: Value) => string): (row: number) => string {
  const values = batch.column(column);
  if (column.encoding !== 'dict') return (row) => fieldOf(values[row]!);
  const made = new Map<Value, string>();
  return (row) => {
    const value = values[row]!;
    let field = made.get(value);
    if (field === undefined) made.set(value, field = fieldOf(value));
    return field;
  };
}
