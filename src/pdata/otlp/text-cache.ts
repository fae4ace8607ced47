/** Short ASCII texts come again and again (keys, models, tools, sessions): the same string is cheaper than a new one. */
import { type ByteSource, NOT_ASCII } from "./byte-source.ts";

const LENGTH_MAX = 64;
const WORDS_A_TEXT = LENGTH_MAX / 4;
const SLOTS = 8_192;

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
  readonly words: Int32Array;
}

/**
 * The two texts of one key that came last. What agents say of themselves is the same in span after span, or two texts by turns:
 * then comparing bytes is all, where finding a text among all is three times as much.
 */
export class LastTexts {
  #last: LastText = { text: "", length: -1, words: new Int32Array(WORDS_A_TEXT) };
  #before: LastText = { text: "", length: -1, words: new Int32Array(WORDS_A_TEXT) };

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
function isAt({ length: ownLength, words }: LastText, source: ByteSource, start: number, length: number): boolean {
  if (length !== ownLength) return false;
  const { view } = source;
  const whole = length >>> 2;
  for (let index = 0; index < whole; index += 1) {
    if (view.getInt32(start + index * 4, true) !== words[index]) return false;
  }
  return (length & 3) === 0 || restAt(source, start, length) === words[whole];
}

function note(
  target: LastText,
  found: { readonly source: ByteSource; readonly start: number; readonly length: number; readonly text: string },
): void {
  const { source, start, length, text } = found;
  target.text = text;
  target.length = length;
  const whole = length >>> 2;
  for (let index = 0; index < whole; index += 1) {
    target.words[index] = source.view.getInt32(start + index * 4, true);
  }
  if ((length & 3) !== 0) target.words[whole] = restAt(source, start, length);
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
