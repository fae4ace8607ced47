/**
 * What makes a row the same row when it is sent again: 24 bytes. In memory they are six 32-bit words, so that a table of
 * thousands of them is one typed array; on disk they are the same bytes. Compared whole: a hash only says where to look.
 */
import { randomBytes } from "node:crypto";

/** Bytes of an identity. For a span: trace id (16) and span id (8). */
export const IDENTITY_BYTES = 24;
/** The same in words of an `Int32Array`. */
export const IDENTITY_WORDS = IDENTITY_BYTES / 4;

/** Senders choose their ids: without a secret they could choose many that fall on one place of the table. */
const SEED = randomBytes(4).readInt32LE();

/** One identity to be written as bytes and read as words. */
export class IdentityCell {
  readonly words = new Int32Array(IDENTITY_WORDS);
  readonly bytes = Buffer.from(this.words.buffer);
  readonly view = new DataView(this.words.buffer);

  /** Becomes zeros. */
  clear(): void {
    for (let index = 0; index < IDENTITY_WORDS; index += 1) this.words[index] = 0;
  }

  /** Takes over the identity that starts at byte `at`. */
  read(view: DataView, at: number): void {
    for (let byte = 0; byte < IDENTITY_BYTES; byte += 4) this.view.setInt32(byte, view.getInt32(at + byte, true), true);
  }

  /** Whether it is the identity that starts at word `at` of others. */
  isAt(others: Int32Array, at: number): boolean {
    const { words } = this;
    for (let index = 0; index < IDENTITY_WORDS; index += 1) if (others[at + index] !== words[index]) return false;
    return true;
  }
}

/** Where to look for the identity that starts at word `at`: 32 bits, signed (others are boxed), all of them well mixed. */
export function identityHash(words: Int32Array, at: number): number {
  let hash = SEED;
  for (let index = at; index < at + IDENTITY_WORDS; index += 1) {
    hash = Math.imul(hash ^ (words[index] ?? 0), 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  return hash | 0;
}
