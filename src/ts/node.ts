/**
 * lotwise in Node: the same engine in the calling thread, in memory only. For tests and tools.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { Engine, initSync } from 'lotwise-wasm';
import type { EngineClass } from './engine.ts';
import { LotwiseError, textOf } from './errors.ts';
import { connectInProcess } from './in-process.ts';
import { openDatabase } from './open.ts';
import type { Database, OpenOptions } from './types.ts';

export { LotwiseError } from './errors.ts';
export { list, remove } from './files.ts';
export { presets } from './presets.ts';
export type * from './types.ts';

const connect = connectInProcess({ load, pause: () => setImmediate() });
let loaded: Promise<EngineClass> | undefined;

/**
 * Opens a database in memory: `storage: 'memory'` has to be asked for, there is no other here.
 *
 * Rejects with STORAGE_UNAVAILABLE for 'opfs', CONFIG_INVALID.
 *
 * @example
 * const db = await open({ storage: 'memory' });
 */
export function open(options: OpenOptions = {}): Promise<Database> {
  return openDatabase(options, () => connect);
}

function load(wasmUrl: string | undefined): Promise<EngineClass> {
  loaded ??= start(new URL(wasmUrl ?? './lotwise_bg.wasm', import.meta.url));
  loaded.catch(() => { loaded = undefined; });
  return loaded;
}

async function start(url: URL): Promise<EngineClass> {
  try {
    initSync({ module: await readFile(url) });
    return Engine;
  } catch (error) {
    throw new LotwiseError('CONFIG_INVALID', `The wasm file of lotwise did not load from ${url.href}: ${textOf(error)}. Give its file: URL as wasmUrl.`, { details: { url: url.href } });
  }
}
