/** Names of encodings, for those who only check them. */

/** TextDecoder's own label for a name that people use; undefined where the host knows no such encoding. */
export function encodingOf(name: string): string | undefined {
  try {
    return new TextDecoder(name).encoding;
  } catch {
    return undefined;
  }
}
