import { type ByteSource, viewOf } from "./byte-source.ts";
import { MalformedError } from "./decoded.ts";
import { textOf } from "./text-cache.ts";

/** Protobuf wire types. https://protobuf.dev/programming-guides/encoding/#structure */
export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Largest bytes of a varint: 10 groups of 7 bits. */
const VARINT_BYTES_MAX = 10;

/**
 * A cursor over protobuf bytes. Every read is checked against the end of the innermost message, so that a wrong length
 * is a `MalformedError` and never a read of a neighbour.
 */
export class ProtobufReader implements ByteSource {
  readonly bytes: Buffer;
  readonly view: DataView;
  position = 0;
  /** End of the message that is being read. */
  end: number;
  /** The halves of what `varint64` read. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = viewOf(this.bytes);
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
    const first = this.bytes[this.position] ?? 0x80;
    if (first < 0x80 && this.position < this.end) {
      this.position += 1;
      return first;
    }
    this.varint64();
    return this.low;
  }

  /** A varint, as two unsigned halves. */
  varint64(): void {
    let low = 0;
    let high = 0;
    for (let group = 0; group < VARINT_BYTES_MAX; group += 1) {
      if (this.position >= this.end) throw new MalformedError("varint runs past the end");
      const byte = this.bytes[this.position++] ?? 0;
      const bits = byte & 0x7f;
      if (group < 4) low |= bits << (group * 7);
      else if (group === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (group * 7 - 32);
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new MalformedError("varint longer than 10 bytes");
  }

  /** A varint as a signed 64-bit integer. */
  int64(): bigint {
    this.varint64();
    return signed64(this.low, this.high);
  }

  fixed64(): bigint {
    return this.bytes.readBigUInt64LE(this.#take(8));
  }

  /** Passes eight bytes; returns where they start. */
  fixed64At(): number {
    return this.#take(8);
  }

  double(): number {
    return this.bytes.readDoubleLE(this.#take(8));
  }

  fixed32(): number {
    return this.bytes.readUInt32LE(this.#take(4));
  }

  /** UTF-8, cut after `bytesMax` bytes; invalid sequences become U+FFFD. */
  string(bytesMax: number): string {
    const start = this.lengthDelimited();
    return textOf(this, start, Math.min(this.position - start, bytesMax));
  }

  bytesCopy(bytesMax: number): Uint8Array {
    const start = this.lengthDelimited();
    return Uint8Array.from(this.bytes.subarray(start, Math.min(this.position, start + bytesMax)));
  }

  hex(): string {
    const start = this.lengthDelimited();
    // Ids are 8 or 16 bytes; a longer one is wrong anyway, and its length still shows.
    return this.bytes.toString("hex", start, Math.min(this.position, start + 32));
  }

  /** Passes a length and as many bytes; returns where they start. */
  lengthDelimited(): number {
    return this.#take(this.#length());
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
}

/** A signed 64-bit integer by its halves. */
export function signed64(low: number, high: number): bigint {
  return high === 0 ? BigInt(low) : BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
}
