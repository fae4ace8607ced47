/** Ids and times of spans in JSON, unpacked to the bytes that a span of protobuf has them in. */
import { type ByteSource, viewOf } from "./byte-source.ts";
import { Code, type JsonCursor } from "./json-cursor.ts";
import { ABSENT, SPAN_ID_BYTES, TRACE_ID_BYTES, type WireSpan } from "./wire-span.ts";

const SPANS_A_PIECE = 64;
/** Where the parts of one span are: trace id, span id, parent span id, start, end. */
const SPAN_ID_AT = TRACE_ID_BYTES;
const PARENT_ID_AT = SPAN_ID_AT + SPAN_ID_BYTES;
const START_AT = PARENT_ID_AT + SPAN_ID_BYTES;
const END_AT = START_AT + 8;
const SPAN_BYTES = END_AT + 8;
/** Digits of a time behind the thousand millions. */
const LOW_DIGITS = 9;
const TIME_DIGITS_MAX = 19;
const BILLION = 1_000_000_000;
const TWO_TO_32 = 0x1_0000_0000;

export class WireIds {
  #piece: ByteSource = pieceOf(0);
  /** Where the room of the span starts that `next` was called for last. */
  #at = 0;

  /** Has room for the ids and times of one span. */
  next(): ByteSource {
    this.#at += SPAN_BYTES;
    if (this.#at + SPAN_BYTES > this.#piece.bytes.length) {
      this.#piece = pieceOf(SPANS_A_PIECE);
      this.#at = 0;
    }
    return this.#piece;
  }

  /** Reads a member of the span that `next` was called for last, if it is an id or a time. */
  read({ key, cursor, span }: { readonly key: string; readonly cursor: JsonCursor; readonly span: WireSpan }): boolean {
    const at = this.#at;
    switch (key) {
      case "traceId":
        span.traceIdAt = readId(cursor, span.bytes, { at, length: TRACE_ID_BYTES });
        return true;
      case "spanId":
        span.spanIdAt = readId(cursor, span.bytes, { at: at + SPAN_ID_AT, length: SPAN_ID_BYTES });
        return true;
      case "parentSpanId":
        span.parentSpanIdAt = readId(cursor, span.bytes, { at: at + PARENT_ID_AT, length: SPAN_ID_BYTES });
        return true;
      case "startTimeUnixNano":
        span.startAt = readTime(cursor, span.bytes, at + START_AT);
        return true;
      case "endTimeUnixNano":
        span.endAt = readTime(cursor, span.bytes, at + END_AT);
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

function pieceOf(spans: number): ByteSource {
  const bytes = Buffer.alloc(spans * SPAN_BYTES);
  return { bytes, view: viewOf(bytes) };
}

/** Reads hex to `at`, `length` bytes; returns `at`. `ABSENT` for an empty text, and for zeros. */
function readId(cursor: JsonCursor, target: Buffer, { at, length }: { at: number; length: number }): number {
  cursor.expect(Code.quote);
  const { bytes } = cursor;
  if (bytes[cursor.at] === Code.quote) {
    cursor.at += 1;
    return ABSENT;
  }
  let bits = 0;
  for (let index = at; index < at + length; index += 1) {
    const byte = (nibbleOf(bytes[cursor.at]) << 4) | nibbleOf(bytes[cursor.at + 1]);
    if (byte < 0) cursor.unusual();
    bits |= byte;
    target[index] = byte;
    cursor.at += 2;
  }
  cursor.expect(Code.quote);
  return bits === 0 ? ABSENT : at;
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
