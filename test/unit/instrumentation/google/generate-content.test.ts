import { describe, expect, it } from "vitest";
import { createPriceBook } from "../../../../instrumentation/src/pricing/cached-price-book.ts";
import { embedContent } from "../../../../instrumentation/src/google/embed-content.ts";
import { generateContent } from "../../../../instrumentation/src/google/generate-content.ts";

const plain = generateContent({ provider: "gcp.gemini", isStreamed: false, hasExtraBody: false });
const streamed = generateContent({ provider: "gcp.gemini", isStreamed: true, hasExtraBody: false });
const facts = (params: Record<string, unknown>) => plain.readRequest({ model: "models/gemini-2.5-flash", ...params });
const usageOf = (usageMetadata: object) => plain.readAnswer({ usageMetadata }).usage;

describe("a request to generateContent", () => {
  it("has the model's bare name, whatever path it is written with", () => {
    expect(facts({ contents: "hi" }).model).toBe("gemini-2.5-flash");
    const model = "projects/p/locations/l/publishers/google/models/gemini-2.5-pro";
    expect(plain.readRequest({ model, contents: "hi" }).model).toBe("gemini-2.5-pro");
    expect(plain.rewrite({ model, contents: "hi" }, { model: "gemini-2.5-pro", outputBound: 5 })).toEqual({
      model,
      contents: "hi",
      config: { maxOutputTokens: 5 },
    });
  });

  it.each([
    ["hi"],
    [[{ role: "user", parts: [{ text: "hi" }, { functionCall: { name: "f", args: {} } }] }]],
    [[{ text: "hi" }, "there", { functionResponse: { name: "f", response: {} } }]],
  ])("is bounded by its text: %j", (contents) => {
    expect(facts({ contents }).inputBound).toBeGreaterThan(2);
  });

  it.each([
    [{ contents: [{ inlineData: { mimeType: "image/png", data: "" } }] }],
    [{ contents: { role: "user", parts: [{ fileData: { fileUri: "gs://x" } }] } }],
    [{ contents: [{ functionResponse: { name: "f", parts: [{ inlineData: {} }] } }] }],
    [{ contents: "hi", config: { cachedContent: "cachedContents/1" } }],
    [{ contents: "hi", config: { tools: [{ googleSearch: {} }] } }],
    [{ contents: "hi", config: { systemInstruction: { parts: [{ fileData: {} }] } } }],
  ])("is not, when what it holds or points at is more: %j", (params) => {
    expect(facts(params).inputBound).toBeUndefined();
  });

  it("hides what the model thinks, unless it does not think", () => {
    expect(facts({ contents: "hi" }).hidesOutput).toBe(true);
    expect(facts({ contents: "hi", config: { thinkingConfig: { thinkingBudget: 0 } } }).hidesOutput).toBe(false);
    expect(plain.readRequest({ model: "gemini-2.0-flash", contents: "hi" }).hidesOutput).toBe(false);
    expect(plain.readRequest({ model: "gemini-2.0-flash-thinking-exp", contents: "hi" }).hidesOutput).toBe(true);
  });
});

it("may ask for as many answers as the API gives, where a client adds fields of its own", () => {
  const extended = generateContent({ provider: "gcp.gemini", isStreamed: false, hasExtraBody: true });
  const params = { model: "gemini-2.5-flash", contents: "hi", config: { candidateCount: 2 } };
  expect(extended.readRequest(params)).toMatchObject({ choices: 8, inputBound: undefined });
  expect(plain.readRequest(params).choices).toBe(2);
});

describe("the usage of an answer", () => {
  it("counts thoughts as output, prompts of tools as input, and sound apart", () => {
    const promptTokensDetails = [
      { modality: "TEXT", tokenCount: 90 },
      { modality: "AUDIO", tokenCount: 10 },
    ];
    const usageMetadata = {
      promptTokenCount: 100,
      toolUsePromptTokenCount: 5,
      cachedContentTokenCount: 40,
      candidatesTokenCount: 7,
      thoughtsTokenCount: 3,
      totalTokenCount: 115,
      promptTokensDetails,
    };
    expect(usageOf(usageMetadata)).toMatchObject({
      input: 105,
      output: 10,
      cacheRead: 40,
      reasoning: 3,
      audio: { input: 10, cacheRead: 0, output: 0 },
    });
  });

  it("is never below the total, and nothing without a count of the prompt", () => {
    expect(usageOf({ promptTokenCount: 10, totalTokenCount: 30 })?.output).toBe(20);
    expect(usageOf({ candidatesTokenCount: 10 })).toBeUndefined();
    expect(usageOf({ promptTokenCount: -1 })).toBeUndefined();
  });

  it("counts searches", () => {
    const candidates = [{ groundingMetadata: { webSearchQueries: ["a", "b"] } }];
    const { usage } = plain.readAnswer({ candidates, usageMetadata: { promptTokenCount: 1 } });
    expect(usage?.hostedCalls).toEqual({ webSearches: 2, fileSearches: 0 });
  });

  it.each([
    [{ groundingChunks: [{ maps: { uri: "u" } }] }],
    [{ googleMapsWidgetContextToken: "t" }],
    [{ retrievalQueries: ["a"] }],
    [{ imageSearchQueries: ["a"] }],
  ])("knows that there is more to pay than tokens: %j", (groundingMetadata) => {
    const answer = { candidates: [{ groundingMetadata }], usageMetadata: { promptTokenCount: 1 } };
    const more = { webSearches: 0, fileSearches: 0, others: 1 };
    expect(plain.readAnswer(answer).usage?.hostedCalls).toEqual(more);
    const reader = streamed.streamReader({});
    reader.read(answer);
    reader.read({ candidates: [{ finishReason: "STOP" }], usageMetadata: { promptTokenCount: 1 } });
    expect(reader.facts().usage?.hostedCalls).toEqual(more);
  });

  it("has nothing more to pay for pages that a search found, files and addresses", () => {
    const groundingMetadata = { groundingChunks: [{ web: { uri: "u" } }, { retrievedContext: {} }] };
    const answer = { candidates: [{ groundingMetadata }], usageMetadata: { promptTokenCount: 1 } };
    expect(plain.readAnswer(answer).usage).not.toHaveProperty("hostedCalls");
  });

  it.each([
    ["ON_DEMAND_PRIORITY", "priority"],
    ["ON_DEMAND_FLEX", "flex"],
    ["ON_DEMAND", ""],
    ["PROVISIONED_THROUGHPUT", ""],
    ["TRAFFIC_TYPE_UNSPECIFIED", undefined],
    [undefined, undefined],
  ])("says how it was served: %s", (trafficType, tier) => {
    const usageMetadata = { promptTokenCount: 1, trafficType };
    expect(plain.readAnswer({ usageMetadata }).tier).toBe(tier);
    const reader = streamed.streamReader({});
    reader.read({ candidates: [], usageMetadata });
    reader.read({ candidates: [{ finishReason: "STOP" }] });
    expect(reader.facts().tier).toBe(tier);
  });

  it("is final in a stream once every candidate has ended, or the prompt was blocked", () => {
    const reader = streamed.streamReader({ config: { candidateCount: 2 } });
    const usageMetadata = { promptTokenCount: 4, candidatesTokenCount: 6 };
    reader.read({ candidates: [{ index: 0, content: { parts: [{ text: "abc" }] }, finishReason: "STOP" }] });
    expect(reader.facts().usage).toBeUndefined();
    reader.read({ candidates: [{ index: 1, finishReason: "STOP" }], usageMetadata });
    expect(reader.facts()).toMatchObject({ finishReasons: ["STOP"], usage: { input: 4, output: 6 } });
    const blocked = streamed.streamReader({});
    blocked.read({ promptFeedback: { blockReason: "SAFETY" }, usageMetadata: { promptTokenCount: 4 } });
    expect(blocked.facts().usage).toMatchObject({ input: 4, output: 0 });
  });
});

describe("the usage of embeddings", () => {
  const endpoint = embedContent({ provider: "gcp.vertex_ai", hasExtraBody: false });

  it("is the request's, or the sum of its parts, or unknown", () => {
    const part = (tokenCount: number) => ({ values: [], statistics: { tokenCount } });
    expect(endpoint.readAnswer({ embeddings: [part(3), part(4)] }).usage?.input).toBe(7);
    expect(endpoint.readAnswer({ embeddings: [{}], usageMetadata: { promptTokenCount: 5 } }).usage?.input).toBe(5);
    expect(endpoint.readAnswer({ embeddings: [part(3), {}] }).usage).toBeUndefined();
  });

  it("tells sound, pictures and film apart, which have prices of their own", () => {
    const promptTokensDetails = [
      { modality: "TEXT", tokenCount: 10 },
      { modality: "AUDIO", tokenCount: 40 },
      { modality: "VIDEO", tokenCount: 50 },
    ];
    const usageMetadata = { promptTokenCount: 100, promptTokensDetails };
    const { usage } = endpoint.readAnswer({ embeddings: [{}], usageMetadata });
    expect(usage).toMatchObject({ input: 100, audio: { input: 40 }, video: { input: 50 } });
    const price = createPriceBook().find({ provider: "gcp.gemini", model: "gemini-embedding-2", at: new Date() });
    // $0.20 for text, $6.50 for sound, $12 for film.
    expect(usage === undefined ? 0n : price?.cost(usage)).toBe(10n * 200n + 40n * 6_500n + 50n * 12_000n);
    expect(price?.worstCase({ inputTokens: 100, outputTokens: 0, cacheWrites: false, media: true })).toBe(
      100n * 12_000n,
    );
  });
});
