import { describe, expect, it } from "vitest";
import { chatCompletions } from "../../../../instrumentation/src/openai/chat-completions.ts";
import { responses } from "../../../../instrumentation/src/openai/responses.ts";

const BODY = { model: "gpt-4o", messages: [{ role: "user", content: "hi" }] };

describe("chat completions", () => {
  it("bounds the output by the field that the app used, else by the newer one", () => {
    const rewrite = (body: object) => chatCompletions.rewrite({ ...BODY, ...body }, { model: "m", outputBound: 7 });
    expect(rewrite({ max_tokens: 9 })).toEqual({ ...BODY, model: "m", max_tokens: 7 });
    expect(rewrite({ max_completion_tokens: 9 })).toEqual({ ...BODY, model: "m", max_completion_tokens: 7 });
    expect(rewrite({})).toEqual({ ...BODY, model: "m", max_completion_tokens: 7 });
    expect(rewrite({ max_tokens: 9, max_completion_tokens: 9 })).toMatchObject({
      max_tokens: 7,
      max_completion_tokens: 7,
    });
  });

  it("knows no bound of a conversation in which an answer of before was sound", () => {
    const messages = [{ role: "assistant", content: "…", audio: { id: "audio_1" } }];
    expect(chatCompletions.readRequest({ ...BODY, messages }).inputBound).toBeUndefined();
    const silent = [{ role: "assistant", content: "…", audio: null }];
    expect(chatCompletions.readRequest({ ...BODY, messages: silent }).inputBound).toBeGreaterThan(0);
  });

  it("tells which model thinks unseen, whichever was asked before", () => {
    const models = ["gpt-4o", "o3", "gpt-4o", "gpt-5", "gpt-4.1"];
    const hides = models.map((model) => chatCompletions.readRequest({ ...BODY, model }).hidesOutput);
    expect(hides).toEqual([false, true, false, true, false]);
  });

  it.each([
    [undefined, 1],
    [null, 1],
    [3, 3],
    ["5", 5],
    [2.5, 3],
    [-4, 1],
    ["many", 1],
    ["1_000", 1_000],
    [JSON.parse("1e309"), Number.MAX_SAFE_INTEGER],
    ["1e309", Number.MAX_SAFE_INTEGER],
  ])("counts the answers that the most lenient server would make: %j are %i", (n, choices) => {
    expect(chatCompletions.readRequest({ ...BODY, n }).choices).toBe(choices);
  });

  it.each([
    [{ max_tokens: 10 }, 10],
    [{ max_tokens: 10, max_completion_tokens: 30 }, 30],
    [{ max_tokens: 10, max_completion_tokens: null }, 10],
    // A server may take the text's number, have -1 and 0 for no bound, or leave out what it can't read.
    [{ max_tokens: 10, max_completion_tokens: "30" }, undefined],
    [{ max_tokens: -1, max_completion_tokens: 30 }, undefined],
    [{ max_tokens: 0 }, undefined],
    [{ max_tokens: 1.5, max_completion_tokens: 30 }, undefined],
    [{ max_tokens: JSON.parse("1e309") as number, max_completion_tokens: 30 }, undefined],
  ])("takes for a bound what every server takes for one: %j is %j", (body, bound) => {
    expect(chatCompletions.readRequest({ ...BODY, ...body }).outputBound).toBe(bound);
    const sent = chatCompletions.rewrite({ ...BODY, ...body }, { model: "m", outputBound: 7 });
    const bounds = [sent["max_tokens"], sent["max_completion_tokens"]].filter((value) => (value ?? null) !== null);
    expect(bounds).toEqual(Object.values(body).flatMap((value) => (value === null ? [] : [7])));
  });

  it("asks streams for usage, keeping the app's other options", () => {
    const body = { ...BODY, stream: true, stream_options: { include_obfuscation: false } };
    expect(chatCompletions.rewrite(body, { model: "gpt-4o", outputBound: undefined })).toEqual({
      ...body,
      stream_options: { include_obfuscation: false, include_usage: true },
    });
    expect(body.stream_options).toEqual({ include_obfuscation: false });
  });

  it("reads cached and reasoning tokens as parts of their wholes", () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 50,
      prompt_tokens_details: { cached_tokens: 80 },
      completion_tokens_details: { reasoning_tokens: 30 },
    };
    expect(chatCompletions.readAnswer({ usage }).usage).toMatchObject({
      input: 100,
      output: 50,
      cacheRead: 80,
      reasoning: 30,
    });
  });

  it.each([
    undefined,
    null,
    {},
    { prompt_tokens: -1, completion_tokens: 1 },
    { prompt_tokens: 1.5, completion_tokens: 1 },
    { prompt_tokens: "1", completion_tokens: 1 },
  ])("takes %j for no usage at all", (usage) => {
    expect(chatCompletions.readAnswer({ usage }).usage).toBeUndefined();
  });
});

describe("responses", () => {
  it.each(["previous_response_id", "conversation", "prompt"])("can't tell the input of a request with %s", (name) => {
    expect(responses.readRequest({ model: "gpt-4o", input: "hi", [name]: "x" }).inputBound).toBeUndefined();
  });

  it("can't tell the input of items that are no text", () => {
    const input = (item: object) => responses.readRequest({ model: "gpt-4o", input: [item] }).inputBound;
    expect(input({ role: "user", content: [{ type: "input_text", text: "hi" }] })).toBeGreaterThan(0);
    expect(input({ role: "user", content: [{ type: "input_image", image_url: "x" }] })).toBeUndefined();
    expect(input({ type: "item_reference", id: "x" })).toBeUndefined();
  });
});
