/** Modules that the build provides: the glue made by wasm-bindgen, and the wasm file. */

declare module 'lotwise-wasm' {
  import type { EngineClass } from './engine.ts';

  type Source = WebAssembly.Module | BufferSource;
  export default function init(options: { module_or_path: WebAssembly.Module }): Promise<unknown>;
  export function initSync(options: { module: Source }): unknown;
  export const Engine: EngineClass;
}

declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
