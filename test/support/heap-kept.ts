import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
/** Takes all garbage, now. */
export const collect = runInNewContext("gc") as () => void;

/** Bytes of the heap that are in use after `work` and were not before, garbage left out. What `work` returns lives on. */
export function heapKeptBy(work: () => unknown): number {
  collect();
  const before = process.memoryUsage().heapUsed;
  const kept = work();
  collect();
  const after = process.memoryUsage().heapUsed;
  // Named after the measurement: until here it must not be garbage.
  return kept === undefined ? Number.NaN : after - before;
}
