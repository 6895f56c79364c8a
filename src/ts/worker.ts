/** The worker script: the engine, served to the page that started it. */
import init, { Engine } from 'lotwise-wasm';
import { serve } from './serve.ts';

serve({
  start: (module) => init({ module_or_path: module }),
  Engine,
  wasmUrl: new URL('./lotwise_bg.wasm', import.meta.url),
});
