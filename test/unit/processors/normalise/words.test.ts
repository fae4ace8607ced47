/** What no recorded span shows: older words of the dialects, numbers that are none, and spans that speak several at once. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AttributeValue } from "../../../../src/pdata/span.ts";
import { dialectsOf } from "../../../../src/processors/normalise/dialects.ts";
import { normalise } from "../../../../src/processors/normalise/normalise.ts";
import { makeSpan } from "../../../fixtures/otlp/make-span.ts";

const conventions = JSON.parse(
  readFileSync(new URL("../../../fixtures/genai-conventions.json", import.meta.url), "utf8"),
) as { readonly providers: readonly string[] };

function factsOf(attributes: Readonly<Record<string, AttributeValue>>, scope = "test") {
  const span = makeSpan(1, { attributes, scope });
  normalise(span);
  return { ...span.facts, attributes: span.attributes };
}

describe("older words", () => {
  it.each<[string, Readonly<Record<string, AttributeValue>>]>([
    [
      "OpenLLMetry",
      {
        "llm.request.type": "chat",
        "llm.vendor": "openai",
        "llm.request.model": "gpt-4o",
        "llm.response.model": "gpt-4o-2024-08-06",
        "llm.usage.prompt_tokens": 100n,
        "llm.usage.completion_tokens": 20n,
        "llm.usage.cache_read_input_tokens": 60n,
      },
    ],
    [
      "the AI SDK 4",
      {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.model.provider": "openai.chat",
        "ai.model.id": "gpt-4o",
        "ai.response.model": "gpt-4o-2024-08-06",
        "ai.usage.promptTokens": 100n,
        "ai.usage.completionTokens": 20n,
        "ai.usage.cachedInputTokens": 60n,
      },
    ],
    [
      "the drafts of the conventions",
      {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.prompt_tokens": "100",
        "gen_ai.usage.completion_tokens": 20,
        "gen_ai.usage.cache_read_input_tokens": 60n,
      },
    ],
  ])("of %s are understood", (_who, attributes) => {
    expect(factsOf(attributes)).toMatchObject({
      operation: "chat",
      provider: "openai",
      requestModel: "gpt-4o",
      model: "gpt-4o-2024-08-06",
      inputTokens: 100,
      outputTokens: 20,
      cacheReadTokens: 60,
    });
  });
});

describe("usage", () => {
  const CALL = { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic" };

  it("takes caches that are larger than the input for counted beside it, and reasoning likewise", () => {
    const usage = {
      "gen_ai.usage.input_tokens": 10n,
      "gen_ai.usage.cache_read.input_tokens": 1_000n,
      "gen_ai.usage.cache_write.input_tokens": 200n,
      "gen_ai.usage.output_tokens": 5n,
      "gen_ai.usage.reasoning.output_tokens": 7n,
    };
    expect(factsOf({ ...CALL, ...usage })).toMatchObject({ inputTokens: 1_210, outputTokens: 12 });
  });

  it("adds small caches too for an instrumentation that is known to leave them out, and for no other", () => {
    const usage = { "gen_ai.usage.input_tokens": 500n, "gen_ai.usage.cache_read.input_tokens": 100n };
    expect(factsOf({ ...CALL, ...usage }, "@traceloop/instrumentation-anthropic").inputTokens).toBe(600);
    expect(factsOf({ ...CALL, ...usage }, "com.anthropic.sdk.typescript").inputTokens).toBe(500);
  });

  it.each<[string, string, number, number, number]>([
    ["Anthropic, AI SDK 4", '{"anthropic":{"cacheCreationInputTokens":200,"cacheReadInputTokens":100}}', 800, 100, 200],
    [
      "Anthropic, AI SDK 5",
      '{"anthropic":{"usage":{"cache_read_input_tokens":100},"cacheCreationInputTokens":200}}',
      800,
      100,
      200,
    ],
    [
      "Anthropic on Bedrock",
      '{"bedrock":{"usage":{"cacheReadInputTokens":100,"cacheWriteInputTokens":200}}}',
      800,
      100,
      200,
    ],
    ["OpenAI, whose input includes them", '{"openai":{"reasoningTokens":3,"cachedPromptTokens":100}}', 500, 100, 0],
    ["nobody", "{}", 500, 0, 0],
    ["what is no metadata", '{"anthropic":[1],"bedrock":{"usage":"much"},"openai":null}', 500, 0, 0],
  ])("reads what was cached in the words of the provider: %s", (_who, metadata, inputTokens, read, write) => {
    const call = { "ai.operationId": "ai.generateText.doGenerate", "gen_ai.usage.input_tokens": 500n };
    const facts = factsOf({ ...call, "ai.response.providerMetadata": metadata });
    expect(facts).toMatchObject({ inputTokens, cacheReadTokens: read, cacheWriteTokens: write });
    // Version 6 tells of caches by itself, and its input includes them.
    const six = { "ai.usage.inputTokenDetails.noCacheTokens": 500n, "ai.usage.inputTokenDetails.cacheReadTokens": 0n };
    expect(factsOf({ ...call, ...six, "ai.response.providerMetadata": metadata })).toMatchObject({ inputTokens: 500 });
  });

  it.each([
    ['{"input":1333,"output":87,"input_cached_tokens":1280,"total":1420}', 1333, 87, 1280],
    ['{"input":53,"output":87,"input_cached_tokens":1280,"total":1420}', 1333, 87, 1280],
    ['{"input":10,"output":87,"cache_read_input_tokens":1280}', 1290, 87, 1280],
    ['{"prompt_tokens":1333,"completion_tokens":87,"total_tokens":1420}', 1333, 87, 0],
  ])("of Langfuse %s adds up", (details, inputTokens, outputTokens, cacheReadTokens) => {
    const attributes = { "langfuse.observation.type": "generation", "langfuse.observation.usage_details": details };
    expect(factsOf(attributes)).toMatchObject({ inputTokens, outputTokens, cacheReadTokens });
  });

  it.each(["", "null", "[]", "{", '{"input":-1,"output":-5}', '{"input":"5abc","output":null}', '{"input":1e300}'])(
    "of Langfuse %s is none",
    (details) => {
      const attributes = { "langfuse.observation.type": "generation", "langfuse.observation.usage_details": details };
      expect(factsOf(attributes)).toMatchObject({ hasUsage: false, inputTokens: 0, outputTokens: 0 });
    },
  );
});

describe("a span that speaks several dialects", () => {
  it("is one call, and whoever made it is believed before whoever passed it on", () => {
    const facts = factsOf({
      "langfuse.observation.type": "span",
      "langfuse.user.id": "user-9",
      "openinference.span.kind": "CHAIN",
      "llm.token_count.prompt": 199n,
      "ai.operationId": "ai.generateText.doGenerate",
      "ai.model.id": "gpt-4o",
      "ai.usage.inputTokens": 82n,
    });
    expect(facts).toMatchObject({ operation: "chat", requestModel: "gpt-4o", inputTokens: 82, user: "user-9" });
  });

  it("is told by the beginnings of its keys", () => {
    const spoken = (keys: readonly string[]) =>
      dialectsOf(new Map(keys.map((key) => [key, ""]))).map(({ name }) => name);
    expect(spoken(["gen_ai.system", "http.route", "airline", "", "é"])).toEqual([]);
    expect(spoken(["langfuse.version", "ai.model.id"])).toEqual(["Vercel AI SDK", "Langfuse"]);
  });
});

describe("ADK before 2.0", () => {
  const call = (attributes: Readonly<Record<string, AttributeValue>>) => {
    const told = {
      "gcp.vertex.agent.event_id": "e",
      "gen_ai.usage.input_tokens": 10n,
      "gen_ai.usage.output_tokens": 5n,
    };
    const span = makeSpan(1, { name: "call_llm", scope: "gcp.vertex.agent", attributes: { ...told, ...attributes } });
    normalise(span);
    return span.facts;
  };
  const answer = (usage: unknown): string =>
    JSON.stringify({ content: { text: '"usage_metadata":{' }, usage_metadata: usage });

  it("counts what Gemini thought beside the output, and what others thought within it", () => {
    const response = answer({ cached_content_token_count: 4, candidates_token_count: 5, thoughts_token_count: 3 });
    const told = { "gcp.vertex.agent.llm_response": response };
    const parts = { reasoningTokens: 3, cacheReadTokens: 4, isUsagePartial: false };
    expect(call({ ...told, "gen_ai.request.model": "gemini-2.5-flash" })).toMatchObject({ ...parts, outputTokens: 8 });
    expect(call({ ...told, "gen_ai.request.model": "openai/gpt-4o" })).toMatchObject({ ...parts, outputTokens: 5 });
  });

  it("is known to leave parts out where its answers are not kept", () => {
    const silent = { "gcp.vertex.agent.llm_response": "{}", "gen_ai.request.model": "gemini-2.5-flash" };
    expect(call(silent)).toMatchObject({ outputTokens: 5, isUsagePartial: true });
    const thought = { ...silent, "gen_ai.usage.experimental.reasoning_tokens": 3n };
    expect(call(thought)).toMatchObject({ outputTokens: 8, isUsagePartial: true });
  });
});

describe("what a sender says of cost and provider", () => {
  it("is kept as reported, if it is an amount", () => {
    const reported = (cost: AttributeValue) =>
      factsOf({ "gen_ai.usage.cost": cost }).attributes.get("tollgate.cost.reported_usd");
    expect(reported(0.0038925)).toBe("0.003892500");
    expect(reported("0.5")).toBe("0.500000000");
    expect(reported(2n)).toBe("2.000000000");
    for (const none of [-1, Number.NaN, Number.POSITIVE_INFINITY, "5abc", 2_000_000, true, null]) {
      expect(reported(none)).toBeUndefined();
    }
  });

  it("is named as the conventions write it, in whatever case it comes", () => {
    for (const provider of conventions.providers) {
      const said = provider.toUpperCase();
      const facts = factsOf({ "gen_ai.operation.name": "chat", "gen_ai.system": said });
      expect([facts.provider, facts.attributes.get("gen_ai.provider.name")]).toEqual([provider, provider]);
    }
    expect(factsOf({ "gen_ai.operation.name": "chat", "gen_ai.system": "Our LLM" }).provider).toBe("Our LLM");
  });

  it.each([
    ["strands-agents", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "aws.bedrock"],
    ["strands-agents", "gpt-4o", "openai"],
    ["Langchain", "gemini-2.5-flash", "gcp.gemini"],
    ["crewai", "our-llm", ""],
  ])("is not %s, which is a framework: %s is of %s", (framework, model, provider) => {
    const facts = factsOf({
      "gen_ai.operation.name": "chat",
      "gen_ai.system": framework,
      "gen_ai.request.model": model,
    });
    expect(facts.provider).toBe(provider);
    expect(facts.attributes.get("tollgate.provider.inferred")).toBe(provider === "" ? undefined : true);
    // The record stays what was sent.
    expect(facts.attributes.get("gen_ai.provider.name")).toBe(framework);
  });

  it("is concluded from the model's name only where no provider is named, and then said so", () => {
    const named = { "langfuse.observation.type": "generation", "langfuse.observation.model.name": "claude-haiku-4-5" };
    const facts = factsOf(named);
    expect(facts.provider).toBe("anthropic");
    expect(facts.attributes.get("tollgate.provider.inferred")).toBe(true);
    expect(facts.attributes.has("gen_ai.provider.name")).toBe(false);
    expect(factsOf({ ...named, "langfuse.observation.model.name": "our-llm" }).provider).toBe("");
    expect(factsOf({ ...named, "gen_ai.provider.name": "aws.bedrock" }).provider).toBe("aws.bedrock");
  });
});
