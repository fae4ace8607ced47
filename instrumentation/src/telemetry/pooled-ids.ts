import { randomFillSync } from "node:crypto";
import type { IdGenerator } from "@opentelemetry/sdk-trace";

const POOL_BYTES = 8_192;
const pool = Buffer.alloc(POOL_BYTES);
let digits = "";
let at = 0;

/** Random ids, drawn from the system and written down in portions: each time costs more than all else about an id. */
export const pooledIds: IdGenerator = {
  generateTraceId: () => hex(32),
  generateSpanId: () => hex(16),
};

/** So many hex digits. */
export function hex(length: number): string {
  if (at + length > digits.length) {
    digits = randomFillSync(pool).toString("hex");
    at = 0;
  }
  at += length;
  return digits.slice(at - length, at);
}
