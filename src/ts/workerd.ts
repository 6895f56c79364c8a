/**
 * lotwise in Cloudflare Workers: the same engine inside the isolate, in memory only.
 *
 * @module
 */
import wasm from './lotwise_bg.wasm';
import { Engine, initSync } from 'lotwise-wasm';
import type { EngineClass } from './engine.ts';
import { connectInProcess } from './in-process.ts';
import { openDatabase } from './open.ts';
import type { Database, OpenOptions } from './types.ts';

export { LotwiseError } from './errors.ts';
export { list, remove } from './files.ts';
export { presets } from './presets.ts';
export type * from './types.ts';

const connect = connectInProcess({ load, pause: () => Promise.resolve() });
let started = false;

/**
 * Opens a database in memory: `storage: 'memory'` has to be asked for, there is no other here.
 *
 * Rejects with STORAGE_UNAVAILABLE for 'opfs', CONFIG_INVALID.
 */
export function open(options: OpenOptions = {}): Promise<Database> {
  return openDatabase(options, () => connect);
}

async function load(): Promise<EngineClass> {
  if (!started) initSync({ module: wasm });
  started = true;
  return Engine;
}
