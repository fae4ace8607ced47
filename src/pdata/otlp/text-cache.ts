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
  let rest = 0;
  for (let at = start + whole * 4; at < start + length; at += 1) rest = (rest << 8) | (bytes[at] ?? 0);
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

function isAsked(slot: number, count: number): boolean {
  const first = slot * WORDS_A_TEXT;
  for (let index = 0; index < count; index += 1) if (wordsOfTexts[first + index] !== asked[index]) return false;
  return true;
}
