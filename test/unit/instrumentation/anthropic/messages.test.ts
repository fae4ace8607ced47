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

  it("counts every byte of what it saw, tool calls and thinking too", () => {
    const reader = messages.streamReader(BODY);
    reader.read({ type: "content_block_delta", delta: { type: "input_json_delta", partial_json: "漢字" } });
    expect(reader.seenBytes()).toBeGreaterThanOrEqual(6);
  });
});
