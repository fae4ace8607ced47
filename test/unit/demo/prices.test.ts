import { createPriceBook } from "@tollgate/instrumentation/pricing";
import fc from "fast-check";
import { expect, test } from "vitest";

import { billNanoUsd, findModel } from "../../../src/demo/provider/prices.ts";

const NO_TOKENS = { input: 0, media: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0 };

test.each([
  ["openai", "gpt-4o-mini"],
  ["openai", "gpt-4o-2024-08-06"],
  ["anthropic", "claude-haiku-4-5"],
  ["anthropic", "claude-opus-4-5-20251101"],
] as const)("the simulator bills %s %s as the price book does, over any usage", (provider, name) => {
  const model = findModel(provider, name);
  const price = createPriceBook().find({ provider, model: name, at: new Date() });
  if (model === undefined || price === undefined) throw new Error(`${name} is served and has a price`);
  const count = fc.nat({ max: 100_000 });
  const tokens = fc.record({
    input: count,
    media: fc.constant(0),
    cacheRead: count,
    cacheWrite5m: count,
    cacheWrite1h: count,
    output: count,
  });
  fc.assert(
    fc.property(tokens, (billed) => {
      const usage = {
        input: billed.input + billed.cacheRead + billed.cacheWrite5m + billed.cacheWrite1h,
        output: billed.output,
        cacheRead: billed.cacheRead,
        cacheWrite: billed.cacheWrite5m + billed.cacheWrite1h,
        cacheWrite1h: billed.cacheWrite1h,
        reasoning: 0,
      };
      expect(billNanoUsd(model, billed)).toBe(price.cost(usage));
    }),
  );
});

test("a bill is rounded half up once, over all kinds of tokens", () => {
  const model = findModel("openai", "gpt-4o-mini");
  if (model === undefined) throw new Error("gpt-4o-mini is served");
  const half = { ...model, nanoUsdPerMillion: { ...model.nanoUsdPerMillion, input: 250_000n, output: 250_000n } };
  expect(billNanoUsd(half, { ...NO_TOKENS, input: 1, output: 1 })).toBe(1n);
  expect(billNanoUsd(half, { ...NO_TOKENS, input: 1 })).toBe(0n);
});

test("a bill grows with each token and never has a fraction", () => {
  const model = findModel("anthropic", "claude-haiku-4-5");
  if (model === undefined) throw new Error("claude-haiku-4-5 is served");
  const count = fc.nat({ max: 1_000_000 });
  fc.assert(
    fc.property(count, count, count, (input, cacheRead, output) => {
      const bill = billNanoUsd(model, { ...NO_TOKENS, input, cacheRead, output });
      expect(bill).toBe(BigInt(input) * 1000n + BigInt(cacheRead) * 100n + BigInt(output) * 5000n);
    }),
  );
});

test("a model of one provider is not served by the other", () => {
  expect(findModel("anthropic", "gpt-4o-mini")).toBeUndefined();
  expect(findModel("openai", "no-such-model")).toBeUndefined();
});
