/**
 * Bytes of a text file on their way to the engine, which takes UTF-8: what is UTF-8 passes through untouched, and
 * anything else is decoded by the host.
 *
 * A character that the encoding does not have never becomes U+FFFD: its bytes go on as a byte that UTF-8 does
 * not have, and the engine refuses the row.
 */
import { LotwiseError } from '../errors.ts';
import { joined } from './bytes.ts';
import { detectEncoding } from './detect.ts';
import { encodingOf } from './label.ts';

/** Looked at for a byte order mark, UTF-16 without one, and files that are no text. */
const HEAD_BYTES = 4_096;
/** Looked at from the first byte that is not ASCII. */
const SAMPLE_BYTES = 64 * 1024;
/** So many bytes beyond ASCII tell an encoding; where they are rare, more has to be looked at. */
const TELLING_BYTES = 64;
const SAMPLE_BYTES_MAX = 1024 * 1024;

const NO_TEXT: readonly [magic: string, what: string][] = [
  ['PK\x03\x04', 'is a spreadsheet (.xlsx) or another ZIP archive. Save it as CSV, or take the file out of the archive'],
  ['\xd0\xcf\x11\xe0', 'is a spreadsheet or document of an old Office program. Save it as CSV'],
  ['\x1f\x8b', "is compressed with gzip. Pass file.stream().pipeThrough(new DecompressionStream('gzip')) instead"],
  ['PAR1', 'is a Parquet file. Save it as CSV or NDJSON'],
  ['%PDF', 'is a PDF document'],
  ['SQLite format 3\0', "is an SQLite database. Pass format: 'sqlite', or none"],
];

/** A step of the way: what comes in, what goes on at once. */
type Stage = 'head' | 'ascii' | 'sample' | 'untouched' | 'decoded';

export class TextInput {
  /** Label of the encoding: UTF-8 until something else was found. */
  encoding = 'utf-8';
  readonly #forced: string | undefined;
  #stage: Stage = 'head';
  /** Held back until so many bytes have come. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #enoughBytes = HEAD_BYTES;
  #decoder: Decoder | undefined;

  /** `forced` is a label of TextDecoder; a byte order mark prevails over it. */
  constructor(forced: string | undefined) {
    this.#forced = forced;
  }

  /** Takes the next bytes; returns what can go on. */
  push(chunk: Uint8Array): Uint8Array {
    switch (this.#stage) {
      case 'untouched': return chunk;
      case 'decoded': return this.#decoder!.push(chunk);
      case 'ascii': return this.#ascii(chunk, false);
      case 'head':
      case 'sample':
        this.#held.push(chunk);
        this.#heldBytes += chunk.length;
        return this.#heldBytes < this.#enoughBytes ? new Uint8Array() : this.#decide(false);
    }
  }

  /** The file has ended; returns what is left. */
  end(): Uint8Array {
    const left = this.#stage === 'head' || this.#stage === 'sample' ? this.#decide(true) : new Uint8Array();
    return joined(left, this.#decoder?.end() ?? new Uint8Array());
  }

  #decide(atEnd: boolean): Uint8Array {
    const held = joined(...this.#held);
    this.#held = [];
    return this.#stage === 'head' ? this.#begin(held, atEnd) : this.#sample(held, atEnd);
  }

  #begin(head: Uint8Array, atEnd: boolean): Uint8Array {
    const first = Array.from(head.subarray(0, 16), (byte) => String.fromCharCode(byte)).join('');
    const noText = NO_TEXT.find(([magic]) => first.startsWith(magic));
    if (noText !== undefined) throw invalid(noText[1]);
    const known = markOf(head) ?? this.#forced ?? utf16Of(head) ?? escaped(head);
    if (known !== undefined) return this.#settle(known, head);
    this.#stage = 'ascii';
    return this.#ascii(head, atEnd);
  }

  /** All encodings that are looked for have ASCII in common: it can go on before they are told apart. */
  #ascii(chunk: Uint8Array, atEnd: boolean): Uint8Array {
    const at = indexBeyondAscii(chunk);
    if (at === chunk.length) return chunk;
    this.#stage = 'sample';
    this.#enoughBytes = SAMPLE_BYTES;
    return joined(chunk.subarray(0, at), this.#sample(chunk.slice(at), atEnd));
  }

  #sample(held: Uint8Array, atEnd: boolean): Uint8Array {
    if (atEnd || held.length >= SAMPLE_BYTES_MAX || (held.length >= this.#enoughBytes && isTelling(held))) {
      return this.#settle(detectEncoding(held.subarray(0, SAMPLE_BYTES_MAX)), held);
    }
    if (held.length >= this.#enoughBytes) this.#enoughBytes = 2 * held.length;
    this.#held = [held];
    this.#heldBytes = held.length;
    return new Uint8Array();
  }

  #settle(label: string, held: Uint8Array): Uint8Array {
    if (label === 'utf-8') {
      this.#stage = 'untouched';
      return held;
    }
    if (encodingOf(label) === undefined) throw invalid(`is in ${label}, which this host cannot decode. Save it as UTF-8`);
    this.#stage = 'decoded';
    this.#decoder = new Decoder(label);
    this.encoding = this.#decoder.label;
    return this.#decoder.push(held);
  }
}

/**
 * Bytes of one encoding as UTF-8, in whole lines where there are lines.
 *
 * In every encoding but UTF-16 and ISO-2022-JP a byte below '0' is itself wherever it stands, so that behind
 * one a text may be cut.
 */
class Decoder {
  readonly label: string;
  readonly #strict: TextDecoder;
  readonly #lenient: TextDecoder;
  readonly #encoder = new TextEncoder();
  readonly #bad: RegExp;
  #held: Uint8Array = new Uint8Array();

  constructor(label: string) {
    this.#strict = new TextDecoder(label, { fatal: true, ignoreBOM: true });
    this.#lenient = new TextDecoder(label, { ignoreBOM: true });
    this.label = this.#strict.encoding;
    // Bytes that Windows' code pages leave empty are control characters to TextDecoder.
    this.#bad = this.label.startsWith('windows-') ? /[\ufffd\u0080-\u009f]/ : /\ufffd/;
  }

  push(chunk: Uint8Array): Uint8Array {
    const held = joined(this.#held, chunk);
    const end = this.#cut(held);
    this.#held = held.slice(end);
    return this.#utf8(held.subarray(0, end));
  }

  end(): Uint8Array {
    return this.#utf8(this.#held);
  }

  #utf8(bytes: Uint8Array): Uint8Array {
    const text = this.#sound(bytes);
    return text === undefined ? this.#marked(bytes) : this.#encoder.encode(text);
  }

  #sound(bytes: Uint8Array): string | undefined {
    try {
      const text = this.#strict.decode(bytes);
      return this.label.startsWith('windows-') && this.#bad.test(text) ? undefined : text;
    } catch {
      return undefined;
    }
  }

  /** Line by line, with a byte that is no UTF-8 for each character that is none. */
  #marked(bytes: Uint8Array): Uint8Array {
    const out: Uint8Array[] = [];
    for (let begin = 0; begin < bytes.length;) {
      const end = this.#lineEnd(bytes, begin);
      const line = bytes.subarray(begin, end);
      const text = this.#sound(line);
      if (text !== undefined) out.push(this.#encoder.encode(text));
      else this.#lenient.decode(line).split(this.#bad).forEach((part, i) => out.push(Uint8Array.of(...(i > 0 ? [0xff] : [])), this.#encoder.encode(part)));
      begin = end;
    }
    return joined(...out);
  }

  get #wide(): boolean {
    return this.label.startsWith('utf-16');
  }

  #lineEnd(bytes: Uint8Array, begin: number): number {
    const low = this.label === 'utf-16be' ? 1 : 0;
    for (let at = bytes.indexOf(10, begin); at >= 0; at = bytes.indexOf(10, at + 1)) {
      if (!this.#wide) return at + 1;
      if ((at - begin) % 2 === low && bytes[at + 1 - 2 * low] === 0) return at + 2 - low;
    }
    return bytes.length;
  }

  /** Where the bytes may be cut without cutting a character. */
  #cut(bytes: Uint8Array): number {
    if (this.#wide) {
      const end = bytes.length & ~1;
      const high = bytes[this.label === 'utf-16be' ? end - 2 : end - 1] ?? 0;
      return high >= 0xd8 && high < 0xdc ? end - 2 : end;
    }
    const below = this.label === 'iso-2022-jp' ? 0x0e : 0x30;
    let end = bytes.length;
    while (end > 0 && bytes[end - 1]! >= below) end -= 1;
    return end;
  }
}

function invalid(problem: string): LotwiseError {
  return new LotwiseError('INPUT_INVALID', `The file ${problem}.`);
}

/** The encoding that a byte order mark names. */
function markOf(bytes: Uint8Array): string | undefined {
  const [a, b, c, d] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8';
  if (a === 0x84 && b === 0x31 && c === 0x95 && d === 0x33) return 'gb18030';
  if (a === 0xff && b === 0xfe) {
    if (c === 0 && d === 0) throw invalid('is in UTF-32. Save it as UTF-8');
    return 'utf-16le';
  }
  return a === 0xfe && b === 0xff ? 'utf-16be' : undefined;
}

/** UTF-16 without a mark: text has no NUL, but half of every ASCII character of UTF-16 is one. */
function utf16Of(head: Uint8Array): string | undefined {
  let even = 0;
  let odd = 0;
  head.forEach((byte, at) => {
    if (byte === 0 && at % 2 === 0) even += 1;
    else if (byte === 0) odd += 1;
  });
  if (even + odd === 0) return undefined;
  const label = odd > even ? 'utf-16le' : 'utf-16be';
  const text = new TextDecoder(label).decode(head, { stream: true });
  if (text.includes('\0') || text.split('\ufffd').length > 2 + text.length / 16) {
    throw invalid('holds NUL bytes and is no UTF-16: it is no text. If it comes from a spreadsheet or a database, export it as CSV in UTF-8');
  }
  return label;
}

/** ISO-2022-JP is ASCII with escapes, and known by them. */
function escaped(head: Uint8Array): string | undefined {
  const at = head.indexOf(0x1b);
  return at >= 0 && head[at + 1] === 0x24 ? 'iso-2022-jp' : undefined;
}

/** Whether there are enough bytes beyond ASCII to tell an encoding. */
function isTelling(sample: Uint8Array): boolean {
  let count = 0;
  for (const byte of sample) if (byte > 0x7f && ++count >= TELLING_BYTES) return true;
  return false;
}

/** Four bytes at a time: the whole of most files goes through here. */
function indexBeyondAscii(bytes: Uint8Array): number {
  const { buffer, byteOffset, length } = bytes;
  const aligned = Math.min(length, -byteOffset & 3);
  let at = 0;
  while (at < aligned && bytes[at]! < 0x80) at += 1;
  if (at === aligned) {
    const words = new Uint32Array(buffer, byteOffset + at, (length - at) >>> 2);
    let word = 0;
    while (word < words.length && (words[word]! & 0x80808080) === 0) word += 1;
    at += word * 4;
  }
  while (at < length && bytes[at]! < 0x80) at += 1;
  return at;
}
