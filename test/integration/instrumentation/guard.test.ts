/** `guard()` around real clients, in a process that is not registered: its documented behaviours, one by one. */
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentKilled, BudgetExceeded, ConfigInvalid } from "../../../instrumentation/src/errors.ts";
import { guard } from "../../../instrumentation/src/guard/guard.ts";
import type { GuardOptions } from "../../../instrumentation/src/guard/guard-budget.ts";
import { anthropicClient, openaiClient } from "../../support/gated-process.ts";
import {
  chatCompletion,
  chatEvents,
  message,
  responsesAnswer,
  startScriptedProvider,
} from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";

const MODEL = "gpt-4o";
const FALLBACK = "gpt-4o-mini";
const MESSAGES = [{ role: "user" as const, content: "say hello" }];
/** 1000 and 1000 tokens of gpt-4o at $2.50 and $10 per million; of gpt-4o-mini at $0.15 and $0.60. */
const COST = 0.0125;
const FALLBACK_COST = 0.00075;

let provider: ScriptedProvider;

beforeEach(async () => {
  provider = await startScriptedProvider(({ path, body }) => {
    if (path.endsWith("/v1/messages")) return { json: message({ input_tokens: 10, output_tokens: 6 }) };
    if (path.endsWith("/responses")) return { json: responsesAnswer({ input: 10, output: 6 }) };
    if (body["stream"] === true) return { events: chatEvents(["Hi"], { input: 1_000, output: 1_000 }) };
    return { json: chatCompletion({ input: 1_000, output: outputOf(body) }) };
  });
});

afterEach(async () => {
  await provider.close();
});

/** A provider generates no more than it was asked for. */
function outputOf(body: Record<string, unknown>): number {
  return Math.min(1_000, Number(body["max_tokens"] ?? 1_000));
}

function guarded(options: GuardOptions): ReturnType<typeof guard<OpenAI>> {
  return guard(openaiClient(provider.url), options);
}

/** The text is long enough that its bound covers what the script charges for it. */
function ask(client: OpenAI, model = MODEL): Promise<OpenAI.ChatCompletion> {
  const messages = [{ role: "user" as const, content: "a".repeat(1_000) }];
  return client.chat.completions.create({ model, messages, max_tokens: 1_000 });
}

describe("the budget", () => {
  it.each(["$0.50", "0.50", " $ 0.50 ", 0.5])("is read from %j", (budget) => {
    expect(guarded({ budget }).tollgate).toMatchObject({
      budget: 0.5,
      spent: 0,
      remaining: 0.5,
      usageRatio: 0,
      callCount: 0,
    });
  });

  it.each(["0", 0, -1, Number.NaN, Number.POSITIVE_INFINITY, "abc", "5abc", "$-5", ""])(
    "is refused as %j",
    (budget) => {
      expect(() => guarded({ budget })).toThrow(ConfigInvalid);
    },
  );

  it("counts what calls cost, by usage and price", async () => {
    const client = guarded({ budget: "$1" });
    await ask(client);
    await ask(client);
    expect(client.tollgate.spent).toBeCloseTo(2 * COST, 9);
    expect(client.tollgate.spentNanoUsd).toBe(25_000_000n);
    expect(client.tollgate).toMatchObject({ callCount: 2, remaining: 1 - 2 * COST, budgetExceeded: false });
  });

  it("counts a stream", async () => {
    const client = guarded({ budget: "$1" });
    const messages = [{ role: "user" as const, content: "a".repeat(1_000) }];
    for await (const chunk of await client.chat.completions.create({
      model: MODEL,
      messages,
      max_tokens: 1_000,
      stream: true,
    })) {
      expect(chunk.object).toBe("chat.completion.chunk");
    }
    expect(client.tollgate.spent).toBeCloseTo(COST, 9);
  });

  it("takes what is recorded by hand, and starts again after reset", async () => {
    const client = guarded({ budget: "$1" });
    client.tollgate.record(0.25);
    client.tollgate.record("$0.50");
    expect(client.tollgate).toMatchObject({ spent: 0.75, usageRatio: 0.75, shouldDowngrade: false });
    expect(() => client.tollgate.record(-1)).toThrow(ConfigInvalid);
    client.tollgate.reset();
    expect(client.tollgate).toMatchObject({ spent: 0, callCount: 0 });
  });
});

describe("the fallback", () => {
  it("is sent from the threshold on, and not before", async () => {
    const client = guarded({ budget: "$1", fallback: FALLBACK, threshold: 0.5 });
    await ask(client);
    client.tollgate.record(0.5);
    expect(client.tollgate.shouldDowngrade).toBe(true);
    await ask(client);
    expect(provider.requests.map(({ body }) => body["model"])).toEqual([MODEL, FALLBACK]);
    expect(client.tollgate.spent).toBeCloseTo(COST + 0.5 + FALLBACK_COST, 9);
  });

  it("does not exist unless it is named: then the model stays", async () => {
    const client = guarded({ budget: "$1" });
    client.tollgate.record(0.9);
    await ask(client);
    expect(provider.requests[0]?.body["model"]).toBe(MODEL);
  });
});

describe("the limit", () => {
  it("raises BudgetExceeded with budget and spent, without a call", async () => {
    const client = guarded({ budget: "$1", onLimit: "raise" });
    client.tollgate.record(1);
    const error = await ask(client).catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(BudgetExceeded);
    expect(error).toMatchObject({ limit: { value: 1_000_000_000n }, spent: { value: 1_000_000_000n } });
    expect(provider.requests).toHaveLength(0);
    expect(client.tollgate.budgetExceeded).toBe(true);
  });

  it("warns, and calls all the same", async () => {
    const client = guarded({ budget: "$1", onLimit: "warn" });
    client.tollgate.record(2);
    await ask(client);
    expect(provider.requests).toHaveLength(1);
    expect(client.tollgate).toMatchObject({ callCount: 1, remaining: 0, budgetExceeded: true });
    expect(client.tollgate.spent).toBeCloseTo(2 + COST, 9);
  });

  const TEXT = "[Tollgate] Budget of $1.00 exceeded (spent $1.0000). Request blocked.";

  it("stops with an answer of the provider's shape, without a call and with zero usage", async () => {
    const client = guarded({ budget: "$1", onLimit: "stop" });
    client.tollgate.record(1);
    const chat = await ask(client);
    expect(chat.choices[0]?.message).toMatchObject({ role: "assistant", content: TEXT });
    expect(chat.usage).toMatchObject({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 });
    const response = await client.responses.create({ model: MODEL, input: "hi" });
    expect(response.output_text).toBe(TEXT);
    expect(response.usage?.total_tokens).toBe(0);
    expect(provider.requests).toHaveLength(0);
    expect(client.tollgate).toMatchObject({ callCount: 0, spent: 1 });
  });

  it("stops streams too, through the SDK's own stream objects", async () => {
    const client = guarded({ budget: "$1", onLimit: "stop" });
    client.tollgate.record(1);
    const stream = client.chat.completions.stream({
      model: MODEL,
      messages: MESSAGES,
      stream_options: { include_usage: true },
    });
    expect(await stream.finalContent()).toBe(TEXT);
    expect((await stream.totalUsage()).total_tokens).toBe(0);
    const events = await client.responses.stream({ model: MODEL, input: "hi" }).finalResponse();
    expect(events.output_text).toBe(TEXT);
    expect(provider.requests).toHaveLength(0);
  });

  it("stops Anthropic clients in their shape", async () => {
    const client = guard(anthropicClient(provider.url), { budget: "$1", onLimit: "stop" });
    client.tollgate.record(1);
    const request = { model: "claude-haiku-4-5", max_tokens: 50, messages: MESSAGES };
    const answer = await client.messages.create(request);
    expect(answer).toMatchObject({
      content: [{ type: "text", text: TEXT }],
      usage: { input_tokens: 0, output_tokens: 0 },
    });
    expect(await client.messages.stream(request).finalText()).toBe(TEXT);
    expect(provider.requests).toHaveLength(0);
  });

  it("is never passed by concurrent calls of one shared client", async () => {
    const client = guarded({ budget: "$0.10" });
    const outcomes = await Promise.allSettled(Array.from({ length: 64 }, () => ask(client)));
    const made = outcomes.filter(({ status }) => status === "fulfilled").length;
    expect(made).toBe(provider.requests.length);
    expect(client.tollgate.spentNanoUsd).toBeLessThanOrEqual(100_000_000n);
    const billed = provider.requests.reduce((sum, { body }) => sum + 2_500_000 + outputOf(body) * 10_000, 0);
    expect(client.tollgate.spentNanoUsd).toBe(BigInt(billed));
  });
});

describe("the client", () => {
  it("stays what it was: same object, class, members and copies", async () => {
    const bare = openaiClient(provider.url);
    const client = guard(bare, { budget: "$1" });
    expect(client).toBe(bare);
    expect(client).toBeInstanceOf(OpenAI);
    expect(client.models).toBe(bare.models);
    await ask(client.withOptions({ timeout: 9_000 }));
    expect(client.tollgate.spent).toBeCloseTo(COST, 9);
    expect(guard(anthropicClient(provider.url), { budget: 1 })).toBeInstanceOf(Anthropic);
  });

  it("has a budget of its own", async () => {
    const [one, other] = [guarded({ budget: "$1" }), guarded({ budget: "$1" })];
    await ask(one);
    expect(other.tollgate.spent).toBe(0);
    const unguarded = openaiClient(provider.url);
    await ask(unguarded);
    expect(one.tollgate.callCount).toBe(1);
  });

  it("makes no call after it was killed", async () => {
    const client = guarded({ budget: "$1" });
    client.tollgate.kill("runaway");
    await expect(ask(client)).rejects.toBeInstanceOf(AgentKilled);
    expect(provider.requests).toHaveLength(0);
  });

  it("has to be one that the gate knows", () => {
    expect(() => guard({ chat: {} }, { budget: "$1" })).toThrow(ConfigInvalid);
    expect(() => guard(openaiClient(provider.url), { budget: "$1", threshold: 2 })).toThrow(ConfigInvalid);
    expect(() => guard(openaiClient(provider.url), { budget: "$1", onLimit: "explode" as "stop" })).toThrow(
      ConfigInvalid,
    );
  });
});
