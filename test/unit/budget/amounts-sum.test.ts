import fc from "fast-check";
import { expect, it } from "vitest";
import { addAmounts, type Amounts, AmountsSum, NO_AMOUNTS } from "../../../src/budget/amounts.ts";

const count = fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }));
const plain = fc.record({ nanoUsd: count, tokens: count, calls: count });
const kinds = fc.record({
  inputTokens: count,
  outputTokens: count,
  cachedTokens: count,
  reasoningTokens: count,
  toolCalls: count,
  unpricedCalls: count,
  unpricedTokens: count,
});
const amounts: fc.Arbitrary<Amounts> = fc.oneof(
  plain,
  fc.tuple(plain, kinds).map(([base, told]) => ({ ...base, kinds: told })),
);

it("a sum in the making comes to what adding one after the other does, with and without kinds", () => {
  const isSame = fc.property(fc.array(amounts, { maxLength: 6 }), (all) => {
    const sum = new AmountsSum();
    for (const each of all) sum.add(each);
    expect(sum.amounts()).toEqual(all.reduce(addAmounts, NO_AMOUNTS));
  });
  fc.assert(isSame, { numRuns: 300 });
});

it("what a sum has come to stays as it is when more is added", () => {
  const sum = new AmountsSum();
  sum.add({ nanoUsd: 1n, tokens: 1n, calls: 1n });
  const before = sum.amounts();
  sum.add({ nanoUsd: 1n, tokens: 1n, calls: 1n });
  expect(before).toEqual({ nanoUsd: 1n, tokens: 1n, calls: 1n });
});
