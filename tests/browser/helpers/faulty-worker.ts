/** The worker of the package, whose engine panics at the statement `PANIC`. Needs a wasm module built with `faults`. */

import init, { Engine, panicForTest } from 'lotwise-wasm';
import type { Engine as OpenEngine } from '../../../src/ts/engine.ts';
import { serve } from '../../../src/ts/serve.ts';

serve({
  start: (module) => init({ module_or_path: module }),
  Engine: { open: async (options) => faulty(await Engine.open(options)) },
  wasmUrl: new URL('/faulty/lotwise_bg.wasm', self.location.origin),
});

function faulty(engine: OpenEngine): OpenEngine {
  return new Proxy(engine, {
    get(target, key: keyof OpenEngine) {
      if (key !== 'query') return typeof target[key] === 'function' ? target[key].bind(target) : target[key];
      const query: OpenEngine['query'] = (sql, ...rest) => (sql === 'PANIC' ? panicForTest() : target.query(sql, ...rest));
      return query;
    },
  });
}
