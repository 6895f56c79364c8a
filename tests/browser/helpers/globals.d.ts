/** What the page of the tests has as globals, for functions that run in it. */

declare const lotwise: typeof import('../../../src/ts/index.ts');

interface Failure {
  ours: boolean;
  name: string;
  code: string;
  message: string;
  retryable: boolean;
  details: unknown;
}

/** The error that a promise rejects with; undefined where it resolves. */
declare function failureOf(promise: Promise<unknown>): Promise<Failure | undefined>;

declare module 'lotwise-wasm' {
  /** Only in modules built with the feature `faults`. */
  export function panicForTest(): never;
}
