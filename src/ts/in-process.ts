/** An engine in the thread of its caller, for hosts where the package starts no worker: memory only. */
import type { EngineClass } from './engine.ts';
import { LotwiseError } from './errors.ts';
import { unavailable } from './ownership.ts';
import { Processor } from './processor.ts';
import type { FromEngine } from './protocol.ts';
import type { Connect, Listener } from './session.ts';

/** What a host brings. */
export interface InProcessHost {
  load(wasmUrl: string | undefined): Promise<EngineClass>;
  /** Lets other work of the host go on between two calls. */
  pause(): Promise<void>;
}

const noFiles = (): Promise<never> => Promise.reject(unavailable('this host has no origin private file system (OPFS)'));

/** All databases of the process share one instance of the wasm module, and with it its end. */
export function connectInProcess(host: InProcessHost): Connect {
  let panic: string | undefined;
  return (listener: Listener) => {
    let ended = false;
    const processor = new Processor({
      ...host,
      load: (wasmUrl) => {
        if (panic === undefined) return host.load(wasmUrl);
        throw new LotwiseError('INTERNAL', `The engine of lotwise stopped earlier in this process, which has to be started anew: ${panic}`);
      },
      own: noFiles,
      spool: noFiles,
      post: (message: FromEngine) => {
        if (message.kind === 'panic') panic = message.text;
        if (!ended) listener.message(message);
      },
    });
    queueMicrotask(() => processor.greet());
    return {
      post: (message) => queueMicrotask(() => { if (!ended) processor.receive(message); }),
      end: () => {
        ended = true;
        processor.abandon();
      },
    };
  };
}
