import { expect, test } from "vitest";

import { parseFaults } from "../../../src/demo/provider/faults.ts";

test("several faults are read from one header", () => {
  const faults = parseFaults("rate_limit_once=2, cut=3, latency=50");
  expect(faults.refusal).toMatchObject({ status: 429, retryAfterS: 2 });
  expect(faults).toMatchObject({ isOnce: true, cutAfterPieces: 3, latencyMs: 50 });
});

test.each(["no_such_fault", "cut=x", "latency=-1", ""])("a fault that does not exist is refused: %j", (text) => {
  expect(() => parseFaults(text)).toThrow(RangeError);
});
