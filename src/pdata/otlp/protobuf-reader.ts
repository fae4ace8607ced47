import { MalformedError } from "./decoded.ts";

/** Keys repeat from span to span; of the values only the short ones do (model, operation, status). */
const CACHED_KEY_LENGTH_MAX = 64;
const CACHED_VALUE_LENGTH_MAX = 16;
const CACHE_SLOTS = 4096;

/** Protobuf wire types. https://protobuf.dev/programming-guides/encoding/#structure */
export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Largest bytes of a varint: 10 groups of 7 bits. */
const VARINT_BYTES_MAX = 10;

/**
 * A cursor over protobuf bytes. Every read is checked against the end of the innermost message, so that a wrong length
 * is a `MalformedError` and never a read of a neighbour. Short strings (attribute keys, model names) come from a cache.
 */
export class ProtobufReader {
  readonly #bytes: Buffer;
  readonly #strings: (string | undefined)[] = Array.from<string | undefined>({ length: CACHE_SLOTS });
  position = 0;
  /** End of the message that is being read. */
  end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.byteLength;
  }

  get atEnd(): boolean {
    return this.position >= this.end;
  }

  /** Reads a tag: `field << 3 | wireType`. Never returns field 0. */
  tag(): number {
    const tag = this.uint32();
    if (tag >>> 3 === 0) throw new MalformedError("field number 0");
    return tag;
  }

  /** A varint cut to 32 bits. */
  uint32(): number {
    let value = 0;
    for (let group = 0; group < VARINT_BYTES_MAX; group += 1) {
      if (this.position >= this.end) throw new MalformedError("varint runs past the end");
      const byte = this.#bytes[this.position++] ?? 0;
      if (group < 5) value |= (byte & 0x7f) << (group * 7);
      if (byte < 0x80) return value >>> 0;
    }
    throw new MalformedError("varint longer than 10 bytes");
  }

  /** A varint as a signed 64-bit integer. */
  int64(): bigint {
    let low = 0;
    let high = 0;
    for (let group = 0; group < VARINT_BYTES_MAX; group += 1) {
      if (this.position >= this.end) throw new MalformedError("varint runs past the end");
      const byte = this.#bytes[this.position++] ?? 0;
      const bits = byte & 0x7f;
      if (group < 4) low |= bits << (group * 7);
      else if (group === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (group * 7 - 32);
      if (byte < 0x80) {
        return high === 0 ? BigInt(low >>> 0) : BigInt.asIntN(64, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
      }
    }
    throw new MalformedError("varint longer than 10 bytes");
  }

  fixed64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  fixed32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  /** UTF-8, cut after `bytesMax` bytes; invalid sequences become U+FFFD. */
  string(bytesMax: number): string {
    const length = this.#length();
    const start = this.#take(length);
    if (length <= CACHED_VALUE_LENGTH_MAX) return this.#cachedString(start, length);
    return this.#bytes.toString("utf8", start, start + Math.min(length, bytesMax));
  }

  /** Like `string`, for strings that are expected to come again. */
  key(bytesMax: number): string {
    const length = this.#length();
    const start = this.#take(length);
    if (length <= CACHED_KEY_LENGTH_MAX) return this.#cachedString(start, length);
    return this.#bytes.toString("utf8", start, start + Math.min(length, bytesMax));
  }

  bytes(bytesMax: number): Uint8Array {
    const length = this.#length();
    const start = this.#take(length);
    return Uint8Array.from(this.#bytes.subarray(start, start + Math.min(length, bytesMax)));
  }

  hex(): string {
    const length = this.#length();
    const start = this.#take(length);
    // Ids are 8 or 16 bytes; a longer one is wrong anyway, and its length still shows.
    return this.#bytes.toString("hex", start, start + Math.min(length, 32));
  }

  /** Enters a length-delimited message: returns the outer end, to be given to `leave`. */
  enter(): number {
    const length = this.#length();
    if (length > this.end - this.position) throw new MalformedError("length runs past the end");
    const outer = this.end;
    this.end = this.position + length;
    return outer;
  }

  leave(outer: number): void {
    this.position = this.end;
    this.end = outer;
  }

  /** Skips the value of a field that is unknown, or known with another wire type. */
  skip(tag: number): void {
    switch (tag & 7) {
      case WireType.varint:
        this.uint32();
        return;
      case WireType.fixed64:
        this.#take(8);
        return;
      case WireType.bytes:
        this.#take(this.#length());
        return;
      case WireType.fixed32:
        this.#take(4);
        return;
      default:
        throw new MalformedError(`wire type ${tag & 7}`);
    }
  }

  #length(): number {
    return this.uint32();
  }

  #take(length: number): number {
    const start = this.position;
    if (length > this.end - start) throw new MalformedError("length runs past the end");
    this.position = start + length;
    return start;
  }

  /** Direct-mapped cache of short ASCII strings; a slot that holds another string is overwritten. */
  #cachedString(start: number, length: number): string {
    const bytes = this.#bytes;
    let hash = length;
    for (let index = start; index < start + length; index += 1) hash = (hash * 31 + (bytes[index] ?? 0)) | 0;
    const slot = hash & (CACHE_SLOTS - 1);
    const cached = this.#strings[slot];
    if (cached !== undefined && cached.length === length) {
      let index = 0;
      while (index < length && cached.charCodeAt(index) === bytes[start + index]) index += 1;
      // A byte above 0x7f never equals the code it decodes to in a cached string, because only ASCII is cached.
      if (index === length) return cached;
    }
    const text = bytes.toString("utf8", start, start + length);
    if (isAscii(bytes, start, length)) this.#strings[slot] = text;
    return text;
  }
}

function isAscii(bytes: Buffer, start: number, length: number): boolean {
  for (let index = start; index < start + length; index += 1) {
    if ((bytes[index] ?? 0) > 0x7f) return false;
  }
  return true;
}
