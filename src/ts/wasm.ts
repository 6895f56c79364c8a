/** The wasm file, fetched and compiled, or an error that says what came instead. */
import { LotwiseError, textOf } from './errors.ts';

/** Compiles while it loads; where the server names another type than application/wasm, afterwards. */
export async function compile(url: string): Promise<WebAssembly.Module> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw notLoaded(url, textOf(error), true);
  }
  if (!response.ok) throw notLoaded(url, `the server answered ${response.status}`, response.status >= 500);
  const type = response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  try {
    if (type === 'application/wasm') return await WebAssembly.compileStreaming(response);
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch (error) {
    throw notLoaded(url, `${textOf(error)} (served as ${type === '' ? 'no type' : type})`, false);
  }
}

function notLoaded(url: string, reason: string, retryable: boolean): LotwiseError {
  return new LotwiseError(
    'CONFIG_INVALID',
    `The wasm file of lotwise did not load from ${url}: ${reason}. Serve lotwise_bg.wasm of this package there, or give its address as wasmUrl (and that of worker.js as workerUrl); a Content-Security-Policy has to allow 'wasm-unsafe-eval'.`,
    { retryable, details: { url } },
  );
}
