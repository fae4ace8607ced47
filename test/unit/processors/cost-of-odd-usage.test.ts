/**
 * Goal: where tokens were spent, no cost reads as a certain zero. Each row is a call as some sender tells it badly: in
 * another spelling, in part, as text, as nothing but zeros, or with a price of the sender's own.
 */
import { createPriceBook } from "@tollgate/instrumentation/pricing";
import { describe, expect, it } from "vitest";
import { type AttributeValue, SpanKind } from "../../../src/pdata/span.ts";
import { sumSpend } from "../../../src/pipeline/spool/spend-sum.ts";
import { applyCost } from "../../../src/processors/cost/cost.ts";
import { spendOf } from "../../../src/processors/meter/meter.ts";
import { normalise } from "../../../src/processors/normalise/normalise.ts";
import { makeSpan } from "../../fixtures/otlp/make-span.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

const prices = createPriceBook();

function costed(attributes: Attributes, kind: number = SpanKind.client) {
  const span = { ...makeSpan(1, { attributes }), kind };
  normalise(span);
  applyCost(span, prices);
  span.facts.spend = spendOf(span);
  return { ...span.facts, metered: sumSpend([span])[0] };
}

const WHO = { "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o" };
const CHAT = { ...WHO, "gen_ai.operation.name": "chat" };
const INPUT = "gen_ai.usage.input_tokens";
const OUTPUT = "gen_ai.usage.output_tokens";
const TOTAL = "gen_ai.usage.total_tokens";
/** Nano-dollars of 100 tokens of input and 20 of output, at 2.50 and 10.00 USD per million. */
const FULL = 450_000n;
const INPUT_ONLY = 250_000n;

describe("a call that is told badly", () => {
  it.each<[string, Attributes, bigint]>([
    ["text", { ...CHAT, [INPUT]: "100", [OUTPUT]: "20" }, FULL],
    ["text with decimals", { ...CHAT, [INPUT]: "100.0", [OUTPUT]: "20.00" }, FULL],
    ["doubles", { ...CHAT, [INPUT]: 100, [OUTPUT]: 20 }, FULL],
    ["a total and one part", { ...CHAT, [INPUT]: 100n, [TOTAL]: 120n }, FULL],
    ["a total beside a zero", { ...CHAT, [INPUT]: 0n, [OUTPUT]: 20n, [TOTAL]: 120n }, FULL],
    ["the AI SDK's total", { ...CHAT, [INPUT]: 100n, "ai.usage.totalTokens": 120n }, FULL],
    ["a shouted operation", { ...CHAT, "gen_ai.operation.name": "CHAT", [INPUT]: 100n, [OUTPUT]: 20n }, FULL],
    [
      "Semantic Kernel's first names",
      {
        "gen_ai.operation.name": "chat.completions",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.prompt_tokens": 100n,
        "gen_ai.response.completion_tokens": 20n,
      },
      FULL,
    ],
    ["no operation at all", { ...WHO, [INPUT]: 100n, [OUTPUT]: 20n }, FULL],
    [
      "OpenInference without a kind",
      {
        "llm.provider": "openai",
        "llm.model_name": "gpt-4o",
        "llm.token_count.prompt": 100n,
        "llm.token_count.completion": 20n,
      },
      FULL,
    ],
    [
      "a name by LiteLLM",
      {
        ...CHAT,
        "gen_ai.provider.name": "azure",
        "gen_ai.request.model": "azure/gpt-4o",
        [INPUT]: 100n,
        [OUTPUT]: 20n,
      },
      FULL,
    ],
  ])("in %s is priced exactly", (_how, attributes, nanoUsd) => {
    expect(costed(attributes)).toMatchObject({ costNanoUsd: nanoUsd, costStatus: "exact" });
  });

  it.each<[string, Attributes, bigint]>([
    ["without its output", { ...CHAT, [INPUT]: 100n }, INPUT_ONLY],
    ["with an output of zero", { ...CHAT, [INPUT]: 100n, [OUTPUT]: 0n }, INPUT_ONLY],
    ["with an output that is no count", { ...CHAT, [INPUT]: 100n, [OUTPUT]: -20 }, INPUT_ONLY],
    ["with half a token", { ...CHAT, [INPUT]: 100n, [OUTPUT]: 20.5 }, INPUT_ONLY],
    ["without its input", { ...CHAT, [OUTPUT]: 20n }, 200_000n],
    // All of it at the dearer price.
    ["by a total alone", { ...CHAT, "llm.usage.total_tokens": 120n }, 1_200_000n],
    [
      "without a provider",
      { "gen_ai.operation.name": "chat", "gen_ai.request.model": "openai/gpt-4o", [INPUT]: 100n, [OUTPUT]: 20n },
      FULL,
    ],
    ["by its price alone", { ...CHAT, "gen_ai.usage.total_cost": 0.00045 }, FULL],
    ["by LiteLLM's price alone", { ...CHAT, [INPUT]: 0n, [OUTPUT]: 0n, "gen_ai.cost.total_cost": "4.5e-4" }, FULL],
    ["by Pydantic AI's price alone", { ...CHAT, "operation.cost": 0.00045 }, FULL],
    [
      "by the prices of Langfuse's kinds",
      { ...CHAT, "langfuse.observation.cost_details": '{"input":0.00025,"output":0.0002}' },
      FULL,
    ],
    [
      "for a model without a price",
      { ...CHAT, "gen_ai.request.model": "ours", [INPUT]: 100n, [OUTPUT]: 20n, "gen_ai.usage.cost": 0.00045 },
      FULL,
    ],
  ])("%s is an estimate, above zero", (_how, attributes, nanoUsd) => {
    expect(costed(attributes)).toMatchObject({ costNanoUsd: nanoUsd, costStatus: "estimated" });
  });

  it.each<[string, Attributes, string]>([
    ["nothing", CHAT, "missing"],
    ["zeros", { ...CHAT, [INPUT]: 0n, [OUTPUT]: 0n }, "missing"],
    ["zeros and a price of zero", { ...CHAT, [INPUT]: "0", [OUTPUT]: 0, "gen_ai.usage.cost": 0 }, "missing"],
    ["numbers that are none", { ...CHAT, [INPUT]: -100n, [OUTPUT]: "20abc", [TOTAL]: Number.NaN }, "missing"],
    ["tokens of a model that nobody knows", { ...CHAT, "gen_ai.request.model": "ours", [INPUT]: 100n }, "unpriced"],
    ["tokens of no model", { "gen_ai.operation.name": "chat", [INPUT]: 100n, [OUTPUT]: 20n }, "unpriced"],
  ])("by %s has no cost, and says so", (_how, attributes, costStatus) => {
    const facts = costed(attributes);
    expect(facts).toMatchObject({ costNanoUsd: 0n, costStatus });
    expect(facts.metered?.amounts).toMatchObject({ calls: 1n, kinds: { unpricedCalls: 1n } });
  });

  it("needs no output where the operation has none", () => {
    const embedding = {
      ...WHO,
      "gen_ai.operation.name": "embeddings",
      "gen_ai.request.model": "text-embedding-3-small",
    };
    for (const usage of [{ [INPUT]: 1_000n }, { [TOTAL]: 1_000n }, { [INPUT]: 1_000n, [TOTAL]: 1_000n }]) {
      expect(costed({ ...embedding, ...usage })).toMatchObject({ costNanoUsd: 20_000n, costStatus: "exact" });
    }
  });

  it("is not made of a framework's own span, which carries the sum of calls", () => {
    const facts = costed({ ...WHO, [INPUT]: 100n, [OUTPUT]: 20n }, SpanKind.internal);
    expect(facts).toMatchObject({ operation: "", costNanoUsd: 0n, costStatus: "", metered: undefined });
  });
});
