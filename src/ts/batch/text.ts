/**
 * Text on its way to UTF-8: many strings into one run of bytes with offsets.
 *
 * JavaScript strings may hold half a surrogate pair, which UTF-8 cannot express: the encoder would put a
 * replacement character there and the data would be changed without a word. So it is an error.
 */

const encoder = new TextEncoder();
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Whether UTF-8 can hold the text as it is. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

/** Bytes of all texts joined, and where each begins; the last offset is the end. */
export interface JoinedText {
  offsets: Uint32Array<ArrayBuffer>;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Joins texts; where one is not well-formed, its index instead. */
export function joinTexts(texts: readonly string[]): JoinedText | { malformed: number } {
  const joined = texts.join('');
  const bytes = encoder.encode(joined);
  const offsets = new Uint32Array(texts.length + 1);
  const ascii = bytes.length === joined.length;
  let end = 0;
  for (let index = 0; index < texts.length; index++) {
    const text = texts[index]!;
    if (!ascii && !isWellFormed(text)) return { malformed: index };
    end += ascii ? text.length : utf8Length(text);
    offsets[index + 1] = end;
  }
  return { offsets, bytes };
}

/** Bytes that well-formed text takes in UTF-8. */
function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // Each half of a surrogate pair stands for two of its four bytes.
    length += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return length;
}
