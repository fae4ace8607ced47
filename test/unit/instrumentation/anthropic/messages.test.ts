import { describe, expect, it } from "vitest";
import { messages } from "../../../../instrumentation/src/anthropic/messages.ts";
import { messageEvents } from "../../../support/scripted-provider.ts";

const BODY = { model: "claude-haiku-4-5", max_tokens: 100, messages: [{ role: "user", content: "hi" }] };

describe("messages", () => {
  it("sees a mark for the cache wherever it stands", () => {
    const cacheWrites = (body: object) => messages.readRequest({ ...BODY, ...body }).cacheWrites;
    const mark = { cache_control: { type: "ephemeral" } };
    expect(cacheWrites({})).toBe(false);
    expect(cacheWrites({ system: [{ type: "text", text: "x", ...mark }] })).toBe(true);
    expect(cacheWrites({ tools: [{ name: "t", input_schema: {}, ...mark }] })).toBe(true);
    expect(cacheWrites({ messages: [{ role: "user", content: [{ type: "text", text: "x", ...mark }] }] })).toBe(true);
  });

  it.each([
    ["an image", { messages: [{ role: "user", content: [{ type: "image", source: {} }] }] }],
    [
      "an image in a tool's result",
      { messages: [{ role: "user", content: [{ type: "tool_result", content: [{ type: "image" }] }] }] },
    ],
    ["a server tool", { tools: [{ type: "web_search_20250305", name: "web_search" }] }],
    ["a container", { container: "c" }],
    ["an earlier part that is with Anthropic", { thread: { type: "continue", previous_message_id: "msg_1" } }],
  ])("can't tell the input of a request with %s", (_name, body) => {
    expect(messages.readRequest({ ...BODY, ...body }).inputBound).toBeUndefined();
  });

  it.each([
    ["nobody else", {}, { choices: 1 }],
    [
      "itself, for a summary",
      { context_management: { edits: [{ type: "compact_20260112" }] } },
      { choices: 2, readings: 2 },
    ],
    ["nobody, to forget", { context_management: { edits: [{ type: "clear_tool_uses_20250919" }] } }, { choices: 1 }],
    [
      "an adviser",
      { tools: [{ type: "advisor_20260301", model: "claude-opus-4-6", max_uses: 2 }] },
      { choices: 3, readings: 3, otherModels: ["claude-opus-4-6"] },
    ],
    ["whom Anthropic chooses", { fallbacks: "default" }, { choices: 2, otherModels: ["default fallbacks"] }],
  ])("reserves for all who work on an answer: %s", (_who, body, facts) => {
    expect(messages.readRequest({ ...BODY, ...body })).toMatchObject(facts);
  });

  it("bounds those who stand in, and lengthens none", () => {
    const fallbacks = [{ model: "a", max_tokens: 500 }, { model: "b", max_tokens: 20 }, { model: "c" }];
    const body = { ...BODY, fallbacks };
    expect(messages.readRequest(body).outputBound).toBe(500);
    expect(messages.rewrite(body, { model: BODY.model, outputBound: 50 })).toMatchObject({
      max_tokens: 50,
      fallbacks: [{ model: "a", max_tokens: 50 }, { model: "b", max_tokens: 20 }, { model: "c" }],
    });
  });

  it("takes the usage of a stream from its last delta, and only once that has come", () => {
    const reader = messages.streamReader(BODY);
    const events = messageEvents(["a"], { input: 12, output: 9 }, { cache_read_input_tokens: 30 });
    for (const event of events.slice(0, 4)) reader.read(event);
    expect(reader.facts().usage).toBeUndefined();
    expect(reader.inputTokens()).toBe(42);
    for (const event of events.slice(4)) reader.read(event);
    expect(reader.facts()).toMatchObject({
      finishReasons: ["end_turn"],
      usage: { input: 42, output: 9, cacheRead: 30 },
    });
  });

  it("keeps what a stream said at its start where its end has no word of it", () => {
    const reader = messages.streamReader(BODY);
    const message = { usage: { input_tokens: 12, output_tokens: 1, cache_read_input_tokens: 30 } };
    reader.read({ type: "message_start", message });
    const usage = { output_tokens: 9, input_tokens: null, cache_read_input_tokens: null };
    reader.read({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage });
    expect(reader.facts().usage).toMatchObject({ input: 42, output: 9, cacheRead: 30 });
  });

  it("has more to pay than tokens where code has run in a container, which a stream says at its end", () => {
    const reader = messages.streamReader(BODY);
    reader.read({ type: "message_start", message: { usage: { input_tokens: 1, output_tokens: 1 }, container: null } });
    const delta = { stop_reason: "end_turn", container: { id: "c" } };
    reader.read({ type: "message_delta", delta, usage: { output_tokens: 2 } });
    expect(reader.facts().usage?.hostedCalls).toEqual({ webSearches: 0, fileSearches: 0, others: 1 });
  });

  it("keeps a thinking budget below the bound, at which it would be refused too", () => {
    const thinking = { type: "enabled", budget_tokens: 5_000 };
    const sent = (outputBound: number) =>
      messages.rewrite({ ...BODY, max_tokens: 9_000, thinking }, { model: BODY.model, outputBound })["thinking"];
    expect([5_001, 5_000, 2_000].map(sent)).toEqual([
      thinking,
      { type: "enabled", budget_tokens: 4_999 },
      { type: "enabled", budget_tokens: 1_999 },
    ]);
  });

  it("may write to a cache what an earlier part has marked", () => {
    const thread = { type: "continue", previous_message_id: "msg_1" };
    expect(messages.readRequest({ ...BODY, thread }).cacheWrites).toBe(true);
  });

  it.each([
    ["global", undefined],
    ["not_available", undefined],
    ["us", "us"],
  ])("says where it was answered only where that costs more: %s", (inference_geo, tier) => {
    expect(messages.readAnswer({ usage: { input_tokens: 1, output_tokens: 1, inference_geo } }).tier).toBe(tier);
  });

  it("counts every byte of what it saw, tool calls and thinking too", () => {
    const reader = messages.streamReader(BODY);
    reader.read({ type: "content_block_delta", delta: { type: "input_json_delta", partial_json: "漢字" } });
    expect(reader.seenBytes()).toBeGreaterThanOrEqual(6);
  });
});
