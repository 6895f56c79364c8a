/** Reads localStorage where it may be read. A browser set to block it throws instead of being empty. */
export function recall(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** For what may be forgotten without harm. */
export function rememberIfPossible(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The choice then lasts until the page is left.
  }
}
