/** Most messages of OTLP (attributes, values) are shorter than this: their length takes the one byte left free for it. */
const SHORT_LENGTH_MAX = 0x7f;
const INITIAL_BYTES = 16_384;
/** What grew beyond this is not kept for what is written next. */
const KEPT_BYTES_MAX = 262_144;
/** Room for a varint of 64 bits. */
const VARINT_BYTES_MAX = 10;
/** UTF-8 bytes of one UTF-16 unit at most. */
const UTF8_BYTES_MAX = 3;
const UINT32_MAX = 0xffff_ffffn;
/** Up to here a string is written first and its length, one byte, after it. */
const SHORT_STRING_UNITS_MAX = 42;

/**
 * Protobuf bytes, front to back in a buffer that grows: the other side of `ProtobufReader`. A message inside another is
 * written before its length is known; one byte is left free for that, and the few that need more are moved.
 * https://protobuf.dev/programming-guides/encoding/
 */
export class ProtobufWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;

  /** The bytes so far, as a copy. */
  finish(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }

  /** The bytes so far, until something else is written. */
  get written(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Begins anew, in the same memory. */
  clear(): void {
    this.#length = 0;
    if (this.#buffer.length > KEPT_BYTES_MAX) this.#buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  }

  get length(): number {
    return this.#length;
  }

  /** `field << 3 | wire type`. Fields above 15 take two bytes. */
  tag(tag: number): void {
    this.varint(tag);
  }

  /** A whole number from 0 to 2^32 - 1. */
  varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
  }

  /** A signed 64-bit integer; negative ones take ten bytes. */
  int64(value: bigint): void {
    if (value >= 0n && value <= UINT32_MAX) {
      this.varint(Number(value));
      return;
    }
    const bits = BigInt.asUintN(64, value);
    let low = Number(bits & 0xffff_ffffn);
    let high = Number(bits >> 32n);
    this.#reserve(VARINT_BYTES_MAX);
    while (high > 0) {
      this.#buffer[this.#length++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.varint(low);
  }

  fixed64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigUInt64LE(BigInt.asUintN(64, value), this.#length);
  }

  fixed32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32LE(value >>> 0, this.#length);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  /** UTF-8 with its length before it. Half a surrogate pair becomes U+FFFD. */
  string(text: string): void {
    this.#reserve(text.length * UTF8_BYTES_MAX + VARINT_BYTES_MAX);
    if (text.length <= SHORT_STRING_UNITS_MAX) {
      const written = this.#writeAscii(text) ? text.length : this.#buffer.write(text, this.#length + 1, "utf8");
      this.#buffer[this.#length] = written;
      this.#length += 1 + written;
      return;
    }
    this.varint(Buffer.byteLength(text));
    this.#length += this.#buffer.write(text, this.#length, "utf8");
  }

  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** Fields that are written already. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A copy of what was written from there on. */
  since(start: number): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#buffer, start, this.#length);
  }

  /** The bytes that hex digits stand for, with their length before them. */
  hex(digits: string): void {
    const count = digits.length >>> 1;
    this.varint(count);
    this.#reserve(count);
    this.#length += this.#buffer.write(digits, this.#length, count, "hex");
  }

  /** Begins a message inside this one: returns what `close` wants. */
  open(tag: number): number {
    this.varint(tag);
    this.#reserve(1);
    this.#length += 1;
    return this.#length;
  }

  close(start: number): void {
    const size = this.#length - start;
    if (size <= SHORT_LENGTH_MAX) {
      this.#buffer[start - 1] = size;
      return;
    }
    const extra = varintBytes(size) - 1;
    this.#reserve(extra);
    this.#buffer.copyWithin(start + extra, start, this.#length);
    const end = this.#length + extra;
    this.#length = start - 1;
    this.varint(size);
    this.#length = end;
  }

  /** After the byte for the length. Short strings by hand: the call into native code costs more than they do. */
  #writeAscii(text: string): boolean {
    const buffer = this.#buffer;
    const start = this.#length + 1;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      buffer[start + index] = code;
    }
    return true;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) count += 1;
  return count;
}
