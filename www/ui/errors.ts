/** Errors in words: code, message, and what the person can do about it. */
import { LotwiseError } from 'lotwise';

export interface Problem { code: string; message: string; advice?: string }

const ADVICE: Partial<Record<LotwiseError['code'], string>> = {
  TIMEOUT: 'The question took too long. Choose a shorter period, or try again.',
  STORAGE_FULL: 'Free some disk space, or remove data of other sites, then try again.',
  DATABASE_CORRUPT: 'The stored data can no longer be read. Open a file to replace it.',
  WORKER_LOST: 'The database process ended and has been replaced. Try again.',
  CLOSED: 'The database was closed. Reload the page.',
  LIMIT_EXCEEDED: 'The answer is too large. Choose a shorter period or more filters.',
  INTERNAL: 'Try again; if it happens again, reload the page.',
};

export function describe(error: unknown): Problem {
  if (error instanceof LotwiseError) {
    const advice = ADVICE[error.code];
    return { code: error.code, message: error.message, ...(advice !== undefined && { advice }) };
  }
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error), ...(ADVICE.INTERNAL && { advice: ADVICE.INTERNAL }) };
}

export function isCancelled(error: unknown): boolean {
  return error instanceof LotwiseError && error.code === 'CANCELLED';
}
