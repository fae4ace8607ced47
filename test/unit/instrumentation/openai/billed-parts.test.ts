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
