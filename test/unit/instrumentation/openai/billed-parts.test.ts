import { createPriceBook } from "../../../../instrumentation/src/pricing/cached-price-book.ts";
import { describe, expect, it } from "vitest";
import { messages } from "../../../../instrumentation/src/anthropic/messages.ts";
import { speechOf } from "../../../../instrumentation/src/openai/audio.ts";
import { chatCompletions } from "../../../../instrumentation/src/openai/chat-completions.ts";
import { compactionOf } from "../../../../instrumentation/src/openai/compact.ts";
import { responses } from "../../../../instrumentation/src/openai/responses.ts";

const RAN_TOOL = { webSearches: 0, fileSearches: 0, others: 1 };

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

  it.each([
    [{ type: "code_interpreter_call" }, RAN_TOOL],
    [{ type: "shell_call", environment: { type: "container_reference", container_id: "c" } }, RAN_TOOL],
    [{ type: "shell_call", environment: { type: "local" } }, undefined],
    [{ type: "shell_call" }, undefined],
    [{ type: "image_generation_call" }, RAN_TOOL],
    [{ type: "mcp_call" }, undefined],
  ])("are containers, and pictures that nobody counts: %j", (item, hostedCalls) => {
    const answer = { output: [item], usage: { input_tokens: 1, output_tokens: 1 } };
    expect(responses.readAnswer(answer).usage?.hostedCalls).toEqual(hostedCalls);
  });

  it("are the pictures that a response counts, by the model that drew them", () => {
    const read = (image_gen: object) =>
      responses.readAnswer({
        tools: [{ type: "image_generation", model: "gpt-image-1-mini" }],
        output: [{ type: "image_generation_call" }],
        usage: { input_tokens: 1, output_tokens: 1 },
        tool_usage: { image_gen },
      });
    const drawn = read({ input_tokens: 10, output_tokens: 1_056, total_tokens: 1_066 });
    expect(drawn.others).toMatchObject([{ model: "gpt-image-1-mini", usage: { input: 10, output: 1_056 } }]);
    expect(drawn.usage).not.toHaveProperty("hostedCalls");
    // Each answer counts them, of which most have none.
    expect(read({ input_tokens: 0, output_tokens: 0, total_tokens: 0 })).not.toHaveProperty("others");
  });

  it("are the searches that a message counts", () => {
    const usage = { input_tokens: 1, output_tokens: 1, server_tool_use: { web_search_requests: 4 } };
    expect(messages.readAnswer({ usage }).usage?.hostedCalls).toEqual({ webSearches: 4, fileSearches: 0 });
  });
});

describe("what an answer says of itself", () => {
  it.each(["response.completed", "response.incomplete", "response.failed"])(
    "is its usage, however it ended: %s",
    (type) => {
      const reader = responses.streamReader({});
      reader.read({ type: "response.created", response: { status: "in_progress", usage: null } });
      reader.read({ type, response: { usage: { input_tokens: 3, output_tokens: 16 } } });
      expect(reader.facts().usage).toMatchObject({ input: 3, output: 16 });
    },
  );

  it.each([
    ["default", ""],
    ["priority", "priority"],
    ["flex", "flex"],
    ["auto", undefined],
    [undefined, undefined],
  ])("is the tier that it was served at: %s", (service_tier, tier) => {
    expect(responses.readAnswer({ service_tier }).tier).toBe(tier);
    expect(chatCompletions.readAnswer({ service_tier }).tier).toBe(tier);
  });
});

describe("a request whose answer has no bound", () => {
  it("is at most as much sound as its letters make at that speed", () => {
    const tokens = (body: object) => speechOf("openai").readRequest({ input: "hello", ...body }).outputBound ?? 0;
    const [still, usual] = [tokens({ input: "" }), tokens({})];
    expect(tokens({ speed: 0.25 }) - still).toBe(4 * (usual - still));
    // It is no shorter for being spoken fast, as far as anybody has said.
    expect([tokens({ speed: 4 }), tokens({ speed: 0 })]).toEqual([usual, usual]);
  });

  it("goes as it is, to no other model", () => {
    expect(compactionOf("openai").readRequest({ model: "gpt-4o-mini", input: "hi" })).toMatchObject({
      isFixed: true,
      outputBound: undefined,
    });
    expect(speechOf("openai").readRequest({ input: "hello" }).isFixed).toBe(true);
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
