/**
 * Fingerprints of identities under a secret, so that a table of millions need not hold the identities themselves. Senders choose
 * their ids; who does not know the secret finds no two of one fingerprint but by chance, 2^-128 for a pair. It is the tag of
 * Chaskey (ISO/IEC 29192-6 has it with 12 rounds) for a message of 24 bytes: 32-bit words added, turned and xored. With 8
 * rounds, as first published: what is known against 7 takes tags to look at, and these leave the process never.
 */
import { randomBytes } from "node:crypto";
import type { IdentityCell } from "../../pdata/identity.ts";

const WORDS = 4;
const ROUNDS = 8;
/** Stands behind a message that does not fill its last block. */
const PADDING = 1;
/** The key of such a block is the key times x², in the field of 2^128 with x^128 = x^7 + x^2 + x + 1. */
const REDUCTION = 0x87;

/** Makes fingerprints under one key. */
export class IdentityPrint {
  /** Of the identity that `read` was given last: 128 bits. */
  readonly words: Int32Array = new Int32Array(WORDS);
  readonly #key: Int32Array;
  readonly #lastKey: Int32Array;

  /** `key`: four words. @default random ones */
  constructor(key: Int32Array = new Int32Array(Uint8Array.from(randomBytes(WORDS * 4)).buffer)) {
    this.#key = key;
    this.#lastKey = timesX(timesX(key));
  }

  read({ words: message }: IdentityCell): void {
    const key = this.#key;
    const last = this.#lastKey;
    let a = (key[0] ?? 0) ^ (message[0] ?? 0);
    let b = (key[1] ?? 0) ^ (message[1] ?? 0);
    let c = (key[2] ?? 0) ^ (message[2] ?? 0);
    let d = (key[3] ?? 0) ^ (message[3] ?? 0);
    for (let round = 0; round < ROUNDS * 2; round += 1) {
      if (round === ROUNDS) {
        a ^= (message[4] ?? 0) ^ (last[0] ?? 0);
        b ^= (message[5] ?? 0) ^ (last[1] ?? 0);
        c ^= PADDING ^ (last[2] ?? 0);
        d ^= last[3] ?? 0;
      }
      a = (a + b) | 0;
      b = ((b << 5) | (b >>> 27)) ^ a;
      a = (a << 16) | (a >>> 16);
      c = (c + d) | 0;
      d = ((d << 8) | (d >>> 24)) ^ c;
      a = (a + d) | 0;
      d = ((d << 13) | (d >>> 19)) ^ a;
      c = (c + b) | 0;
      b = ((b << 7) | (b >>> 25)) ^ c;
      c = (c << 16) | (c >>> 16);
    }
    this.words[0] = a ^ (last[0] ?? 0);
    this.words[1] = b ^ (last[1] ?? 0);
    this.words[2] = c ^ (last[2] ?? 0);
    this.words[3] = d ^ (last[3] ?? 0);
  }
}

function timesX(words: Int32Array): Int32Array {
  const top = words[WORDS - 1] ?? 0;
  return words.map(
    (word, index) => (word << 1) ^ (index === 0 ? (top >> 31) & REDUCTION : (words[index - 1] ?? 0) >>> 31),
  );
}
