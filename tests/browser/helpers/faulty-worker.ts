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
      const member = target[key].bind(target) as (...given: unknown[]) => unknown;
      if (key !== 'query') return member;
      return (sql: string, ...rest: unknown[]) => (sql === 'PANIC' ? panicForTest() : member(sql, ...rest));
    },
  });
}
