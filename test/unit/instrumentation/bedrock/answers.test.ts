import { describe, expect, it } from "vitest";
import { converse } from "../../../../instrumentation/src/bedrock/converse.ts";
import { invokeModel } from "../../../../instrumentation/src/bedrock/invoke-model.ts";

const FEES = { webSearches: 0, fileSearches: 0, others: 1 };
const METADATA = { metadata: { usage: { inputTokens: 10, outputTokens: 5 } } };
const GUARDRAIL = { guardrailConfig: { guardrailIdentifier: "g", guardrailVersion: "1" } };

describe("a conversation's stream", () => {
  const read = (input: object, events: readonly object[]) => {
    const reader = converse(input as never, { isStreamed: true }).streamReader({});
    for (const event of events) reader.read(event);
    return reader.facts();
  };

  it("says why it ended and what it used", () => {
    const events = [{ contentBlockDelta: { delta: { text: "hi" } } }, { messageStop: { stopReason: "end_turn" } }];
    expect(read({}, events).usage).toBeUndefined();
    const facts = read({}, [...events, METADATA]);
    expect(facts).toMatchObject({ finishReasons: ["end_turn"], usage: { input: 10, output: 5 } });
    expect(facts.usage).not.toHaveProperty("hostedCalls");
  });

  it("has fees beside its tokens for a guardrail, and for a tool that Bedrock runs", () => {
    const start = (toolUse: object) => ({ contentBlockStart: { contentBlockIndex: 0, start: { toolUse } } });
    const hosted = start({ toolUseId: "t", name: "nova_grounding", type: "server_tool_use" });
    expect(read(GUARDRAIL, [METADATA]).usage?.hostedCalls).toEqual(FEES);
    expect(read({}, [hosted, METADATA]).usage?.hostedCalls).toEqual(FEES);
    expect(read({}, [start({ toolUseId: "t", name: "lookup" }), METADATA]).usage).not.toHaveProperty("hostedCalls");
  });
});

describe("a conversation's prompt", () => {
  const facts = (input: object) => converse(input as never, { isStreamed: false }).readRequest(input as never);
  const messages = [{ role: "user", content: [{ text: "hi" }] }];

  it("is bounded by its text, unless Bedrock keeps it", () => {
    expect(facts({ messages }).inputBound).toBeGreaterThan(2);
    expect(facts({ messages, promptVariables: { name: { text: "x" } } }).inputBound).toBeUndefined();
    expect(facts({ messages: [{ role: "user", content: [{ image: {} }] }] }).inputBound).toBeUndefined();
  });

  it("may be written to a cache after its tools", () => {
    expect(facts({ messages }).cacheWrites).toBe(false);
    const tools = [{ toolSpec: { name: "t" } }, { cachePoint: { type: "default" } }];
    expect(facts({ messages, toolConfig: { tools } }).cacheWrites).toBe(true);
  });

  it("may make a model think unseen", () => {
    expect(facts({ messages }).hidesOutput).toBe(false);
    expect(facts({ messages, additionalModelRequestFields: { thinking: {} } }).hidesOutput).toBe(true);
  });
});

describe("a model's own format", () => {
  const input = (modelId: string, body: object = {}) => ({ modelId, body: JSON.stringify(body) });
  const chunk = (json: object) => ({ chunk: { bytes: new TextEncoder().encode(JSON.stringify(json)) } });

  it("has fees beside its tokens for a guardrail, streamed too", () => {
    const guarded = { ...input("meta.llama3-8b-instruct-v1:0"), guardrailIdentifier: "g" };
    const counts = { "amazon-bedrock-invocationMetrics": { inputTokenCount: 10, outputTokenCount: 5 } };
    const read = (given: object) => {
      const reader = invokeModel(given as never, { isStreamed: true }).streamReader(given as never);
      reader.read(chunk(counts));
      return reader.facts().usage;
    };
    expect(read(guarded)).toMatchObject({ input: 10, output: 5, hostedCalls: FEES });
    expect(read(input("meta.llama3-8b-instruct-v1:0"))).not.toHaveProperty("hostedCalls");
  });

  it("is sent for another model only where both take the same body", () => {
    const endpoint = invokeModel(input("amazon.nova-pro-v1:0"), { isStreamed: false });
    expect(endpoint.takesModel?.("amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0")).toBe(true);
    expect(endpoint.takesModel?.("meta.llama3-8b-instruct-v1:0", "amazon.nova-pro-v1:0")).toBe(false);
    expect(endpoint.takesModel?.("amazon.titan-text-express-v1", "amazon.nova-pro-v1:0")).toBe(false);
  });

  it.each([
    [{ inputText: "a", inputImage: "AAAA" }, undefined],
    [{ inputText: "a" }, expect.any(Number)],
  ])("has no bound that its text tells where it holds a picture: %j", (body, inputBound) => {
    const given = input("amazon.titan-embed-image-v1", body);
    expect(invokeModel(given, { isStreamed: false }).readRequest(given).inputBound).toEqual(inputBound);
  });

  it("counts the answers that a maker's body asks for", () => {
    const choices = (body: object) => {
      const given = input("cohere.command-text-v14", body);
      return invokeModel(given, { isStreamed: false }).readRequest(given).choices;
    };
    expect([choices({}), choices({ num_generations: 4 }), choices({ n: 3 })]).toEqual([1, 4, 3]);
  });

  it("keeps what a Claude may think below the bound that it gets", () => {
    const model = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    const body = { max_tokens: 9_000, thinking: { type: "enabled", budget_tokens: 8_000 }, messages: [] };
    const given = input(model, body);
    const sent = invokeModel(given, { isStreamed: false }).rewrite(given, { model, outputBound: 2_000 });
    expect(JSON.parse(String(sent["body"]))).toEqual({
      ...body,
      max_tokens: 2_000,
      thinking: { type: "enabled", budget_tokens: 1_999 },
    });
  });
});
