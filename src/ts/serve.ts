/**
 * A Processor in a dedicated worker: the message port, the lock of the files, the loading of the wasm file.
 *
 * Where the wasm module's glue comes from is the worker script's business.
 */
import type { EngineClass } from './engine.ts';
import { takeFiles } from './ownership.ts';
import { Processor } from './processor.ts';
import type { FromEngine, ToEngine } from './protocol.ts';
import { spoolOnDisk, sweepSpool } from './spool.ts';
import { compile } from './wasm.ts';

/** What is used of DedicatedWorkerGlobalScope. */
interface WorkerScope {
  addEventListener(type: 'message', listener: (event: MessageEvent<ToEngine>) => void): void;
  addEventListener(type: 'error', listener: (event: ErrorEvent) => void): void;
  addEventListener(type: 'unhandledrejection', listener: (event: PromiseRejectionEvent) => void): void;
  postMessage(message: FromEngine, transfer: Transferable[]): void;
}

/** The glue of the wasm module. */
export interface Glue {
  start(module: WebAssembly.Module): Promise<unknown>;
  Engine: EngineClass;
  /** Where the wasm file lies if nobody says otherwise. */
  wasmUrl: URL;
}

/** Answers the messages of the page that started this worker. */
export function serve(glue: Glue): void {
  const scope = globalThis as unknown as WorkerScope;
  let swept: Promise<void> | undefined;
  const processor = new Processor({
    post: (message, transfer) => scope.postMessage(message, transfer),
    own: async (name) => {
      const release = await takeFiles(name);
      swept = sweepSpool(name);
      return release;
    },
    spool: async (name) => {
      await swept;
      return spoolOnDisk(name);
    },
    pause: turnOfEventLoop(),
    load: async (wasmUrl) => {
      await glue.start(await compile(wasmUrl ?? glue.wasmUrl.href));
      return glue.Engine;
    },
  });
  scope.addEventListener('message', ({ data }) => processor.receive(data));
  // A panic in a promise of the engine rejects nothing that anybody waits for; it comes out here.
  scope.addEventListener('error', (event) => {
    event.preventDefault();
    processor.fault(event.error ?? event.message);
  });
  scope.addEventListener('unhandledrejection', (event) => {
    event.preventDefault();
    processor.fault(event.reason);
  });
  processor.greet();
}

/** A task of its own behind the messages that are there already. A timer would be held back for 4 ms. */
function turnOfEventLoop(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port2.onmessage = () => waiting.shift()?.();
  return () => new Promise((resolve) => {
    waiting.push(resolve);
    port1.postMessage(null);
  });
}
