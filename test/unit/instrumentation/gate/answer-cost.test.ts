import { expect, it } from "vitest";
import { noLessThanTold, priceOfRequest } from "../../../../instrumentation/src/gate/answer-cost.ts";
import { NO_USAGE } from "../../../../instrumentation/src/gate/call-bound.ts";
import { nanoUsd } from "../../../../instrumentation/src/pricing/money.ts";
import { createPriceBook } from "../../../../instrumentation/src/pricing/index.ts";
import { generateContent } from "../../../../instrumentation/src/google/generate-content.ts";

it.each([
  ["nothing", undefined, { nanoUsd: 10n, status: "exact" }],
  ["the same", 10n, { nanoUsd: 10n, status: "exact" }],
  ["less: neither is certain", 4n, { nanoUsd: 10n, status: "estimated" }],
  ["more, which no count shows", 25n, { nanoUsd: 25n, status: "estimated", isTold: true }],
])("costs no less than the provider says, which says %s", (_what, told, expected) => {
  const cost = { nanoUsd: 10n, status: "exact", usage: NO_USAGE } as const;
  expect(noLessThanTold(cost, told === undefined ? undefined : nanoUsd(told))).toEqual({
    ...expected,
    usage: NO_USAGE,
  });
});

it("knows the price of another maker's model that may stand in, where the API is not its maker's", () => {
  const book = createPriceBook();
  const endpoint = generateContent({ provider: "gcp.gemini", isStreamed: false, hasExtraBody: false });
  const bound = { inputTokens: 1_000, outputTokens: 1_000, cacheWrites: false };
  const worstOf = (otherModels: readonly string[]) => {
    const facts = { ...endpoint.readRequest({ model: "gemini-2.5-flash", contents: [] }), otherModels };
    return priceOfRequest(book, { endpoint, server: undefined }, facts)?.worstCase(bound);
  };
  const dear = book.find({ provider: "anthropic", model: "claude-opus-4-6", at: new Date() })?.worstCase(bound);
  expect(worstOf([])).toBeLessThan(dear ?? 0n);
  expect(worstOf(["anthropic/claude-opus-4-6"])).toBeGreaterThanOrEqual(dear ?? 2n ** 62n);
  expect(worstOf(["nobody/knows"])).toBeUndefined();
});
