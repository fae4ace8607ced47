/** Images are bounded by what OpenAI documents of the model that reads them, and by the whole context where it does not. */
import { describe, expect, it } from "vitest";
import { CallBounds } from "../../../../instrumentation/src/gate/call-bound.ts";
import { lowered } from "../../../../instrumentation/src/gate/downgrade.ts";
import { chatCompletions } from "../../../../instrumentation/src/openai/chat-completions.ts";
import { createPriceBook } from "../../../../instrumentation/src/pricing/index.ts";

const prices = createPriceBook();
const TEXT_MAX = 1_000;

function image(more: object = {}) {
  return { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(4_000_000)}`, ...more } };
}

function factsOf(model: string, ...parts: readonly object[]) {
  const content = [{ type: "text", text: "what is this?" }, ...parts];
  return chatCompletions.readRequest({ model, messages: [{ role: "user", content }], max_tokens: 10 });
}

function inputOf(facts: ReturnType<typeof factsOf>): number {
  const price = prices.find({ provider: "openai", model: facts.model, at: new Date("2026-11-21") });
  return new CallBounds(facts, price).inputTokens;
}

describe("the bound of images", () => {
  // https://platform.openai.com/docs/guides/images-vision#calculating-costs: the documented maximum of one image.
  it.each([
    ["gpt-4o", 1_445],
    ["gpt-4o-2024-08-06", 1_445],
    ["gpt-4o-mini", 48_169],
    ["gpt-4.1", 1_536],
    ["gpt-4.1-mini", 2_489],
    ["gpt-4.1-nano", 3_779],
    ["o4-mini", 2_642],
  ])("of %s is %i tokens each, whatever their bytes", (model, tokens) => {
    const input = inputOf(factsOf(model, image(), image({ detail: "high" })));
    expect(input).toBeGreaterThanOrEqual(2 * tokens);
    expect(input).toBeLessThan(2 * tokens + TEXT_MAX);
  });

  it("is that of the model that reads them, which a fallback changes", () => {
    const facts = lowered(factsOf("gpt-4o", image()), {
      model: "gpt-4o-mini",
      maxOutputTokens: undefined,
      reasoningEffort: undefined,
    });
    expect(inputOf(facts)).toBeGreaterThanOrEqual(48_169);
  });

  it.each([
    ["a model that nobody documents", factsOf("gpt-5.4", image())],
    ["a fine-tuned one", factsOf("ft:gpt-4o:me", image())],
    ["a detail that is newer", factsOf("gpt-4o", image({ detail: "original" }))],
    ["sound beside them", factsOf("gpt-4o", image(), { type: "input_audio", input_audio: {} })],
    ["no address", factsOf("gpt-4o", { type: "image_url", image_url: {} })],
  ])("is the whole context with %s", (_what, facts) => {
    expect(inputOf(facts)).toBeGreaterThanOrEqual(100_000);
  });
});
