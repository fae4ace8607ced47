import { createPriceBook } from "../../../../instrumentation/src/pricing/cached-price-book.ts";
import { describe, expect, it } from "vitest";
import { messages } from "../../../../instrumentation/src/anthropic/messages.ts";
import { chatCompletions } from "../../../../instrumentation/src/openai/chat-completions.ts";
import { responses } from "../../../../instrumentation/src/openai/responses.ts";

describe("parts of a call that are billed apart", () => {
  it("are the sound in and out of a chat completion", () => {
    const usage = {
      prompt_tokens: 120,
      completion_tokens: 80,
      prompt_tokens_details: { audio_tokens: 100, cached_tokens: 0 },
      completion_tokens_details: { audio_tokens: 60, reasoning_tokens: 0 },
    };
    expect(chatCompletions.readAnswer({ usage }).usage?.audio).toEqual({ input: 100, cacheRead: 0, output: 60 });
  });

  it("reserve the price of sound when the answer may be spoken", () => {
    const body = { model: "gpt-audio", messages: [{ role: "user", content: "hi" }] };
    expect(chatCompletions.readRequest({ ...body, modalities: ["text", "audio"] }).makesMedia).toBe(true);
    expect(chatCompletions.readRequest({ ...body, modalities: ["text"] }).makesMedia).toBe(false);
  });

  it("are the searches among the output of a response, not the pages it opened", () => {
    const output = [
      { type: "web_search_call", action: { type: "search", query: "x" } },
      { type: "web_search_call", action: { type: "open_page", url: "https://example.com" } },
      { type: "web_search_call" },
      { type: "file_search_call" },
      { type: "message" },
    ];
    const usage = { input_tokens: 1, output_tokens: 1 };
    expect(responses.readAnswer({ output, usage }).usage?.hostedCalls).toEqual({ webSearches: 2, fileSearches: 1 });
    expect(responses.readAnswer({ output: [], usage }).usage).not.toHaveProperty("hostedCalls");
  });

  it("are the searches that a message counts", () => {
    const usage = { input_tokens: 1, output_tokens: 1, server_tool_use: { web_search_requests: 4 } };
    expect(messages.readAnswer({ usage }).usage?.hostedCalls).toEqual({ webSearches: 4, fileSearches: 0 });
  });
});

const RAN_TOOL = { webSearches: 0, fileSearches: 0, others: 1 };

describe("what a server bills beside the tokens of a chat", () => {
  const read = (usage: object) =>
    chatCompletions.readAnswer({ usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, ...usage } })
      .usage;
  const priceOf = (provider: string, model: string) => createPriceBook().find({ provider, model, at: new Date() });

  it("is searches, where it counts them", () => {
    const usage = read({ num_search_queries: 3 });
    const price = priceOf("perplexity", "sonar-deep-research");
    // $5 for a thousand.
    expect(usage === undefined ? 0n : price?.cost(usage)).toBe(10n * 2_000n + 5n * 8_000n + 3n * 5_000_000n);
    expect(usage !== undefined && price?.lacksPrice(usage)).toBe(false);
  });

  it.each([
    { citation_tokens: 500 },
    { num_sources_used: 2 },
    { num_server_side_tools_used: 1 },
    { connectors: { web_search: 1 } },
    { num_pages: 300 },
    { prompt_audio_seconds: 3_600 },
    { server_tool_use: { web_search_requests: 2 } },
  ])("makes a cost no exact one, where nobody knows its price: %j", (more) => {
    const usage = read(more);
    expect(usage !== undefined && priceOf("x-ai", "grok-4")?.lacksPrice(usage)).toBe(true);
  });

  it("is nothing where it says none", () => {
    expect(read({ citation_tokens: 0, num_sources_used: 0, connectors: {} })).not.toHaveProperty("hostedCalls");
  });

  const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  const cites = { annotations: [{ type: "url_citation", url_citation: { url: "https://example.com" } }] };
  it.each([
    ["a model that searches each time", "gpt-4o-search-preview-2025-03-11", {}, { webSearches: 1, fileSearches: 0 }],
    ["what cites the web", "gpt-4o-mini", cites, { webSearches: 1, fileSearches: 0 }],
    ["what a server ran", "m", { executed_tools: [{ type: "browser_search" }] }, RAN_TOOL],
    [
      "what it will run",
      "m",
      { tool_calls: [{ type: "builtin_function", function: { name: "$web_search" } }] },
      RAN_TOOL,
    ],
    ["nothing else", "m", { annotations: [], tool_calls: [{ type: "function", function: { name: "f" } }] }, undefined],
  ])("is counted off the answer where its usage is silent, of %s", (_what, model, shown, hostedCalls) => {
    const whole = {
      model,
      choices: [{ index: 0, message: { role: "assistant", content: "x", ...shown } }],
      usage: USAGE,
    };
    expect(chatCompletions.readAnswer(whole).usage?.hostedCalls).toEqual(hostedCalls);
    const reader = chatCompletions.streamReader({ stream: true });
    reader.read({ model, choices: [{ index: 0, delta: { content: "x", ...shown } }] });
    reader.read({ model, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    reader.read({ model, choices: [], usage: USAGE });
    expect(reader.facts().usage?.hostedCalls).toEqual(hostedCalls);
  });

  it("is not counted twice where its usage has it", () => {
    const usage = { ...USAGE, server_tool_use: { web_search_requests: 2 } };
    const answer = { model: "openai/gpt-4o-mini", choices: [{ message: cites }], usage };
    expect(chatCompletions.readAnswer(answer).usage?.hostedCalls).toEqual({ webSearches: 2, fileSearches: 0 });
  });
});
