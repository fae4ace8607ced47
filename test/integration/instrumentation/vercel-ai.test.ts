/**
 * The real `ai` with the real providers of OpenAI and Anthropic, against the provider simulator, which keeps its own books:
 * what is charged equals what was billed, or says `estimated` and is not below it; the app sees what it sees without the gate.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  exactly,
  charged,
  hookFrameworks,
  patchLog,
  startFrameworkRig,
  type FrameworkRig,
} from "../../support/framework-rig.ts";

hookFrameworks();
const ai = await import("ai");
const { createOpenAI } = await import("@ai-sdk/openai");
const { createAnthropic } = await import("@ai-sdk/anthropic");

let rig: FrameworkRig;

const openai = () => createOpenAI({ apiKey: "test", baseURL: `${rig.url}/v1` });
const anthropic = () => createAnthropic({ apiKey: "test", baseURL: `${rig.url}/v1` });
const MODELS = {
  "openai.chat": () => openai().chat("gpt-4o"),
  "openai.responses": () => openai().responses("gpt-4o"),
  "anthropic.messages": () => anthropic().languageModel("claude-haiku-4-5"),
} as const;
const kinds = Object.keys(MODELS) as (keyof typeof MODELS)[];

async function start(...options: Parameters<typeof startFrameworkRig>): Promise<void> {
  await rig?.stop();
  rig = await startFrameworkRig(...options);
}

beforeEach(() => start());
afterEach(() => rig.stop());

it("is patched as it is loaded", () => {
  expect(patchLog.filter((line) => line.includes(" ai "))).toEqual([expect.stringContaining("ai is gated")]);
});

describe.each(kinds)("%s", (kind) => {
  it("charges texts, streamed and not, what the provider billed", async () => {
    const answer = await ai.generateText({ model: MODELS[kind](), prompt: "say hello", maxOutputTokens: 200 });
    expect(answer.text).not.toBe("");
    const stream = ai.streamText({ model: MODELS[kind](), prompt: "say hello again", maxOutputTokens: 200 });
    const pieces: string[] = [];
    for await (const piece of stream.textStream) pieces.push(piece);
    expect(pieces.length).toBeGreaterThan(1);
    expect(charged(rig)).toEqual(exactly(rig, 2));
    const [call, streamed] = rig.calls();
    expect(call?.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": kind.split(".")[0],
      "gen_ai.request.max_tokens": 200,
    });
    expect(streamed?.attributes).toMatchObject({ "gen_ai.request.stream": true });
    expect(Number(streamed?.attributes["gen_ai.response.time_to_first_chunk"])).toBeGreaterThan(0);
  });
});

it("charges embeddings once for each request", async () => {
  const model = openai().embedding("text-embedding-3-small");
  await ai.embed({ model, value: "hello" });
  await ai.embedMany({ model, values: ["a", "b", "c"] });
  expect(charged(rig)).toEqual(exactly(rig, 2));
  expect(rig.calls()[0]?.attributes["gen_ai.operation.name"]).toBe("embeddings");
});

it("charges an object also when it can't be read", async () => {
  const schema = z.object({ name: z.string() });
  await ai.generateObject({ model: MODELS["openai.chat"](), schema, prompt: "an object" }).catch(() => {});
  const stream = ai.streamObject({ model: MODELS["openai.chat"](), schema, prompt: "an object", onError: () => {} });
  for await (const _part of stream.fullStream);
  expect(charged(rig)).toEqual(exactly(rig, 2));
});

it("charges a model inside a wrapper by what it sends, not by what the wrapper answers", async () => {
  let kept: unknown;
  const model = ai.wrapLanguageModel({
    model: MODELS["openai.chat"](),
    middleware: { wrapGenerate: async ({ doGenerate }) => (kept ??= await doGenerate()) as never },
  });
  await ai.generateText({ model, prompt: "once" });
  await ai.generateText({ model, prompt: "once" });
  expect(charged(rig)).toEqual(exactly(rig, 1));
});

it("holds the bound where thinking is added to it", async () => {
  const providerOptions = { anthropic: { thinking: { type: "enabled" as const, budgetTokens: 2_000 } } };
  const model = MODELS["anthropic.messages"]();
  await ai.generateText({ model, prompt: "think", maxOutputTokens: 300, providerOptions });
  expect(charged(rig)).toEqual(exactly(rig, 1));
  expect(rig.calls()[0]?.attributes["gen_ai.request.max_tokens"]).toBe(2_300);
});
