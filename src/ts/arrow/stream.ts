/**
 * Arrow IPC streams: a schema, record batches, an end. Written by hand, for the library of Arrow is several
 * times as large as all the rest of this package's JavaScript.
 *
 * Every field may be null; texts are plain Utf8, never dictionaries, so that the schema of a query is the
 * same whatever its rows. Format: https://arrow.apache.org/docs/format/Columnar.html
 */
import { roundUp8 } from '../batch/format.ts';
import { BatchReader } from '../batch/reader.ts';
import { LotwiseError } from '../errors.ts';
import { arrowColumn, arrowTypeOf, type ArrowColumn, type ArrowType } from './columns.ts';
import { flatbuffer, i16, i32, i64, i8, pairs, table, text, vector, type Part } from './flatbuffer.ts';

/** A column of the schema. */
export interface Field {
  name: string;
  type: ArrowType;
}

const METADATA_V5 = 4;
const HEADER = { schema: 1, recordBatch: 3 } as const;

/** What follows the last batch. */
export const END_OF_STREAM = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

/** A stream of one batch. */
export function arrowStream(batch: BatchReader): Uint8Array<ArrayBuffer> {
  const fields = fieldsOf(batch);
  return joined([schemaMessage(fields), ...batchMessage(batch, fields), END_OF_STREAM]);
}

/** The fields for the columns of a batch, by what they hold. */
export function fieldsOf(batch: BatchReader): Field[] {
  return batch.header.columns.map((column) => ({ name: column.name, type: arrowTypeOf(batch, column) }));
}

/** What a stream begins with. */
export function schemaMessage(fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  const schema = table(i16(0), vector(fields.map(({ name, type }) => {
    const [tag, typeTable] = TYPES[type];
    return table(text(name), i8(1), i8(tag), typeTable, undefined, vector([]));
  })));
  return message(HEADER.schema, schema, 0);
}

/** A batch, in pieces that look into it where they can. Throws where a column does not go with its field. */
export function batchMessage(batch: BatchReader, fields: readonly Field[]): Uint8Array<ArrayBuffer>[] {
  const { rows, columns } = batch.header;
  const nodes: [number, number][] = [];
  const places: [number, number][] = [];
  const body: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  columns.forEach((column, index) => {
    const { type } = fields[index]!;
    const { nulls, buffers } = arrowColumn(batch, column, type) ?? mismatch(column.name, type);
    nodes.push([rows, nulls]);
    for (const buffer of buffers) {
      places.push([length, buffer.length]);
      const padded = roundUp8(buffer.length);
      body.push(buffer, new Uint8Array(padded - buffer.length));
      length += padded;
    }
  });
  return [message(HEADER.recordBatch, table(i64(rows), pairs(nodes), pairs(places)), length), ...body];
}

/** The tag of each type among Arrow's, and its table. */
const TYPES: Record<ArrowType, [tag: number, table: Part]> = {
  int: [2, table(i32(64), i8(1))],
  float: [3, table(i16(2))], // double
  binary: [4, table()],
  text: [5, table()],
  date: [8, table(i16(0))], // days
  timestamp: [10, table(i16(1), text('UTC'))], // milliseconds
};

/** Metadata with what it needs in front: a mark, and its length. */
function message(type: number, header: Part, bodyLength: number): Uint8Array<ArrayBuffer> {
  const metadata = flatbuffer(table(i16(METADATA_V5), i8(type), header, i64(bodyLength)));
  const bytes = new Uint8Array(8 + metadata.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, -1, true);
  view.setInt32(4, metadata.length, true);
  bytes.set(metadata, 8);
  return bytes;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

const WORDS: Record<ArrowType, string> = {
  int: 'integers', float: 'numbers', binary: 'bytes', text: 'text', date: "dates 'YYYY-MM-DD'", timestamp: 'integers (milliseconds)',
};

function mismatch(name: string, type: ArrowType): ArrowColumn {
  throw new LotwiseError(
    'QUERY_INVALID',
    `Arrow: column '${name}' began with ${WORDS[type]}, and a later row holds something else; a stream has one type for a column. CAST it in SQL, or leave it out.`,
    { details: { column: name } },
  );
}
