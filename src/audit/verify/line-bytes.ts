/** Pieces of a line of an export as ClickHouse writes them: compact JSON, a comma and a space between columns. */
import type { TextMarks } from "./text-marks.ts";

const [COMMA, SPACE, CLOSE, ZERO, NINE] = [0x2c, 0x20, 0x5d, 0x30, 0x39] as const;
/** More digits than that may not count exactly. */
const DIGITS_MAX = 15;

/** Behind the comma and the space that have to stand at `at`; -1 where they do not. */
export function nextColumn(bytes: Buffer, at: number): number {
  return at >= 0 && bytes[at] === COMMA && bytes[at + 1] === SPACE ? at + 2 : -1;
}

/** Whether a line ends, before `to`, in the bracket that stands at `at`. */
export function isEnd(bytes: Buffer, at: number, to: number): boolean {
  return bytes[at] === CLOSE && at + 1 === to;
}

export function isAt(bytes: Buffer, at: number, what: Buffer): boolean {
  if (at < 0) return false;
  for (let index = 0; index < what.length; index += 1) if (bytes[at + index] !== what[index]) return false;
  return true;
}

/** Behind a whole number without zeros in front; -1 where there is none. */
export function digitsTo(bytes: Buffer, at: number): number {
  if (at < 0) return -1;
  let to = at;
  while (isDigit(bytes[to]) && to - at <= DIGITS_MAX) to += 1;
  return to > at && to - at <= DIGITS_MAX && (bytes[at] !== ZERO || to === at + 1) ? to : -1;
}

/** Of digits that `digitsTo` has seen. */
export function numberOf(bytes: Buffer, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at += 1) number = number * 10 + (bytes[at] ?? ZERO) - ZERO;
  return number;
}

/** Of nothing but digits, few enough to count exactly; NaN for any other bytes. */
export function wholeOf(bytes: Buffer, from: number, to: number): number {
  if (to <= from || to - from > DIGITS_MAX) return Number.NaN;
  for (let at = from; at < to; at += 1) if (!isDigit(bytes[at])) return Number.NaN;
  return numberOf(bytes, from, to);
}

/** By character: its value, or 255 where it is no digit of lower-case hex. */
const HEX = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = "0123456789abcdef".indexOf(String.fromCharCode(byte));
  return value < 0 ? 255 : value;
});

/** Writes a marked text of lower-case hex as the bytes it stands for; false where it is not that, or not so long. */
export function readHex(bytes: Buffer, { starts, ends }: TextMarks, { place, into, at, length }: PlacedHex): boolean {
  const from = starts[place] ?? 0;
  if ((ends[place] ?? 0) - from !== length * 2) return false;
  let bad = 0;
  for (let index = 0; index < length; index += 1) {
    const high = HEX[bytes[from + index * 2] as number] as number;
    const low = HEX[bytes[from + index * 2 + 1] as number] as number;
    bad |= high | low;
    into[at + index] = (high << 4) | low;
  }
  return bad < 16;
}

interface PlacedHex {
  readonly place: number;
  readonly into: Uint8Array;
  readonly at: number;
  /** In bytes. */
  readonly length: number;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** Whether a marked text is this one, byte for character. */
export function isText(bytes: Buffer, { starts, ends }: TextMarks, { place, text }: PlacedText): boolean {
  const from = starts[place] ?? 0;
  const { length } = text;
  if ((ends[place] ?? 0) - from !== length) return false;
  for (let index = 0; index < length; index += 1) if (bytes[from + index] !== text.charCodeAt(index)) return false;
  return true;
}

interface PlacedText {
  readonly place: number;
  /** ASCII. */
  readonly text: string;
}

/** A marked text in which each byte is a character. */
export function asciiOf(bytes: Buffer, { starts, ends }: TextMarks, place: number): string {
  return bytes.toString("latin1", starts[place], ends[place]);
}

/** Any marked text. */
export function textOf(bytes: Buffer, { starts, ends }: TextMarks, place: number): string {
  const text = bytes.toString("utf8", starts[place], ends[place]);
  return text.includes("\\") ? (JSON.parse(`"${text}"`) as string) : text;
}

/** Texts that come again and again in one place of a line: the same one is not made anew. */
export class SameText {
  #last = "";

  /** A marked text in which each byte is a character. */
  of(bytes: Buffer, marks: TextMarks, place: number): string {
    if (!isText(bytes, marks, { place, text: this.#last })) this.#last = asciiOf(bytes, marks, place);
    return this.#last;
  }
}
