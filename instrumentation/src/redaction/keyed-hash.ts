import { createHmac } from "node:crypto";

/** Turns a text into something that can be searched for by who holds the key, and guessed by nobody else. */
export type KeyedHash = (text: string) => string;

const PREFIX = "hmac:";
const HEX_LENGTH = 32;

/** `hmac:` and the first 128 bits of HMAC-SHA-256 in hex: equal texts give equal hashes, within one key. */
export function createKeyedHash(key: string): KeyedHash {
  return (text) => `${PREFIX}${createHmac("sha256", key).update(text).digest("hex").slice(0, HEX_LENGTH)}`;
}
