import { isUtf8 } from "node:buffer";
import { type ByteSource, NOT_ASCII, viewOf } from "../../pdata/otlp/byte-source.ts";
import { type BufferPool, NEW_BUFFERS } from "../../support/buffer-pool.ts";

const INITIAL_BYTES = 16_384;
/** Up to here, a loop over the characters is faster than a call out of JavaScript. */
const SHORT_LENGTH_MAX = 48;
/** The same for bytes, which go in words of four; beyond it two calls and a view of a part cost less. */
const SHORT_BYTES_MAX = 512;
const TWO_TO_31 = 0x8000_0000;
const TWO_TO_32 = 0x1_0000_0000;
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** A buffer that grows, with the little-endian writes that ClickHouse's Native format is made of. */
export class ByteSink {
  readonly #pool: BufferPool | undefined;
  #buffer: Buffer;
  #view: DataView;
  #length = 0;

  /** `bytesExpected`: a good guess spares the copying of a buffer that grows. `pool`: where its memory comes from. */
  constructor(bytesExpected = INITIAL_BYTES, pool?: BufferPool) {
    this.#pool = pool;
    this.#buffer = (pool ?? NEW_BUFFERS).take(Math.max(INITIAL_BYTES, bytesExpected));
    this.#view = viewOf(this.#buffer);
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** The bytes so far; valid until the next write. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Bytes of its memory. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** Gives its memory back: of `bytes` nothing is read any more, and nothing is written. */
  giveBack(): void {
    this.#pool?.give(this.#buffer);
  }

  uint8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  uint16(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
  }

  uint32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** An unsigned 64-bit integer from a safe whole number. */
  uint64(value: number): void {
    this.#reserve(8);
    const high = value < TWO_TO_32 ? 0 : Math.floor(value / TWO_TO_32);
    this.#view.setUint32(this.#length, value - high * TWO_TO_32, true);
    this.#view.setUint32(this.#length + 4, high, true);
    this.#length += 8;
  }

  int64(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigInt64(this.#length, value, true);
    this.#length += 8;
  }

  /** LEB128 without sign. `value` is a safe whole number. */
  varuint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
  }

  /** UTF-8 with its length before it. */
  text(text: string): void {
    const { length } = text;
    if (length <= SHORT_LENGTH_MAX && this.#shortAscii(text)) return;
    const byteLength = Buffer.byteLength(text);
    this.varuint(byteLength);
    this.#reserve(byteLength);
    this.#length += this.#buffer.write(text, this.#length, "utf8");
  }

  /** A text of ASCII as it is, without its length. The caller has made sure that it is one. */
  ascii(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const target = this.#buffer;
    const at = this.#length;
    for (let index = 0; index < length; index += 1) target[at + index] = text.charCodeAt(index);
    this.#length = at + length;
  }

  /** The decimal digits of a whole number as they are, without their length. */
  digits(value: bigint): void {
    if (value < 0n || value > SAFE_MAX) return this.ascii(value.toString());
    const safe = Number(value);
    this.#bareDigits(safe, digitCount(safe));
  }

  /** A text as JSON has it, in quotes. */
  json(text: string): void {
    const { length } = text;
    this.#reserve(length + 2);
    const target = this.#buffer;
    const at = this.#length + 1;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) {
        this.raw(Buffer.from(JSON.stringify(text)));
        return;
      }
      target[at + index] = code;
    }
    target[at - 1] = 0x22;
    target[at + length] = 0x22;
    this.#length = at + length + 1;
  }

  /** The text in some bytes, with its length before it; invalid sequences become U+FFFD. */
  utf8(source: ByteSource, start: number, length: number): void {
    if (length <= SHORT_BYTES_MAX && this.#asciiBytes(source, start, length)) return;
    const content = source.bytes.subarray(start, start + length);
    if (!isUtf8(content)) {
      this.text(content.toString("utf8"));
      return;
    }
    this.varuint(length);
    this.raw(content);
  }

  /** The decimal digits of a signed 64-bit integer, by its halves, with their length before them. */
  integer(low: number, high: number): void {
    if (high === 0) this.#digits(low, false);
    else if (high === 0xffff_ffff && low > 0) this.#digits(TWO_TO_32 - low, true);
    else this.text(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)).toString());
  }

  /** Bytes in lower-case hex, with the length of the text before it. `length`: a multiple of four. */
  hex({ view }: ByteSource, start: number, length: number): void {
    this.varuint(length * 2);
    this.#reserve(length * 2);
    const target = this.#view;
    let at = this.#length;
    for (let index = start; index < start + length; index += 4, at += 8) {
      const word = view.getInt32(index, true);
      target.setInt32(at, hexDigits(word), true);
      target.setInt32(at + 4, hexDigits(word >>> 16), true);
    }
    this.#length = at;
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Eight of some bytes as they are. */
  raw8({ view }: ByteSource, start: number): void {
    this.#reserve(8);
    this.#view.setInt32(this.#length, view.getInt32(start, true), true);
    this.#view.setInt32(this.#length + 4, view.getInt32(start + 4, true), true);
    this.#length += 8;
  }

  /** Writes again what stands at `start`. */
  repeat(start: number, length: number): void {
    this.#reserve(length);
    this.#buffer.copyWithin(this.#length, start, start + length);
    this.#length += length;
  }

  /** Unsigned integers of 1, 2 or 4 bytes, one after the other. */
  indexes(values: Uint32Array, width: 1 | 2 | 4): void {
    this.#reserve(values.length * width);
    if (width === 1) {
      this.#buffer.set(values, this.#length);
      this.#length += values.length;
    } else if (width === 2) for (const value of values) this.uint16(value);
    else for (const value of values) this.uint32(value);
  }

  /** False, and nothing written, when a character is not ASCII. */
  #shortAscii(text: string): boolean {
    const { length } = text;
    this.#reserve(length + 1);
    const target = this.#buffer;
    const at = this.#length + 1;
    let bits = 0;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      bits |= code;
      target[at + index] = code;
    }
    if (bits > 0x7f) return false;
    target[at - 1] = length;
    this.#length = at + length;
    return true;
  }

  /** False, and nothing written, when a byte is not ASCII. */
  #asciiBytes({ bytes, view }: ByteSource, start: number, length: number): boolean {
    const before = this.#length;
    this.varuint(length);
    this.#reserve(length);
    const target = this.#buffer;
    const words = this.#view;
    const at = this.#length;
    const whole = length & ~3;
    let bits = 0;
    for (let index = 0; index < whole; index += 4) {
      const word = view.getInt32(start + index, true);
      bits |= word;
      words.setInt32(at + index, word, true);
    }
    for (let index = whole; index < length; index += 1) {
      const byte = bytes[start + index] ?? 0;
      bits |= byte;
      target[at + index] = byte;
    }
    const isAscii = (bits & NOT_ASCII) === 0;
    this.#length = isAscii ? at + length : before;
    return isAscii;
  }

  /** Digits with their length before them; `value` below 2^32. */
  #digits(value: number, isNegative: boolean): void {
    const count = digitCount(value);
    this.uint8(isNegative ? count + 1 : count);
    if (isNegative) this.uint8(0x2d);
    this.#bareDigits(value, count);
  }

  /** `value`: a safe whole number of so many digits. */
  #bareDigits(value: number, count: number): void {
    this.#reserve(count);
    const target = this.#buffer;
    const end = this.#length + count;
    let rest = value;
    for (let at = end - 1; at >= this.#length; at -= 1) {
      // Of 31 bits, that is a multiplication.
      const tens = rest < TWO_TO_31 ? (rest / 10) | 0 : Math.floor(rest / 10);
      target[at] = 0x30 + (rest - tens * 10);
      rest = tens;
    }
    this.#length = end;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed > this.#buffer.length) this.#grow(needed);
  }

  #grow(needed: number): void {
    const grown = (this.#pool ?? NEW_BUFFERS).take(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#pool?.give(this.#buffer);
    this.#buffer = grown;
    this.#view = viewOf(grown);
  }
}

function digitCount(value: number): number {
  let count = 1;
  for (let power = 10; value >= power; power *= 10) count += 1;
  return count;
}

/** From the character behind `9` to `a`. */
const LETTER_SHIFT = 0x61 - 0x3a;

/** The four digits of the two lower bytes, the first of them lowest. All four at once: a look-up for each byte takes three times as long. */
function hexDigits(word: number): number {
  const bytes = (word & 0xff) | ((word & 0xff00) << 8);
  const nibbles = ((bytes >>> 4) & 0x000f_000f) | ((bytes & 0x000f_000f) << 8);
  const isLetter = ((nibbles + 0x0606_0606) >>> 4) & 0x0101_0101;
  return nibbles + 0x3030_3030 + isLetter * LETTER_SHIFT;
}
