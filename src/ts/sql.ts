/** The little that the calling side has to know of a statement's text: whether it only reads, for sure. */

/** Comments, strings and quoted names: nothing in them is a keyword. */
const QUOTED = /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/g;

/**
 * Whether a call may be answered before the statement has ended: true only where it certainly does not
 * write. A doubtful one is false, and its caller then waits for the outcome.
 */
export function isRead(sql: string): boolean {
  const words = sql.replace(QUOTED, ' ');
  if (/^[\s;]*(?:select|values|explain)\b/i.test(words)) return true;
  return /^[\s;]*with\b/i.test(words) && !/\b(?:insert|update|delete|replace)\b/i.test(words);
}
