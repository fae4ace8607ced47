/**
 * A cursor over JSON as programs write it: without white space, texts without escapes. Anything else is `Unusual`, and for
 * whoever reads JSON in general; so nothing is taken here that `JSON.parse` would refuse, or read in another way.
 */
import { type ByteSource, isLiteralAt, type Literal, viewOf } from "./byte-source.ts";
import { parseJsonText } from "./json-values.ts";
import { textOf } from "./text-cache.ts";

export class Unusual extends Error {
  override readonly name = "Unusual";
}

/** One for all: no trace of the stack is needed to read on in another way. */
const UNUSUAL = new Unusual("not JSON as programs write it");

export const Code = {
  quote: 0x22,
  comma: 0x2c,
  minus: 0x2d,
  zero: 0x30,
  nine: 0x39,
  colon: 0x3a,
  openList: 0x5b,
  backslash: 0x5c,
  closeList: 0x5d,
  openObject: 0x7b,
  closeObject: 0x7d,
} as const;

/** Whole numbers of so many digits are exact in a double. */
const EXACT_DIGITS_MAX = 15;

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

export class JsonCursor implements ByteSource {
  readonly bytes: Buffer;
  readonly view: DataView;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }

  unusual(): never {
    throw UNUSUAL;
  }

  /** Passes a literal if it is here. */
  has(expected: Literal): boolean {
    if (!isLiteralAt(this, this.at, expected)) return false;
    this.at += expected.bytes.length;
    return true;
  }

  expect(code: number): void {
    if (this.bytes[this.at] !== code) this.unusual();
    this.at += 1;
  }

  /** Passes a text and its closing quote; returns where the quote is. The cursor is behind the opening one. */
  textEnd(): number {
    const { bytes } = this;
    for (let at = this.at; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte === Code.quote) {
        this.at = at + 1;
        return at;
      }
      if (byte === Code.backslash || byte < 0x20) return this.unusual();
    }
    return this.unusual();
  }

  /** Reads a text with its quotes. */
  text(): string {
    this.expect(Code.quote);
    const start = this.at;
    return textOf(this, start, this.textEnd() - start);
  }

  /** Reads an object's members: `read` gets each key, the cursor before its value. */
  members(read: (key: string) => void): void {
    this.expect(Code.openObject);
    if (this.bytes[this.at] === Code.closeObject) {
      this.at += 1;
      return;
    }
    for (;;) {
      const key = this.text();
      this.expect(Code.colon);
      read(key);
      if (!this.#isMore(Code.closeObject)) return;
    }
  }

  /** Reads a list: `read` is called before each item. */
  items(read: () => void): void {
    this.expect(Code.openList);
    if (this.bytes[this.at] === Code.closeList) {
      this.at += 1;
      return;
    }
    for (;;) {
      read();
      if (!this.#isMore(Code.closeList)) return;
    }
  }

  /** Reads a whole number without sign of at most 15 digits. */
  digits(): number {
    const { bytes } = this;
    const start = this.at;
    let value = 0;
    let at = start;
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte < Code.zero || byte > Code.nine) break;
      value = value * 10 + (byte - Code.zero);
    }
    const count = at - start;
    if (count === 0 || count > EXACT_DIGITS_MAX) this.unusual();
    this.at = at;
    return value;
  }

  /** Like `digits`, but as JSON has numbers: no zero before others, nothing after that belongs to a number. */
  bareDigits(): number {
    const start = this.at;
    const value = this.digits();
    if (this.bytes[start] === Code.zero && this.at > start + 1) this.unusual();
    const after = this.bytes[this.at];
    if (after !== Code.comma && after !== Code.closeObject) this.unusual();
    return value;
  }

  /** Reads a number as JSON has it. */
  number(): number {
    const start = this.at;
    const { bytes } = this;
    while (isOfNumber(bytes[this.at] ?? 0)) this.at += 1;
    const text = textOf(this, start, this.at - start);
    if (!NUMBER.test(text)) this.unusual();
    return Number(text);
  }

  /** Reads any value the general way. */
  value(): unknown {
    const start = this.at;
    this.#passValue();
    return parseJsonText(this.bytes.toString("utf8", start, this.at));
  }

  /** Passes any value; `unusual` when it is none. */
  skip(): void {
    const byte = this.bytes[this.at] ?? 0;
    if (byte >= Code.zero && byte <= Code.nine) this.number();
    else this.value();
  }

  /** Passes a value by its quotes and brackets only: what it is, `parseJson` says. */
  #passValue(): void {
    const { bytes } = this;
    let depth = 0;
    for (; this.at < bytes.length; this.at += 1) {
      const byte = bytes[this.at] ?? 0;
      if (byte === Code.quote) this.#passQuoted();
      else if (byte === Code.openObject || byte === Code.openList) depth += 1;
      else if (byte === Code.closeObject || byte === Code.closeList) {
        if (depth === 0) return;
        depth -= 1;
      } else if (byte === Code.comma && depth === 0) return;
    }
  }

  /** Leaves the cursor on the closing quote. */
  #passQuoted(): void {
    const { bytes } = this;
    for (this.at += 1; this.at < bytes.length; this.at += 1) {
      const byte = bytes[this.at];
      if (byte === Code.quote) return;
      if (byte === Code.backslash) this.at += 1;
    }
  }

  #isMore(close: number): boolean {
    const code = this.bytes[this.at];
    if (code !== Code.comma && code !== close) this.unusual();
    this.at += 1;
    return code === Code.comma;
  }
}

/** Digits, sign, point and exponent. */
function isOfNumber(byte: number): boolean {
  return (
    (byte >= Code.zero && byte <= Code.nine) ||
    byte === 0x2e ||
    byte === 0x2d ||
    byte === 0x2b ||
    (byte | 0x20) === 0x65
  );
}
