/** Ids and times of spans in JSON, unpacked to the bytes that a span of protobuf has them in. */
import { Code, type JsonCursor } from "./json-cursor.ts";
import { ABSENT, SPAN_ID_BYTES, TRACE_ID_BYTES, type WireSpan } from "./wire-span.ts";

const SPANS_A_PIECE = 64;
/** Trace id, span id, parent span id, start, end. */
const SPAN_BYTES = TRACE_ID_BYTES + 2 * SPAN_ID_BYTES + 16;
/** Digits of a time behind the thousand millions. */
const LOW_DIGITS = 9;
const TIME_DIGITS_MAX = 19;
const BILLION = 1_000_000_000;
const TWO_TO_32 = 0x1_0000_0000;

export class WireIds {
  #piece = Buffer.alloc(0);
  #used = 0;

  /** Room for the ids and times of one span. */
  next(): Buffer {
    if (this.#used + SPAN_BYTES > this.#piece.length) {
      this.#piece = Buffer.alloc(SPANS_A_PIECE * SPAN_BYTES);
      this.#used = 0;
    }
    this.#used += SPAN_BYTES;
    return this.#piece.subarray(this.#used - SPAN_BYTES, this.#used);
  }

  /** Reads a member of a span if it is an id or a time. */
  read({ key, cursor, span }: { readonly key: string; readonly cursor: JsonCursor; readonly span: WireSpan }): boolean {
    switch (key) {
      case "traceId":
        span.traceIdAt = readId(cursor, span.bytes.subarray(0, TRACE_ID_BYTES)) ? 0 : ABSENT;
        return true;
      case "spanId":
        span.spanIdAt = readId(cursor, span.bytes.subarray(TRACE_ID_BYTES, 24)) ? TRACE_ID_BYTES : ABSENT;
        return true;
      case "parentSpanId":
        span.parentSpanIdAt = readId(cursor, span.bytes.subarray(24, 32)) ? 24 : ABSENT;
        return true;
      case "startTimeUnixNano":
        span.startAt = readTime(cursor, span.bytes, 32);
        return true;
      case "endTimeUnixNano":
        span.endAt = readTime(cursor, span.bytes, 40);
        return true;
      default:
        return false;
    }
  }

  /** A span without ids is read, and refused, the general way. */
  check(cursor: JsonCursor, span: WireSpan): void {
    if (span.traceIdAt === ABSENT || span.spanIdAt === ABSENT) cursor.unusual();
  }
}

/** Reads hex into all of `target`. False for an empty text, and for zeros. */
function readId(cursor: JsonCursor, target: Buffer): boolean {
  cursor.expect(Code.quote);
  const { bytes } = cursor;
  if (bytes[cursor.at] === Code.quote) {
    cursor.at += 1;
    return false;
  }
  let bits = 0;
  for (let index = 0; index < target.length; index += 1) {
    const byte = (nibbleOf(bytes[cursor.at]) << 4) | nibbleOf(bytes[cursor.at + 1]);
    if (byte < 0) cursor.unusual();
    bits |= byte;
    target[index] = byte;
    cursor.at += 2;
  }
  cursor.expect(Code.quote);
  return bits !== 0;
}

/** -1 for what is no hex digit. */
function nibbleOf(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= Code.zero && code <= Code.nine) return code - Code.zero;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Reads a time in quotes to `at`, eight bytes little-endian; returns `at`. */
function readTime(cursor: JsonCursor, target: Buffer, at: number): number {
  cursor.expect(Code.quote);
  const start = cursor.at;
  const count = cursor.textEnd() - start;
  if (count < 1 || count > TIME_DIGITS_MAX) cursor.unusual();
  const split = Math.max(0, count - LOW_DIGITS);
  const upper = wholeNumber(cursor, start, split);
  const lower = wholeNumber(cursor, start + split, count - split);
  // upper × 10^9 + lower, in parts that a double holds exactly: upper is below 10^10.
  const first = (upper % 0x1_0000) * BILLION + lower;
  const second = Math.floor(upper / 0x1_0000) * BILLION;
  const low = first + (second % 0x1_0000) * 0x1_0000;
  const high = Math.floor(low / TWO_TO_32) + Math.floor(second / 0x1_0000);
  if (high > 0x7fff_ffff) cursor.unusual();
  target.writeUInt32LE(low % TWO_TO_32, at);
  target.writeUInt32LE(high, at + 4);
  return at;
}

function wholeNumber(cursor: JsonCursor, start: number, count: number): number {
  let value = 0;
  for (let index = start; index < start + count; index += 1) {
    const code = cursor.bytes[index] ?? 0;
    if (code < Code.zero || code > Code.nine) cursor.unusual();
    value = value * 10 + (code - Code.zero);
  }
  return value;
}
