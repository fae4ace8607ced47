/** Short ASCII texts come again and again (keys, models, tools, sessions): the same string is cheaper than a new one. */
import { type ByteSource, NOT_ASCII } from "./byte-source.ts";

const LENGTH_MAX = 64;
const WORDS_A_TEXT = LENGTH_MAX / 4;
const SLOTS = 8_192;
const DOUBLE_BYTES = 8;

/** Direct-mapped: a slot that holds another text is overwritten. At most 64 characters each, so that it stays small. */
const texts: (string | undefined)[] = Array.from<string | undefined>({ length: SLOTS });
/** The bytes of each slot's text, in words: compared faster than its characters. */
const wordsOfTexts = new Int32Array(SLOTS * WORDS_A_TEXT);
/** Of the text that is asked for. */
const asked = new Int32Array(WORDS_A_TEXT);

/** UTF-8 to a string with memory of its own; invalid sequences become U+FFFD. */
export function textOf(source: ByteSource, start: number, length: number): string {
  const { bytes, view } = source;
  if (length > LENGTH_MAX) return bytes.toString("utf8", start, start + length);
  const whole = length >>> 2;
  let hash = length;
  let bits = 0;
  for (let index = 0; index < whole; index += 1) {
    const word = view.getInt32(start + index * 4, true);
    asked[index] = word;
    bits |= word;
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  const rest = restAt(source, start, length);
  if (((bits | rest) & NOT_ASCII) !== 0) return bytes.toString("utf8", start, start + length);
  const count = length > whole * 4 ? whole + 1 : whole;
  if (count > whole) asked[whole] = rest;
  hash = Math.imul(hash ^ rest, 0x85ebca6b);
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const cached = texts[slot];
  if (cached !== undefined && cached.length === length && isAsked(slot, count)) return cached;
  const text = bytes.toString("latin1", start, start + length);
  texts[slot] = text;
  for (let index = 0; index < count; index += 1) wordsOfTexts[slot * WORDS_A_TEXT + index] = asked[index] ?? 0;
  return text;
}

/** A text and its bytes. */
interface LastText {
  text: string;
  /** In bytes; -1: none yet. */
  length: number;
  /** From eight bytes on: all of them in words of eight, the last one over some of those before. */
  readonly doubles: Float64Array;
  /** Of fewer bytes: these, filled with zeros. */
  readonly words: Int32Array;
}

function noText(): LastText {
  return { text: "", length: -1, doubles: new Float64Array(LENGTH_MAX / DOUBLE_BYTES), words: new Int32Array(2) };
}

/**
 * The two texts of one key that came last. What agents say of themselves is the same in span after span, or two texts by turns:
 * then comparing bytes is all, where finding a text among all is three times as much.
 */
export class LastTexts {
  #last = noText();
  #before = noText();

  /** What the function of this name says. */
  textOf(source: ByteSource, start: number, length: number): string {
    if (isAt(this.#last, source, start, length)) return this.#last.text;
    const before = this.#before;
    this.#before = this.#last;
    this.#last = before;
    if (isAt(before, source, start, length)) return before.text;
    const text = textOf(source, start, length);
    if (length <= LENGTH_MAX) note(before, { source, start, length, text });
    return text;
  }
}

/** The same bytes are the same text, whatever they are. */
function isAt(
  { length: ownLength, doubles, words }: LastText,
  source: ByteSource,
  start: number,
  length: number,
): boolean {
  if (length !== ownLength) return false;
  const { view } = source;
  const last = start + length - DOUBLE_BYTES;
  if (last < start)
    return firstWord(source, start, length) === words[0] && secondWord(source, start, length) === words[1];
  let place = 0;
  for (let at = start; at < last; at += DOUBLE_BYTES, place += 1) {
    if (view.getFloat64(at, true) !== doubles[place]) return false;
  }
  return view.getFloat64(last, true) === doubles[place];
}

function note(
  target: LastText,
  found: { readonly source: ByteSource; readonly start: number; readonly length: number; readonly text: string },
): void {
  const { source, start, length, text } = found;
  target.text = text;
  target.length = length;
  const last = start + length - DOUBLE_BYTES;
  if (last < start) {
    target.words[0] = firstWord(source, start, length);
    target.words[1] = secondWord(source, start, length);
    return;
  }
  let place = 0;
  for (let at = start; at < last + DOUBLE_BYTES; at += DOUBLE_BYTES, place += 1) {
    const double = source.view.getFloat64(Math.min(at, last), true);
    // It has the same bytes if it is equal, but for these: 0 is -0, and NaN is not itself.
    if (double === 0 || Number.isNaN(double)) target.length = -1;
    target.doubles[place] = double;
  }
}

/** Of up to seven bytes the first four, filled with zeros. */
function firstWord(source: ByteSource, start: number, length: number): number {
  return length < 4 ? restAt(source, start, length) : source.view.getInt32(start, true);
}

/** … and the rest of them. */
function secondWord(source: ByteSource, start: number, length: number): number {
  return length <= 4 ? 0 : restAt(source, start, length);
}

/** The bytes behind the last whole word, as one number. */
function restAt({ bytes }: ByteSource, start: number, length: number): number {
  let rest = 0;
  for (let at = start + (length & ~3); at < start + length; at += 1) rest = (rest << 8) | (bytes[at] ?? 0);
  return rest;
}

function isAsked(slot: number, count: number): boolean {
  const first = slot * WORDS_A_TEXT;
  for (let index = 0; index < count; index += 1) if (wordsOfTexts[first + index] !== asked[index]) return false;
  return true;
}
