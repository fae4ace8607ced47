import fc from "fast-check";
import { expect, test } from "vitest";

import { isProviderError, type SimulatedCall } from "../../../src/demo/provider/dialect.ts";
import { generate } from "../../../src/demo/provider/generate.ts";
import { openaiChat } from "../../../src/demo/provider/openai-chat.ts";
import { PromptCache } from "../../../src/demo/provider/prompt-cache.ts";
import { countPromptTokens } from "../../../src/demo/provider/tokens.ts";

const LIMITS = { min: 20, max: 120 };

function callOf(body: Record<string, unknown>): SimulatedCall {
  const call = openaiChat.parse({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], ...body });
  if (isProviderError(call)) throw new Error(call.message);
  return call;
}

function outputTokens(call: SimulatedCall, seed = 1): number {
  return generate(call, { seed, outputTokens: LIMITS, cache: new PromptCache(), nowUnixMs: 0 }).billed.output;
}

test("an answer never has more tokens than its bound, over any prompt, bound, seed and number of choices", () => {
  const prompt = fc.string({ unit: "grapheme", maxLength: 200 });
  fc.assert(
    fc.property(
      prompt,
      fc.integer({ min: 1, max: 200 }),
      fc.nat(),
      fc.integer({ min: 1, max: 12 }),
      (content, bound, seed, n) => {
        const call = callOf({ messages: [{ role: "user", content }], max_completion_tokens: bound, n });
        expect(outputTokens(call, seed)).toBeLessThanOrEqual(bound * n);
        const natural = outputTokens(callOf({ messages: [{ role: "user", content }], n }), seed);
        expect(natural).toBeGreaterThanOrEqual(LIMITS.min * n);
        expect(natural).toBeLessThanOrEqual(LIMITS.max * n);
      },
    ),
  );
});

test("the same seed and prompt give the same answer, and another seed another one", () => {
  const call = callOf({});
  expect(outputTokens(call, 7)).toBe(outputTokens(call, 7));
  const lengths = new Set(Array.from({ length: 20 }, (_, seed) => outputTokens(call, seed)));
  expect(lengths.size).toBeGreaterThan(5);
});

test("a prompt never counts more tokens than its JSON has bytes", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 5 }), (texts) => {
      const body = { model: "gpt-4o-mini", messages: texts.map((content) => ({ role: "user", content })) };
      expect(countPromptTokens(callOf(body).prompt)).toBeLessThanOrEqual(Buffer.byteLength(JSON.stringify(body)));
    }),
  );
});
