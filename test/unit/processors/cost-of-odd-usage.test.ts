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
const CACHE_READ = "gen_ai.usage.cache_read.input_tokens";
const CACHE_WRITE = "gen_ai.usage.cache_write.input_tokens";
const REASONING = "gen_ai.usage.reasoning.output_tokens";
const METADATA = "ai.response.providerMetadata";
const TIER = "openai.response.service_tier";
const ASKED_TIER = "openai.request.service_tier";
const SAID = { ...CHAT, [INPUT]: 100n, [OUTPUT]: 20n };
const CLAUDE = {
  ...CHAT,
  "gen_ai.provider.name": "anthropic",
  "gen_ai.request.model": "claude-haiku-4-5",
  [OUTPUT]: 20n,
};
const WRITTEN = {
  ...CLAUDE,
  [INPUT]: 2_000n,
  [CACHE_WRITE]: 1_000n,
  "ai.usage.inputTokenDetails.noCacheTokens": 1_000n,
};
const GEMINI = {
  ...CHAT,
  "gen_ai.provider.name": "gcp.gemini",
  "gen_ai.request.model": "gemini-2.5-flash",
  [INPUT]: 100n,
  [OUTPUT]: 20n,
};
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

  it.each<[string, Attributes, bigint, string]>([
    // 2,000 and 1,000 of the cache, at 1.00 and 0.10, and 20 at 5.00 USD per million.
    ["what was cached", { ...CLAUDE, [INPUT]: 2_000n, [CACHE_READ]: 1_000n, [TOTAL]: 3_020n }, 2_200_000n, "exact"],
    // 20 and 15 at 2.50.
    ["what was thought", { ...GEMINI, [REASONING]: 15n, [TOTAL]: 135n }, 117_500n, "exact"],
    ["both", { ...GEMINI, [CACHE_READ]: 50n, [REASONING]: 15n, [TOTAL]: 185n }, 119_000n, "exact"],
    ["nobody says what, at the dearer price", { ...GEMINI, [TOTAL]: 150n }, 155_000n, "estimated"],
    ["more than the parts", { ...GEMINI, [REASONING]: 15n, [TOTAL]: 150n }, 155_000n, "estimated"],
  ])("by a total that holds beside input and output: %s", (_what, attributes, costNanoUsd, costStatus) => {
    expect(costed(attributes)).toMatchObject({ costNanoUsd, costStatus });
  });

  it.each<[string, Attributes, bigint, string]>([
    ["flex, as LangSmith says", { ...SAID, "gen_ai.response.service_tier": "flex" }, FULL / 2n, "exact"],
    ["flex, of the AI SDK", { ...SAID, [METADATA]: '{"openai":{"serviceTier":"flex"}}' }, FULL / 2n, "exact"],
    ["priority, of the AI SDK", { ...SAID, [METADATA]: '{"openai":{"serviceTier":"priority"}}' }, 0n, "unpriced"],
    ["flex that was asked for", { ...SAID, "openai.request.service_tier": "flex" }, FULL, "estimated"],
    ["priority that was asked for", { ...SAID, "gen_ai.openai.request.service_tier": "priority" }, 0n, "unpriced"],
    ["priority that was not had", { ...SAID, [ASKED_TIER]: "priority", [TIER]: "default" }, FULL, "exact"],
    ["the usual one, asked for", { ...SAID, [ASKED_TIER]: "auto" }, FULL, "exact"],
    ["one that nobody knows, asked for", { ...SAID, [ASKED_TIER]: "turbo" }, FULL, "estimated"],
  ])("of a tier: %s", (_tier, attributes, costNanoUsd, costStatus) => {
    expect(costed(attributes)).toMatchObject({ costNanoUsd, costStatus });
  });

  it.each<[string, Attributes, bigint]>([
    // 1,000 at 1.00, 1,000 written at 2.00 for an hour, 20 at 5.00 USD per million.
    [
      "an hour, of the AI SDK",
      { ...WRITTEN, [METADATA]: '{"anthropic":{"usage":{"cache_creation":{"ephemeral_1h_input_tokens":1000}}}}' },
      3_100_000n,
    ],
    [
      "an hour, of the AI SDK 4",
      {
        ...CLAUDE,
        [INPUT]: 1_000n,
        [METADATA]:
          '{"anthropic":{"cacheCreationInputTokens":1000,"usage":{"cache_creation":{"ephemeral_1h_input_tokens":1000}}}}',
      },
      3_100_000n,
    ],
    [
      "minutes, of LangChain by LangSmith",
      {
        ...CLAUDE,
        [INPUT]: 2_000n,
        "langsmith.span.kind": "llm",
        "gen_ai.usage.input_token_details":
          '{"cache_read":0,"cache_creation":0,"ephemeral_5m_input_tokens":1000,"ephemeral_1h_input_tokens":0}',
      },
      2_350_000n,
    ],
    [
      "both, of LangChain by LangSmith",
      {
        ...CLAUDE,
        [INPUT]: 2_000n,
        "langsmith.span.kind": "llm",
        "gen_ai.usage.input_token_details":
          '{"cache_creation":0,"ephemeral_5m_input_tokens":400,"ephemeral_1h_input_tokens":600}',
      },
      2_800_000n,
    ],
    [
      "an hour, of LangChain by Langfuse",
      {
        ...CLAUDE,
        "langfuse.observation.usage_details":
          '{"input":1000,"output":20,"total":2020,"input_cache_creation":0,"input_ephemeral_5m_input_tokens":0,"input_ephemeral_1h_input_tokens":1000}',
        [OUTPUT]: 20n,
      },
      3_100_000n,
    ],
  ])("with a cache that was written for %s", (_how, attributes, costNanoUsd) => {
    expect(costed(attributes)).toMatchObject({ costNanoUsd, costStatus: "exact" });
  });

  it.each<[string, Attributes, bigint, string]>([
    // 100 at 0.15, 20 at 0.60 USD per million, and a search at 10 USD per thousand.
    ["gpt-4o-mini-search-preview", {}, 10_027_000n, "exact"],
    ["gpt-4o-mini-search-preview", { "tollgate.usage.web_searches": 2n }, 20_027_000n, "exact"],
    ["gpt-4o-search-preview", {}, FULL, "estimated"],
    // 2.00 and 8.00, and nobody knows how many searches.
    ["o4-mini-deep-research", {}, 360_000n, "estimated"],
  ])("of a model that searches whoever asks for it: %s", (model, more, costNanoUsd, costStatus) => {
    expect(costed({ ...SAID, "gen_ai.request.model": model, ...more })).toMatchObject({ costNanoUsd, costStatus });
  });

  it("counts the searches that Anthropic made, in the AI SDK's metadata", () => {
    const metadata = '{"anthropic":{"usage":{"server_tool_use":{"web_search_requests":2}}}}';
    const facts = costed({ ...CLAUDE, [INPUT]: 1_000n, [METADATA]: metadata });
    expect(facts).toMatchObject({ costNanoUsd: 21_100_000n, costStatus: "exact" });
  });

  it.each<[string, Attributes, string]>([
    ["could have been cached", { ...CLAUDE, [INPUT]: 1_100n, [CACHE_READ]: 0n }, "estimated"],
    ["is too short to be cached", { ...CLAUDE, [INPUT]: 1_100n, [CACHE_READ]: 80n }, "exact"],
    ["says what it wrote", { ...CLAUDE, [INPUT]: 1_100n, [CACHE_WRITE]: 1_050n }, "exact"],
    ["is no Claude's", { ...CHAT, [INPUT]: 1_100n, [OUTPUT]: 20n }, "exact"],
  ])("of OpenLLMetry's LangChain, which hides what was written: a prompt that %s", (_what, attributes, costStatus) => {
    const span = makeSpan(1, { attributes, scope: "opentelemetry.instrumentation.langchain" });
    normalise(span);
    applyCost(span, prices);
    expect(span.facts).toMatchObject({ costStatus });
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
