import { createKeyedHash } from "@tollgate/instrumentation/redaction";
import { readHashKey } from "./data-directory.ts";
import type { Setup } from "./setup.ts";

/** What `redact` stores in the place of a text; `undefined` before the first start of a processor, when there is no key yet. */
export function hashForSearch({ config, data }: Pick<Setup, "config" | "data">, text: string): string | undefined {
  const key = config.processors.redact.hash_key?.reveal() ?? readHashKey(data);
  return key === undefined ? undefined : createKeyedHash(key)(text);
}
