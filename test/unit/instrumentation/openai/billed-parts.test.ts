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
  ])("makes a cost no exact one, where nobody knows its price: %j", (more) => {
    const usage = read(more);
    expect(usage !== undefined && priceOf("x-ai", "grok-4")?.lacksPrice(usage)).toBe(true);
  });

  it("is nothing where it says none", () => {
    expect(read({ citation_tokens: 0, num_sources_used: 0, connectors: {} })).not.toHaveProperty("hostedCalls");
  });
});
