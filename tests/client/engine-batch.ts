/** Batches as the engine makes them: columns with declared types, text offsets in UTF-16 units. */

import { encodeRows } from '../../src/ts/batch/encode.ts';
import { MAGIC, roundUp8, type BatchHeader, type ColumnHeader, type PartRange } from '../../src/ts/batch/format.ts';
import type { Value } from '../../src/ts/types.ts';

export interface EngineColumn {
  name: string;
  type: string;
  values: readonly Value[];
}

/** Columns may share a name. Each takes the encoding that fits its values. */
export function engineBatch(rows: number, columns: readonly EngineColumn[]): Uint8Array<ArrayBuffer> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const headers: ColumnHeader[] = [];
  const parts: { at: number; bytes: Uint8Array }[] = [];
  let end = 0;
  for (const { name, type, values } of columns) {
    const alone = encodeRows({ v: values }, 'test');
    const length = new DataView(alone.buffer).getUint32(4, true);
    const header = rows === 0 ? undefined : (JSON.parse(decoder.decode(alone.subarray(8, 8 + length))) as BatchHeader).columns[0];
    const bytesOf = ([offset, size]: PartRange): Uint8Array<ArrayBuffer> => alone.slice(roundUp8(8 + length) + offset, roundUp8(8 + length) + offset + size);
    const place = (bytes: Uint8Array): PartRange => {
      const at = end;
      parts.push({ at, bytes });
      end = roundUp8(at + bytes.length);
      return [at, bytes.length];
    };
    const given = (header?.parts ?? []).map(bytesOf);
    if (header?.units !== undefined) {
      const [offsets, bytes] = [given.at(-2)!, given.at(-1)!];
      const words = new Uint32Array(offsets.buffer);
      words.forEach((offset, index) => { words[index] = decoder.decode(bytes.subarray(0, offset)).length; });
    }
    headers.push({
      name, type, encoding: header?.encoding ?? 'null', parts: given.map(place),
      ...(header?.nulls && { nulls: place(bytesOf(header.nulls)) }), ...(header?.units && { units: 'utf16' }),
    });
  }
  const json = new TextEncoder().encode(JSON.stringify({ rows, columns: headers } satisfies BatchHeader));
  const data = roundUp8(8 + json.length);
  const batch = new Uint8Array(data + end);
  new DataView(batch.buffer).setUint32(0, MAGIC, true);
  new DataView(batch.buffer).setUint32(4, json.length, true);
  batch.set(json, 8);
  for (const { at, bytes } of parts) batch.set(bytes, data + at);
  return batch;
}
