import { randomFillSync } from "node:crypto";
import type { IdGenerator } from "@opentelemetry/sdk-trace";

const POOL_BYTES = 8_192;
const pool = Buffer.alloc(POOL_BYTES);
let at = POOL_BYTES;

/** Random ids, drawn from the system in portions: each draw costs more than all else about an id. */
export const pooledIds: IdGenerator = {
  generateTraceId: () => hex(16),
  generateSpanId: () => hex(8),
};

function hex(bytes: number): string {
  if (at + bytes > POOL_BYTES) {
    randomFillSync(pool);
    at = 0;
  }
  at += bytes;
  return pool.toString("hex", at - bytes, at);
}
