import { describe, expect, it } from "vitest";
import type { AttributeValue } from "../../../src/pdata/span.ts";
import { normalise } from "../../../src/processors/normalise/normalise.ts";
import { makeSpan } from "../../fixtures/otlp/make-span.ts";

function factsOf(
  attributes: Readonly<Record<string, AttributeValue>>,
  resource: Readonly<Record<string, AttributeValue>> = {},
) {
  const span = makeSpan(1, { attributes, resource });
  normalise(span);
  return { ...span.facts, attributes: span.attributes };
}

describe("normalise", () => {
  it("reads the current conventions", () => {
    expect(
      factsOf({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": 100n,
        "gen_ai.usage.output_tokens": 20n,
        "gen_ai.usage.cache_read.input_tokens": 60n,
        "gen_ai.usage.cache_write.input_tokens": 10n,
        "gen_ai.usage.reasoning.output_tokens": 5n,
        "gen_ai.conversation.id": "c1",
        "user.id": "u1",
      }),
    ).toMatchObject({
      operation: "chat",
      provider: "openai",
      requestModel: "gpt-4o",
      model: "gpt-4o-2024-08-06",
      inputTokens: 100,
      outputTokens: 20,
      cacheReadTokens: 60,
      cacheWriteTokens: 10,
      reasoningTokens: 5,
      hasUsage: true,
      session: "c1",
      user: "u1",
    });
  });

  it("reads the older drafts and adds their current names", () => {
    const facts = factsOf({
      "gen_ai.operation.name": "chat",
      "gen_ai.system": "vertex_ai",
      "gen_ai.request.model": "gemini-2.0-flash",
      "gen_ai.usage.prompt_tokens": 7n,
      "gen_ai.usage.completion_tokens": 3n,
    });
    expect(facts).toMatchObject({ provider: "gcp.vertex_ai", inputTokens: 7, outputTokens: 3 });
    expect(facts.attributes.get("gen_ai.usage.input_tokens")).toBe(7n);
    expect(facts.attributes.get("gen_ai.provider.name")).toBe("gcp.vertex_ai");
    expect(facts.attributes.get("gen_ai.system")).toBe("vertex_ai");
  });

  it("never lets an old name overwrite a current one", () => {
    expect(
      factsOf({
        "gen_ai.usage.prompt_tokens": 7n,
        "gen_ai.usage.input_tokens": 8n,
        "gen_ai.usage.completion_tokens": 1n,
      }),
    ).toMatchObject({ inputTokens: 8, outputTokens: 1 });
  });

  it.each([
    ["OpenLLMetry", { "llm.request.type": "chat" }, "chat"],
    ["OpenInference", { "openinference.span.kind": "LLM" }, "chat"],
    ["the Vercel AI SDK", { "ai.operationId": "ai.streamText.doStream" }, "chat"],
    ["the Vercel AI SDK's outer span", { "ai.operationId": "ai.streamText" }, "invoke_agent"],
    ["a tool of OpenInference", { "openinference.span.kind": "TOOL" }, "execute_tool"],
    ["nobody", {}, ""],
  ])("knows the operation of %s", (_who, attributes, operation) => {
    expect(factsOf(attributes).operation).toBe(operation);
  });

  it.each([[-1n], [Number.NaN], [Number.POSITIVE_INFINITY], [1.5], ["5abc"], [2n ** 62n], [true], [null]])(
    "takes %s for no token count",
    (value) => {
      expect(factsOf({ "gen_ai.usage.input_tokens": value })).toMatchObject({ hasUsage: false, inputTokens: 0 });
    },
  );

  it("names a tool only on spans that run one", () => {
    expect(factsOf({ "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "db_read" }).tool).toBe("db_read");
    expect(factsOf({ "traceloop.span.kind": "workflow", "traceloop.entity.name": "plan" }).tool).toBe("");
  });

  it("takes an unknown decision for none", () => {
    expect(factsOf({ "tollgate.decision": "deny", "tollgate.decision.rule": "deny: x" })).toMatchObject({
      decision: "deny",
      decisionRule: "deny: x",
    });
    expect(factsOf({ "tollgate.decision": "perhaps" }).decision).toBe("");
  });
});
