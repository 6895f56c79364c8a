/**
 * A look at the beginning of a source on the engine's side: as much of it is read as is needed to tell what it
 * is, and nothing is written.
 */
import { openSource, type SourceCall } from './chunks.ts';
import { joined } from './encoding/bytes.ts';
import { TextInput } from './encoding/text-input.ts';
import type { Engine, EngineInspectOptions, EngineInspection } from './engine.ts';
import { LotwiseError, cancelled } from './errors.ts';
import type { SourceMessage } from './protocol.ts';

/** Looked at first; the engine says when it needs more. */
const LOOK_BYTES = 256 * 1024;

export interface InspectWork {
  options: EngineInspectOptions;
  /** Label of TextDecoder; undefined: to be found out. */
  encoding: string | undefined;
  source: SourceMessage;
  /** Whether the source goes on behind what was handed over. */
  isCut: boolean;
}

export async function runInspection(engine: Engine, { options, encoding, source, isCut }: InspectWork, call: SourceCall): Promise<EngineInspection> {
  const opened = await openSource(source, call, { format: options.format, sliceBytes: LOOK_BYTES });
  if (opened.file !== undefined) {
    try {
      return engine.inspectFile(opened.file.size, opened.file.read, options);
    } finally {
      await opened.file.close();
    }
  }
  const input = new TextInput(encoding);
  let parts: Uint8Array[] = [];
  let length = 0;
  let enough = LOOK_BYTES;
  const look = (isWhole: boolean): EngineInspection | undefined => {
    const head = joined(...parts);
    parts = [head];
    enough = 2 * length;
    return engine.inspect(head, isWhole, input.encoding, options);
  };
  const take = (part: Uint8Array): void => {
    parts.push(part);
    length += part.length;
  };
  for await (const chunk of opened.chunks) {
    for (let begin = 0; begin < chunk.length; begin += LOOK_BYTES) {
      take(input.push(chunk.subarray(begin, begin + LOOK_BYTES)));
      const found = length < enough ? undefined : look(false);
      if (found !== undefined) return found;
    }
    await call.pause();
    if (call.signal.aborted) throw cancelled(call.what);
  }
  take(input.end());
  const found = look(!isCut);
  if (found === undefined) throw new LotwiseError('INTERNAL', 'The engine wants to see more of a file than there is.');
  return found;
}
