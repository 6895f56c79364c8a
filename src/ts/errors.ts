/**
 * The one error of the package, and its crossing of the worker boundary.
 *
 * Knows nothing of who raises it.
 */
import type { ErrorCode } from './types.ts';

/** What of an error crosses the worker boundary. */
export interface ErrorFields {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  details?: unknown;
}

/** What the engine throws: the fields, marked as its own. */
export interface EngineError extends ErrorFields {
  lotwise: true;
}

/**
 * Every failure of lotwise. `code` is stable and made for programs; `message` names the thing, the place
 * and the way out and is made for people; `retryable` says whether the same call may succeed later.
 *
 * @example
 * try { await open(); } catch (error) {
 *   if (error instanceof LotwiseError && error.code === 'DATABASE_BUSY') askToCloseTheOtherTab();
 *   else throw error;
 * }
 */
export class LotwiseError extends Error {
  /** Stable code. */
  readonly code: ErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Figures and places for programs, where there are any. */
  declare readonly details?: unknown;

  constructor(code: ErrorCode, message: string, options: { retryable?: boolean; details?: unknown; cause?: unknown } = {}) {
    super(shortened(message), 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'LotwiseError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    if (options.details !== undefined) this.details = options.details;
  }
}

/** As in the engine: text of a caller is not sent back to him at length. */
const MESSAGE_LENGTH_MAX = 4096;

function shortened(message: string): string {
  if (message.length <= MESSAGE_LENGTH_MAX) return message;
  return `${message.slice(0, MESSAGE_LENGTH_MAX / 2)} … ${message.slice(-MESSAGE_LENGTH_MAX / 2)}`;
}

/** The error again on the other side of the boundary. */
export function errorFromFields(fields: ErrorFields): LotwiseError {
  return new LotwiseError(fields.code, fields.message, { retryable: fields.retryable, details: fields.details });
}

/** The fields of an error of ours or of the engine's; undefined for anything else, which nobody foresaw. */
export function fieldsOfError(error: unknown): ErrorFields | undefined {
  if (!(error instanceof LotwiseError) && !isEngineError(error)) return undefined;
  const fields: ErrorFields = { code: error.code, message: error.message, retryable: error.retryable };
  if (error.details !== undefined) fields.details = error.details;
  return fields;
}

function isEngineError(error: unknown): error is EngineError {
  return typeof error === 'object' && error !== null && 'lotwise' in error && error.lotwise === true;
}

/** What a foreign error says, in one line. */
export function textOf(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : `${error.name}: ${error.message}`;
  return String(error);
}

/** The call was given up by its signal. */
export function cancelled(what: string, reason?: unknown): LotwiseError {
  return new LotwiseError('CANCELLED', `${what} was cancelled by its signal.`, reason === undefined ? {} : { cause: reason });
}
