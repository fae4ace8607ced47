/**
 * Digests of texts in the words of an identity, for who remembers thousands of texts of which hardly any comes again: none of them
 * has to be made. Not against those who choose texts.
 */
import { IDENTITY_WORDS } from "./identity.ts";
import { type ByteSource, viewOf } from "./otlp/byte-source.ts";

/** Between two texts; in neither. */
const SEPARATOR = 0x1_0000;

/** Mixes the characters of a text into `words`. */
export function mixText(words: Int32Array, text: string): void {
  let at = 0;
  for (let index = 0; index < text.length; index += 1) at = mix(words, at, text.charCodeAt(index));
  mix(words, at, SEPARATOR);
}

/** Mixes some bytes into `words`, four at a time: other words than those of the text that they are. */
export function mixBytes(words: Int32Array, { bytes, view }: ByteSource, start: number, length: number): void {
  const end = start + length;
  const whole = end - (length & 3);
  let at = 0;
  for (let index = start; index < whole; index += 4) at = mix(words, at, view.getInt32(index, true));
  let rest = 0;
  for (let index = whole; index < end; index += 1) rest = (rest << 8) | (bytes[index] ?? 0);
  mix(words, mix(words, at, rest), length);
}

/** The same of the bytes that a text is; returns how many. */
export function mixUtf8(words: Int32Array, text: string): number {
  const bytes = Buffer.from(text);
  mixBytes(words, { bytes, view: viewOf(bytes) }, 0, bytes.length);
  return bytes.length;
}

/** Returns the place of the word that is next. */
function mix(words: Int32Array, at: number, value: number): number {
  const before = words[at === 0 ? IDENTITY_WORDS - 1 : at - 1] ?? 0;
  // One more, so that zeros count.
  const mixed = Math.imul((words[at] ?? 0) ^ before ^ (value + 1), 0x9e3779b1);
  words[at] = mixed ^ (mixed >>> 15);
  return at === IDENTITY_WORDS - 1 ? 0 : at + 1;
}
