/**
 * Finds the texts of JSON as it stands in memory. Only what JavaScript itself would have written is read, so that the bytes are the
 * canonical ones: whatever else is JSON too is for `JSON.parse` to judge. Bytes beyond ASCII are taken as they are; that they
 * are UTF-8 is for the caller to check.
 */
import { plainTo, WordView } from "./word-view.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE = 0x5d;

/** What ends a run of plain ASCII, or may not stand in a text. */
const SPECIAL = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte >= 0x80 || byte === QUOTE || byte === BACKSLASH ? 1 : 0,
);
/** What JavaScript writes behind a backslash, but for `u`. */
const ESCAPED: ReadonlySet<number> = new Set(Buffer.from('"\\bfnrt'));

const TEXTS_MAX = 512;

/** Where texts begin and end, without their quotes. Used again for the next line. */
export class TextMarks {
  readonly starts = new Int32Array(TEXTS_MAX);
  readonly ends = new Int32Array(TEXTS_MAX);
  readonly #words = new WordView();
  count = 0;
  /** Where the first escape or byte beyond ASCII stands: before it, each byte is a character. */
  plainTo = 0;

  clear(): void {
    this.count = 0;
    this.plainTo = Number.MAX_SAFE_INTEGER;
  }

  /** Marks the texts of `["…","…"]`. The position behind it, or -1. */
  readList(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== OPEN) return -1;
    if (bytes[at + 1] === CLOSE) return at + 2;
    let next = at;
    do {
      next = this.readText(bytes, next + 1);
      if (next < 0) return -1;
    } while (bytes[next] === COMMA);
    return bytes[next] === CLOSE ? next + 1 : -1;
  }

  /** Marks one text with its quotes. The position behind it, or -1. Never reads on behind a line's end. */
  readText(bytes: Uint8Array, at: number): number {
    const { count } = this;
    if (at < 0 || bytes[at] !== QUOTE || count === TEXTS_MAX) return -1;
    let next = plainTo(this.#words.of(bytes), at + 1);
    for (;;) {
      const byte = bytes[next];
      if (byte === undefined) return -1;
      if (SPECIAL[byte] === 0) {
        next += 1;
        continue;
      }
      if (byte === QUOTE) break;
      if (byte < 0x20) return -1;
      if (next < this.plainTo) this.plainTo = next;
      if (byte === BACKSLASH) {
        if (!ESCAPED.has(bytes[next + 1] ?? 0)) return -1;
        next += 1;
      }
      next += 1;
    }
    this.starts[count] = at + 1;
    this.ends[count] = next;
    this.count = count + 1;
    return next + 1;
  }
}
