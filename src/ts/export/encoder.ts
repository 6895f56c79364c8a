/**
 * Files on their way out: batches of rows, one after the other, become the bytes of a CSV, JSON, NDJSON or
 * Arrow file; batches of pages those of an SQLite file.
 *
 * An encoder keeps nothing of a batch behind it, and gives its bytes in pieces, so that memory holds one
 * batch and one piece whatever the size of the file. Where batches come from is not known here.
 */
import { END_OF_STREAM, batchMessage, fieldsOf, schemaMessage, type Field } from '../arrow/stream.ts';
import type { BatchReader } from '../batch/reader.ts';
import type { ExportOptions } from '../types.ts';
import { csvEncoder } from './csv.ts';
import { jsonEncoder } from './json.ts';

/** Text is encoded in pieces of about this size. */
const PIECE_UNITS = 64 * 1024;

/** Pieces of a file. */
export type Pieces = Generator<Uint8Array<ArrayBuffer>, void>;

/** One file under way. */
export interface Encoder {
  /** The rows of one more batch; before those of the first one, what stands at the beginning of a file. All batches have the same columns. */
  rows(batch: BatchReader): Pieces;
  /** What stands at the end. */
  end(): Pieces;
}

/** One text file under way, in strings of any length. */
export interface TextEncoding {
  rows(batch: BatchReader): Iterable<string>;
  end(): string;
}

/** An encoder for one file. `formulas` is for CSV. For 'sqlite' the batches hold pages. */
export function encoderFor(format: ExportOptions['format'], formulas: 'escape' | 'keep' = 'escape'): Encoder {
  switch (format) {
    case 'csv': return inUtf8(csvEncoder(formulas));
    case 'json':
    case 'ndjson': return inUtf8(jsonEncoder(format));
    case 'arrow': return arrowEncoder();
    case 'sqlite': return { rows: pages, *end() {} };
  }
}

/** Pages lie one behind the other in their batch. There are none yet where a file is still being filled. */
function* pages(batch: BatchReader): Pieces {
  for (const { parts: [, bytes] } of batch.header.columns) {
    if (bytes !== undefined) yield batch.bytes(bytes);
  }
}

/** Many record batches under the schema of the first one. */
function arrowEncoder(): Encoder {
  let fields: Field[] | undefined;
  return {
    *rows(batch) {
      if (fields === undefined) yield schemaMessage(fields = fieldsOf(batch));
      if (batch.header.rows > 0) yield* batchMessage(batch, fields).filter(({ length }) => length > 0);
    },
    *end() {
      if (fields === undefined) yield schemaMessage([]);
      yield END_OF_STREAM.slice();
    },
  };
}

function inUtf8(encoding: TextEncoding): Encoder {
  const encoder = new TextEncoder();
  return {
    *rows(batch) {
      let piece = '';
      for (const text of encoding.rows(batch)) {
        piece += text;
        if (piece.length < PIECE_UNITS) continue;
        yield encoder.encode(piece);
        piece = '';
      }
      if (piece !== '') yield encoder.encode(piece);
    },
    *end() {
      const text = encoding.end();
      if (text !== '') yield encoder.encode(text);
    },
  };
}
