import { calcPrice } from "@pydantic/genai-prices";
import fc from "fast-check";
import { expect, test } from "vitest";

import { billNanoUsd, findModel } from "../../../src/demo/provider/prices.ts";

const NO_TOKENS = { input: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0 };

test.each([
  ["openai", "gpt-4o-mini"],
  ["openai", "gpt-4o-2024-08-06"],
  ["anthropic", "claude-haiku-4-5"],
  ["anthropic", "claude-opus-4-5-20251101"],
] as const)("the simulator charges what the public price list says for %s %s", (provider, name) => {
  const model = findModel(provider, name);
  const listed = calcPrice({ input_tokens: 1, output_tokens: 1 }, name, { providerId: provider })?.model_price;
  const nano = (usdPerMillion: unknown): bigint => BigInt(Math.round(Number(usdPerMillion) * 1e9));
  expect(model?.nanoUsdPerMillion.input).toBe(nano(listed?.input_mtok));
  expect(model?.nanoUsdPerMillion.output).toBe(nano(listed?.output_mtok));
  expect(model?.nanoUsdPerMillion.cacheRead).toBe(nano(listed?.cache_read_mtok));
  expect(model?.nanoUsdPerMillion.cacheWrite5m).toBe(nano(listed?.cache_write_mtok ?? listed?.input_mtok));
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
