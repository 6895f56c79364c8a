/** open() for every host: checks the options, opens a session, and knows how to open the same again. */
import { checkOpenOptions, checkPlainData } from './check.ts';
import { EngineDatabase, type OpenSession } from './database.ts';
import type { EngineCapabilities } from './engine.ts';
import { LotwiseError } from './errors.ts';
import { storageRoot } from './ownership.ts';
import { presets } from './presets.ts';
import type { OpenMessage } from './protocol.ts';
import { Session, type Connect } from './session.ts';
import type { Capabilities, Database, OpenOptions } from './types.ts';
import { sharedSlots } from './watch.ts';

/** A way to an engine on this host, by the options that concern it. */
export type ConnectWith = (options: Pick<OpenOptions, 'workerUrl'>) => Connect;

export async function openDatabase(options: OpenOptions, connectWith: ConnectWith): Promise<Database> {
  checkOpenOptions(options);
  const { name = 'lotwise', storage = 'opfs', datasets = [presets.productionRecords], config = {}, wasmUrl, signal } = options;
  checkPlainData(datasets, 'datasets', 'CONFIG_INVALID');
  checkPlainData(config, 'config', 'CONFIG_INVALID');
  // Before a worker is started for nothing.
  if (storage === 'opfs') await storageRoot();

  // A copy: the same datasets again if the engine has to be replaced, whatever becomes of the caller's.
  const message: OpenMessage = {
    name, storage, datasets: structuredClone(datasets), config: structuredClone(config), wasmUrl: absolute(wasmUrl), givenUp: sharedSlots(),
  };
  const connect = connectWith(options);
  const openSession: OpenSession = async (onLost, given = message.config) =>
    (await Session.open(connect, { ...message, config: given }, undefined, onLost)).session;
  let database: EngineDatabase | undefined;
  const host = await describeHost();
  const { session, capabilities } = await Session.open(connect, message, signal, () => database?.lost());
  database = new EngineDatabase(name, { ...capabilities, ...host }, session, openSession);
  return database;
}

async function describeHost(): Promise<Omit<Capabilities, keyof EngineCapabilities>> {
  const scope = globalThis as { crossOriginIsolated?: boolean; navigator?: Partial<Navigator> };
  const persisted = await scope.navigator?.storage?.persisted?.().catch(() => false);
  return {
    role: 'leader',
    persisted: persisted ?? false,
    crossOriginIsolated: scope.crossOriginIsolated ?? false,
    cancellation: scope.crossOriginIsolated === true ? 'immediate' : 'deadline',
    workersMax: 1,
  };
}

/** Relative to the page, as every other address on it; the worker would take it relative to itself. */
function absolute(url: string | URL | undefined): string | undefined {
  if (url === undefined) return undefined;
  const base = (globalThis as { location?: { href: string } }).location?.href;
  try {
    return new URL(url, base).href;
  } catch {
    throw new LotwiseError('CONFIG_INVALID', `open(): wasmUrl '${String(url)}' is no address.`);
  }
}
