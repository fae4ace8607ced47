/** Reads most links of an export from their bytes. What it reads is what `JSON.parse` would; any other line is left to that. */
import { DIGITS_OF_MS } from "./chain-evidence.ts";
import {
  type EvidenceRows,
  HASH_AT,
  IS_CLOSED,
  IS_LINK,
  PREV_AT,
  ROW_BYTES,
  SPAN_AT,
  TRACE_AT,
} from "./evidence-rows.ts";
import { asciiOf, digitsTo, isAt, isEnd, nextColumn, numberOf, readHex, SameText, wholeOf } from "./line-bytes.ts";
import { TextMarks } from "./text-marks.ts";

const LINE_BEGIN = Buffer.from('["link", ');
const TRUE = Buffer.from("true");
const FALSE = Buffer.from("false");

/** Places of the texts. */
const [CHAIN, HASH, PREV, AGENT, TRACE, SPAN, END, RECEIVED] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const TEXTS = 8;

export class LinkScan {
  readonly #marks = new TextMarks();
  readonly #chain = new SameText();

  /** Adds the line from `from` to `to`; false where it is to be read in full. */
  scan(bytes: Buffer, { from, to }: { readonly from: number; readonly to: number }, rows: EvidenceRows): boolean {
    if (!isAt(bytes, from, LINE_BEGIN)) return false;
    const marks = this.#marks;
    marks.clear();
    const seqAt = this.#texts(bytes, from + LINE_BEGIN.length, 1);
    const seqTo = digitsTo(bytes, seqAt);
    const flagAt = this.#texts(bytes, nextColumn(bytes, seqTo), 2);
    const isClosed = isAt(bytes, flagAt, TRUE);
    if (!isClosed && !isAt(bytes, flagAt, FALSE)) return false;
    let at = this.#texts(bytes, nextColumn(bytes, flagAt + (isClosed ? TRUE : FALSE).length), 4);
    at = marks.readText(bytes, at);
    if (at < 0 || marks.count !== TEXTS || !isEnd(bytes, at, to)) return false;
    // Each byte is a character, or it is read in full.
    if (marks.plainTo < to || !this.#readBytes(bytes, rows)) return false;
    const row = rows.count;
    const chain = rows.chainPlace(this.#chain.of(bytes, marks, CHAIN));
    if (rows.agents[chain] === "") rows.agents[chain] = asciiOf(bytes, marks, AGENT);
    rows.kinds[row] = isClosed ? IS_LINK | IS_CLOSED : IS_LINK;
    rows.chains[row] = chain;
    rows.seqs[row] = numberOf(bytes, seqAt, seqTo);
    rows.endsMs[row] = this.#number(bytes, END, DIGITS_OF_MS);
    rows.receivedMs[row] = this.#number(bytes, RECEIVED, 0);
    rows.count = row + 1;
    return true;
  }

  #readBytes(bytes: Buffer, rows: EvidenceRows): boolean {
    const start = rows.count * ROW_BYTES;
    const marks = this.#marks;
    return (
      readHex(bytes, marks, { place: HASH, into: rows.bytes, at: start + HASH_AT, length: 32 }) &&
      readHex(bytes, marks, { place: PREV, into: rows.bytes, at: start + PREV_AT, length: 32 }) &&
      readHex(bytes, marks, { place: SPAN, into: rows.bytes, at: start + SPAN_AT, length: 8 }) &&
      readHex(bytes, marks, { place: TRACE, into: rows.bytes, at: start + TRACE_AT, length: 16 })
    );
  }

  /** Of a text without its last digits. */
  #number(bytes: Buffer, place: number, without: number): number {
    const marks = this.#marks;
    const [from = 0, end = 0] = [marks.starts[place], marks.ends[place]];
    const to = end - without;
    const whole = wholeOf(bytes, from, to);
    return Number.isNaN(whole) ? Number(bytes.toString("latin1", from, Math.max(from, to))) : whole;
  }

  /** Marks so many texts, each with the comma behind it. The position behind them, or -1. */
  #texts(bytes: Buffer, at: number, count: number): number {
    let next = at;
    for (let read = 0; read < count && next >= 0; read += 1)
      next = nextColumn(bytes, this.#marks.readText(bytes, next));
    return next;
  }
}
