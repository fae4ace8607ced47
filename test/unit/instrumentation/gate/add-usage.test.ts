/** What several attempts of one call used together: each is paid for. */
import { expect, it } from "vitest";
import { addUsage } from "../../../../instrumentation/src/gate/add-usage.ts";
import { NO_USAGE } from "../../../../instrumentation/src/gate/call-bound.ts";
import type { TokenUsage } from "../../../../instrumentation/src/pricing/price-book.ts";

const first: TokenUsage = {
  ...NO_USAGE,
  input: 1,
  cacheWrite1h: 2,
  audio: { input: 3, cacheRead: 0, output: 4 },
  hostedCalls: { webSearches: 5, fileSearches: 1, others: 0 },
};
const second: TokenUsage = {
  ...NO_USAGE,
  output: 6,
  cacheRead: 7,
  cacheWrite: 8,
  reasoning: 9,
  image: { input: 10, cacheRead: 11, output: 12 },
  hostedCalls: { webSearches: 13, fileSearches: 2, others: 14 },
  pieces: 3,
};

it("adds up all that was used, whichever attempt used it", () => {
  const both = {
    input: 1,
    output: 6,
    cacheRead: 7,
    cacheWrite: 8,
    cacheWrite1h: 2,
    reasoning: 9,
    audio: { input: 3, cacheRead: 0, output: 4 },
    image: { input: 10, cacheRead: 11, output: 12 },
    hostedCalls: { webSearches: 18, fileSearches: 3, others: 14 },
    // One that does not say how many it made has made one.
    pieces: 4,
  };
  expect(addUsage(first, second)).toMatchObject(both);
  expect(addUsage(second, first)).toMatchObject(both);
  expect(addUsage(NO_USAGE, second)).toEqual(second);
});
