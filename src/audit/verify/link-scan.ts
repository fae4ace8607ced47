/** Reads most links of an export from their bytes. What it reads is what `JSON.parse` would; any other line is left to that. */
import { type EvidenceLink, NANOS_A_MS } from "./chain-evidence.ts";
import { asciiOf, digitsTo, isAt, isEnd, nextColumn, numberOf, SameText } from "./line-bytes.ts";
import { TextMarks } from "./text-marks.ts";

/** A link and its place. */
export interface ReadLink {
  readonly chain: string;
  readonly seq: number;
  readonly link: EvidenceLink;
}

const LINE_BEGIN = Buffer.from('["link", ');
const TRUE = Buffer.from("true");
const FALSE = Buffer.from("false");

/** Places of the texts. */
const [CHAIN, HASH, PREV, AGENT, TRACE, SPAN, END, RECEIVED] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const TEXTS = 8;

export class LinkScan {
  readonly #marks = new TextMarks();
  readonly #chain = new SameText();
  readonly #prev = new SameText();

  /** The line from `from` to `to`; `undefined` where it is to be read in full. */
  scan(bytes: Buffer, from: number, to: number): ReadLink | undefined {
    if (!isAt(bytes, from, LINE_BEGIN)) return undefined;
    const marks = this.#marks;
    marks.clear();
    const seqAt = this.#texts({ bytes, at: from + LINE_BEGIN.length, count: 1 });
    const seqTo = digitsTo(bytes, seqAt);
    const flagAt = this.#texts({ bytes, at: nextColumn(bytes, seqTo), count: 2 });
    const isClosed = isAt(bytes, flagAt, TRUE);
    if (!isClosed && !isAt(bytes, flagAt, FALSE)) return undefined;
    let at = this.#texts({ bytes, at: nextColumn(bytes, flagAt + (isClosed ? TRUE : FALSE).length), count: 4 });
    at = marks.readText(bytes, at);
    if (at < 0 || marks.count !== TEXTS || !isEnd(bytes, at, to)) return undefined;
    // Each byte is a character, or it is read in full.
    if (marks.plainTo < to) return undefined;
    const hash = asciiOf(bytes, marks, HASH);
    const link = {
      hash,
      prev: this.#prev.of(bytes, marks, PREV),
      isClosed,
      traceId: asciiOf(bytes, marks, TRACE),
      spanId: asciiOf(bytes, marks, SPAN),
      endMs: Number(asciiOf(bytes, marks, END)) / NANOS_A_MS,
      receivedMs: Number(asciiOf(bytes, marks, RECEIVED)),
    };
    this.#prev.expect(hash);
    return { chain: this.#chain.of(bytes, marks, CHAIN), seq: numberOf(bytes, seqAt, seqTo), link };
  }

  /** The agent of the link that was seen last. */
  agent(bytes: Buffer): string {
    return asciiOf(bytes, this.#marks, AGENT);
  }

  /** Marks so many texts, each with the comma behind it. The position behind them, or -1. */
  #texts({ bytes, at, count }: { readonly bytes: Buffer; readonly at: number; readonly count: number }): number {
    let next = at;
    for (let read = 0; read < count && next >= 0; read += 1)
      next = nextColumn(bytes, this.#marks.readText(bytes, next));
    return next;
  }
}
