import { createHash } from "node:crypto";

const LENGTH_MAX = 256;

/**
 * A text as the key of what is remembered under it: itself, or its digest when it is long. Senders choose how long their names
 * are, up to a whole request: a bound on how many are remembered is no bound on memory without this.
 */
export function shortKey(text: string): string {
  return text.length <= LENGTH_MAX ? text : `sha256:${createHash("sha256").update(text).digest("base64url")}`;
}
