/**
 * FlatBuffers, as much of them as the metadata of Arrow takes: tables, vectors and strings.
 *
 * Written front to back, each part in front of what it refers to, for offsets only point forward. Every
 * table stands at a multiple of 8, so that its members lie as they have to by their own sizes.
 */

/** Writes itself and tells where it stands. */
export type Part = (out: Buffer) => number;

/** A whole number inside its table; or a part beside it; or nothing, which stands for the default. */
export type Member = { bytes: 1 | 2 | 4 | 8; value: number } | Part | undefined;

export const i8 = (value: number): Member => ({ bytes: 1, value });
export const i16 = (value: number): Member => ({ bytes: 2, value });
export const i32 = (value: number): Member => ({ bytes: 4, value });
export const i64 = (value: number): Member => ({ bytes: 8, value });

/** A flatbuffer with that root, zeros up to a multiple of 8 included. */
export function flatbuffer(root: Part): Uint8Array<ArrayBuffer> {
  const out = new Buffer();
  out.take(4, 8);
  out.refer(0, root);
  return out.finish();
}

/** Members in the order of the schema. */
export function table(...members: Member[]): Part {
  return (out) => {
    let size = 4;
    const offsets = members.map((member) => {
      if (member === undefined) return 0;
      const bytes = typeof member === 'function' ? 4 : member.bytes;
      const offset = Math.ceil(size / bytes) * bytes;
      size = offset + bytes;
      return offset;
    });
    const layout = [4 + 2 * members.length, size, ...offsets];
    const vtable = out.take(2 * layout.length, 2);
    layout.forEach((value, index) => out.put(vtable + 2 * index, 2, value));
    const start = out.take(size, 8);
    out.put(start, 4, start - vtable);
    members.forEach((member, index) => {
      const at = start + offsets[index]!;
      if (typeof member === 'function') out.refer(at, member);
      else if (member !== undefined) out.put(at, member.bytes, member.value);
    });
    return start;
  };
}

/** A vector of tables. */
export function vector(parts: readonly Part[]): Part {
  return (out) => {
    const start = out.take(4 + 4 * parts.length, 4);
    out.put(start, 4, parts.length);
    parts.forEach((part, index) => out.refer(start + 4 + 4 * index, part));
    return start;
  };
}

/** A vector of structs of two 64-bit integers. */
export function pairs(values: readonly (readonly [number, number])[]): Part {
  return (out) => {
    const start = out.take(8 + 16 * values.length, 8) + 4;
    out.put(start, 4, values.length);
    values.flat().forEach((value, index) => out.put(start + 4 + 8 * index, 8, value));
    return start;
  };
}

/** Text in UTF-8. */
export function text(value: string): Part {
  return (out) => {
    const bytes = new TextEncoder().encode(value);
    // A zero byte follows, as the format wants.
    const start = out.take(4 + bytes.length + 1, 4);
    out.put(start, 4, bytes.length);
    out.set(start + 4, bytes);
    return start;
  };
}

/** Bytes under construction; they are zero until they are put. */
class Buffer {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  /** Room at a multiple of `align`. */
  take(length: number, align: number): number {
    const start = Math.ceil(this.#end / align) * align;
    this.#end = start + length;
    if (this.#end > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#end);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }

  put(at: number, bytes: number, value: number): void {
    if (bytes === 1) this.#view.setInt8(at, value);
    else if (bytes === 2) this.#view.setInt16(at, value, true);
    else if (bytes === 4) this.#view.setInt32(at, value, true);
    else this.#view.setBigInt64(at, BigInt(value), true);
  }

  set(at: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, at);
  }

  /** Writes the part, and at `at` how far away it is. */
  refer(at: number, part: Part): void {
    this.put(at, 4, part(this) - at);
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.take(0, 8));
  }
}
