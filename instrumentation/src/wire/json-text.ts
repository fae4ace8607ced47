/**
 * JSON as text, in any of the encodings that it had before it was UTF-8 only: many a server still tells them by where the zeros are, as its
 * first letter is always ASCII. https://www.rfc-editor.org/rfc/rfc4627#section-3. Pure.
 */

export interface JsonText {
  readonly text: string;
  readonly isUtf8: boolean;
}

/** How many letters of UTF-32 are put together at once. */
const LETTERS_AT_ONCE = 8_192;

export function textOfJson(bytes: Uint8Array): JsonText {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = decode(buffer);
  return text === undefined ? { text: buffer.toString("utf8"), isUtf8: true } : { text, isUtf8: false };
}

/** `undefined`: it is UTF-8, or nothing that is known. */
function decode(bytes: Buffer): string | undefined {
  const [first = 0, second = 0] = bytes;
  const third = bytes[2] ?? 1;
  const fourth = bytes[3] ?? 1;
  if (bytes.length % 4 === 0 && (isMark(second, first) || second === 0) && third === 0 && fourth === 0)
    return utf32(bytes, (at) => bytes.readUInt32LE(at));
  if (bytes.length % 4 === 0 && first === 0 && second === 0 && (isMark(third, fourth) || third === 0))
    return utf32(bytes, (at) => bytes.readUInt32BE(at));
  if (bytes.length % 2 !== 0 || bytes.length === 0) return undefined;
  if (isMark(second, first) || (first !== 0 && second === 0)) return bytes.toString("utf16le");
  if (isMark(first, second) || (first === 0 && second !== 0)) return Buffer.from(bytes).swap16().toString("utf16le");
  return undefined;
}

function isMark(high: number, low: number): boolean {
  return high === 0xfe && low === 0xff;
}

/** Throws for what is no letter. */
function utf32(bytes: Buffer, read: (at: number) => number): string {
  const pieces: string[] = [];
  for (let from = 0; from < bytes.length; from += LETTERS_AT_ONCE * 4) {
    const letters: number[] = [];
    const to = Math.min(from + LETTERS_AT_ONCE * 4, bytes.length);
    for (let at = from; at < to; at += 4) letters.push(read(at));
    pieces.push(String.fromCodePoint(...letters));
  }
  return pieces.join("");
}
