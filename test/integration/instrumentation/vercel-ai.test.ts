/**
 * The real `ai` with the real providers of OpenAI and Anthropic, against the provider simulator, which keeps its own books:
 * what is charged equals what was billed, or says `estimated` and is not below it; the app sees what it sees without the gate.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { AgentKilled, BudgetExceeded, findTollgateError } from "../../../instrumentation/src/errors.ts";
import { registerGate } from "../../../instrumentation/src/gate/registry.ts";
import { registerToolGate } from "../../../instrumentation/src/guard/tool-registry.ts";
import {
  costOf,
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
const faulty = (fault: string) => ({ headers: { "x-simulator-fault": fault }, maxRetries: 0 });

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
      "gen_ai.request.stream": false,
    });
    expect(streamed?.attributes).toMatchObject({ "gen_ai.request.stream": true });
    expect(Number(streamed?.attributes["gen_ai.response.time_to_first_chunk"])).toBeGreaterThan(0);
  });

  it("shows the app what it sees without the gate", async () => {
    const see = async () => {
      const answer = await ai.generateText({ model: MODELS[kind](), prompt: "say hello" });
      const stream = ai.streamText({ model: MODELS[kind](), prompt: "say hello" });
      const parts: unknown[] = [];
      for await (const part of stream.fullStream) parts.push(withoutTimes(part));
      const error = await ai
        .generateText({ model: MODELS[kind](), prompt: "x", ...faulty("server_error") })
        .catch(String);
      return { text: answer.text, usage: answer.usage, finish: answer.finishReason, parts, error };
    };
    const through = await see();
    registerGate(undefined);
    registerToolGate(undefined);
    expect(through).toEqual(await see());
  });

  it("charges a stream that the app leaves at least what was generated", async () => {
    await start({ simulator: { outputTokens: { min: 400, max: 500 }, pieceIntervalMs: 2 } });
    const leave = new AbortController();
    const stream = ai.streamText({
      model: MODELS[kind](),
      prompt: "a long story",
      maxOutputTokens: 1_000,
      abortSignal: leave.signal,
    });
    let seen = 0;
    for await (const part of stream.fullStream) {
      if (part.type === "text-delta" && ++seen === 3) leave.abort();
    }
    await expect.poll(() => rig.calls().length).toBe(1);
    await expect.poll(() => rig.simulator.count().in_flight).toBe(0);
    expect(rig.calls()[0]?.attributes["tollgate.cost.status"]).toBe("estimated");
    expect(costOf(rig.calls())).toBeGreaterThanOrEqual(rig.paid());
  });

  it("charges nothing for what the provider refuses", async () => {
    await expect(ai.generateText({ model: MODELS[kind](), prompt: "x", ...faulty("server_error") })).rejects.toThrow(
      "error while processing",
    );
    expect(rig.calls()[0]?.attributes).toMatchObject({ "tollgate.cost.nano_usd": 0, "error.type": "500" });
  });

  it("ends a stream in the middle when its agent is killed", async () => {
    await start({ simulator: { outputTokens: { min: 400, max: 500 }, pieceIntervalMs: 2 } });
    const stream = ai.streamText({ model: MODELS[kind](), prompt: "a long story", onError: () => {} });
    const read = async () => {
      let seen = 0;
      for await (const part of stream.fullStream) {
        if (part.type === "error") throw part.error;
        if (part.type !== "text-delta" || ++seen !== 3) continue;
        for (const call of rig.gated.gate.open) call.stop(new AgentKilled({ agent: "a", reason: "enough" }));
      }
    };
    const end: unknown = await read().catch((error: unknown) => error);
    expect(findTollgateError(end)?.code).toBe("agent_killed");
    expect(rig.calls()[0]?.attributes["error.type"]).toBe("agent_killed");
    await expect.poll(() => rig.simulator.count().in_flight).toBe(0);
    expect(costOf(rig.calls())).toBeGreaterThanOrEqual(rig.paid());
  });
});

it("keeps 64 callers within a budget that ends in the middle", async () => {
  await start({ env: { TOLLGATE_BUDGET: "$0.02", TOLLGATE_LOG: "error" } });
  const asked = Array.from({ length: 64 }, (_, index) =>
    ai.generateText({
      model: MODELS["openai.chat"](),
      prompt: `question ${index}`,
      maxOutputTokens: 100,
      maxRetries: 0,
    }),
  );
  const ends = await Promise.allSettled(asked);
  const refused = ends.filter((end) => end.status === "rejected");
  expect(refused.every((end) => findTollgateError(end.reason) instanceof BudgetExceeded)).toBe(true);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(64);
  expect(rig.paid()).toBeLessThanOrEqual(20_000_000n);
  expect(costOf(rig.calls())).toBe(rig.paid());
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

/** Parts as they are, without what differs from one second to the next. */
function withoutTimes(part: unknown): unknown {
  return JSON.parse(
    JSON.stringify(part, (key, value: unknown) =>
      /timestamp|headers|request|performance|duration|Ms$|PerSecond|^id$|callId/i.test(key) ? undefined : value,
    ),
  ) as unknown;
}
