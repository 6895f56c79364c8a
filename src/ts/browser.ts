/** An engine in a dedicated worker: how it is started, and what its dying looks like. */
import { LotwiseError, textOf } from './errors.ts';
import type { FromEngine } from './protocol.ts';
import type { Connect } from './session.ts';

/** Starts `start()` and speaks to it; `script` names it in errors. */
export function connectToWorker(start: () => Worker, script: string): Connect {
  return (listener) => {
    let worker: Worker;
    try {
      worker = start();
    } catch (error) {
      // Such as an address of another origin, which workers may not have.
      throw notLoaded(script, textOf(error));
    }
    let loaded = false;
    worker.addEventListener('message', ({ data }: MessageEvent<FromEngine>) => {
      loaded = true;
      listener.message(data);
    });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      // An address that does not load tells no reason, for safety's sake.
      const reason = event.message ?? 'it is not there, or is no JavaScript module';
      listener.failed(loaded
        ? new LotwiseError('INTERNAL', `The worker of lotwise failed: ${reason}`)
        : notLoaded(script, reason));
    });
    worker.addEventListener('messageerror', () => {
      listener.failed(new LotwiseError('INTERNAL', 'A message of the worker of lotwise could not be read.'));
    });
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      end: () => worker.terminate(),
    };
  };
}

function notLoaded(script: string, reason: string): LotwiseError {
  return new LotwiseError(
    'CONFIG_INVALID',
    `The worker script of lotwise did not load from ${script}: ${reason}. If your bundler does not follow new URL(…, import.meta.url), give the address of the package's worker.js as workerUrl and that of lotwise_bg.wasm as wasmUrl; a Content-Security-Policy has to allow it as worker-src.`,
    { details: { url: script } },
  );
}
