/**
 * Answers on which more than one model has worked, or that were served otherwise than the request asked: the counts at their top leave
 * that out. What is charged is each part at its own price, or says `estimated`; never less than what the answer tells of.
 */
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UnpricedModel } from "../../../instrumentation/src/errors.ts";
import type { GatedCall } from "../../../instrumentation/src/gate/gated-call.ts";
import { anthropicClient, openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { chatCompletion, chatEvents, message, messageEvents } from "../../support/scripted-provider.ts";
import { startScriptedProvider, type ScriptedProvider } from "../../support/scripted-provider.ts";

const ASK = { max_tokens: 100, messages: [{ role: "user" as const, content: "say hello" }] };
const SONNET = "claude-sonnet-4-6";
/** Nano-dollars a token: claude-sonnet-4-6 $3 and $15, claude-opus-4-6 $5 and $25, gpt-5 $1.25 and $10. */
const SONNET_IN = 3_000;
const SONNET_OUT = 15_000;
const OPUS_IN = 5_000;
const OPUS_OUT = 25_000;

let provider: ScriptedProvider;
let gated: GatedProcess;
let ledger: MemoryLedger;

beforeEach(async () => {
  provider = await startScriptedProvider();
  ledger = new MemoryLedger(100n * 10n ** 9n);
  gated = startGatedProcess({ transport: ledger });
});

afterEach(async () => {
  await gated.stop();
  await provider.close();
});

async function settledSpan(): Promise<Record<string, unknown>> {
  await gated.stop();
  expect(ledger.outstanding).toBe(0n);
  expect(gated.spans()).toHaveLength(1);
  const attributes = { ...gated.spans()[0]?.attributes };
  expect(BigInt(attributes["tollgate.cost.nano_usd"] as number)).toBe(ledger.settled);
  return attributes;
}

/** Of one model's turn in a list of them. */
const turn = (type: string, input: number, output: number, model?: string): object => ({
  type,
  input_tokens: input,
  output_tokens: output,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0,
  ...(model !== undefined && { model }),
});

describe("an answer of Anthropic's", () => {
  const COMPACTED = [turn("compaction", 180_000, 3_500), turn("message", 23_000, 1_000)];
  const COMPACTED_COST = 203_000 * SONNET_IN + 4_500 * SONNET_OUT;
  const context_management = { edits: [{ type: "compact_20260112" as const }] };

  it("is charged for the summary that was made on the way", async () => {
    provider.script = () => ({ json: message({ input_tokens: 23_000, output_tokens: 1_000, iterations: COMPACTED }) });
    await anthropicClient(provider.url).beta.messages.create({ ...ASK, model: SONNET, context_management });
    expect(await settledSpan()).toMatchObject({
      "tollgate.cost.nano_usd": COMPACTED_COST,
      "tollgate.cost.status": "exact",
      "gen_ai.usage.input_tokens": 203_000,
      "gen_ai.usage.output_tokens": 4_500,
    });
  });

  it("is charged for the summary that was made on the way of a stream", async () => {
    const events = messageEvents(["hel", "lo"], { input: 23_000, output: 1_000 }).map((event) => {
      const { type, usage } = event as { readonly type: string; readonly usage?: object };
      return type === "message_delta" ? { ...(event as object), usage: { ...usage, iterations: COMPACTED } } : event;
    });
    provider.script = () => ({ events });
    const client = anthropicClient(provider.url);
    const stream = await client.beta.messages.create({ ...ASK, model: SONNET, context_management, stream: true });
    for await (const _ of stream);
    expect(await settledSpan()).toMatchObject({
      "tollgate.cost.nano_usd": COMPACTED_COST,
      "tollgate.cost.status": "exact",
    });
  });

  it("is charged for its adviser at the adviser's price", async () => {
    const iterations = [
      turn("message", 400, 90),
      turn("advisor_message", 900, 1_600, "claude-opus-4-6"),
      turn("message", 1_300, 500),
    ];
    provider.script = () => ({ json: message({ input_tokens: 1_700, output_tokens: 590, iterations }) });
    const advisor = { type: "advisor_20260301" as const, name: "advisor" as const, model: "claude-opus-4-6" };
    await anthropicClient(provider.url).beta.messages.create({ ...ASK, model: SONNET, tools: [advisor] });
    const span = await settledSpan();
    expect(span).toMatchObject({
      "tollgate.cost.nano_usd": 1_700 * SONNET_IN + 590 * SONNET_OUT + 900 * OPUS_IN + 1_600 * OPUS_OUT,
      "tollgate.cost.status": "estimated",
      "gen_ai.usage.input_tokens": 2_600,
    });
    expect(span["tollgate.reserved.nano_usd"]).toBeGreaterThan(span["tollgate.cost.nano_usd"] as number);
  });

  it("is bounded in how often an adviser is asked, as it was reserved, where a budget holds money for it", async () => {
    provider.script = () => ({ json: message({ input_tokens: 17, output_tokens: 5 }) });
    const advisor = { type: "advisor_20260301" as const, name: "advisor" as const, model: "claude-opus-4-6" };
    const search = { type: "web_search_20250305" as const, name: "web_search" as const };
    const ask = (...tools: readonly object[]) =>
      anthropicClient(provider.url).beta.messages.create({ ...ASK, model: SONNET, tools: tools as never });
    await ask(advisor, search);
    await ask({ ...advisor, max_uses: 7 });
    await gated.stop();
    const reserved = gated.spans().map(({ attributes }) => attributes["tollgate.reserved.nano_usd"] as number);
    gated = startGatedProcess({ env: { TOLLGATE_FAIL_MODE: "open" } });
    await ask(advisor);
    expect(provider.requests.map(({ body }) => body["tools"])).toEqual([
      [{ ...advisor, max_uses: 3 }, search],
      [{ ...advisor, max_uses: 7 }],
      [advisor],
    ]);
    // The conversation is read, and an answer written, once more than an adviser is asked.
    expect(reserved[1]).toBe(((reserved[0] ?? 0) / 4) * 8);
  });

  it("is charged for the model that declined and for the one that stood in", async () => {
    const iterations = [turn("message", 400, 20), turn("fallback_message", 420, 80, "claude-opus-4-6")];
    provider.script = () => ({ json: message({ input_tokens: 420, output_tokens: 80, iterations }) });
    const fallbacks = [{ model: "claude-opus-4-6", max_tokens: 2_000 }];
    await anthropicClient(provider.url).beta.messages.create({ ...ASK, model: SONNET, fallbacks });
    const span = await settledSpan();
    expect(span).toMatchObject({
      "tollgate.cost.nano_usd": 400 * SONNET_IN + 20 * SONNET_OUT + 420 * OPUS_IN + 80 * OPUS_OUT,
      "tollgate.cost.status": "estimated",
    });
    expect(span["tollgate.reserved.nano_usd"]).toBeGreaterThanOrEqual(2 * 2_000 * OPUS_OUT);
    expect(provider.requests[0]?.body).toMatchObject({ max_tokens: 100, fallbacks });
  });

  it("is not asked for where Anthropic chooses who stands in: nobody here knows what that costs", async () => {
    const call = anthropicClient(provider.url).beta.messages.create({ ...ASK, model: SONNET, fallbacks: "default" });
    await expect(call).rejects.toBeInstanceOf(UnpricedModel);
    expect(provider.requests).toHaveLength(0);
  });

  it("is no exact cost where code ran in a container, or in a region that a workspace is set to", async () => {
    const container = { id: "c", expires_at: "2026-11-22T00:00:00Z", skills: null };
    provider.script = () => ({ json: { ...message({ input_tokens: 10, output_tokens: 5 }), container } });
    await anthropicClient(provider.url).messages.create({ ...ASK, model: SONNET });
    provider.script = () => ({ json: message({ input_tokens: 10, output_tokens: 5, inference_geo: "us" }) });
    await anthropicClient(provider.url).messages.create({ ...ASK, model: SONNET });
    provider.script = () => ({ json: message({ input_tokens: 10, output_tokens: 5, inference_geo: "global" }) });
    await anthropicClient(provider.url).messages.create({ ...ASK, model: SONNET });
    const statuses = gated.spans().map(({ attributes }) => attributes["tollgate.cost.status"]);
    expect(statuses).toEqual(["estimated", "estimated", "exact"]);
  });
});

describe("an answer of OpenAI's", () => {
  const answer = (rest: object): object => ({
    id: "r",
    object: "response",
    model: "gpt-5",
    status: "completed",
    output: [],
    usage: { input_tokens: 100, output_tokens: 10, total_tokens: 110 },
    ...rest,
  });
  const TEXT_COST = 100 * 1_250 + 10 * 10_000;

  it("is charged for the pictures that a tool drew, at the price of the model that draws", async () => {
    const image_gen = {
      input_tokens: 50,
      output_tokens: 1_000,
      total_tokens: 1_050,
      input_tokens_details: { text_tokens: 50, image_tokens: 0 },
    };
    const tool_usage = { image_gen, web_search: { num_requests: 0 } };
    const tools = [{ type: "image_generation" as const, model: "gpt-image-1" }];
    const output = [{ type: "image_generation_call", id: "i", status: "completed", result: "AAAA" }];
    provider.script = () => ({ json: answer({ output, tools, tool_usage }) });
    await openaiClient(provider.url).responses.create({ model: "gpt-5", input: "draw", tools });
    expect(await settledSpan()).toMatchObject({
      "tollgate.cost.nano_usd": TEXT_COST + 50 * 5_000 + 1_000 * 40_000,
      "tollgate.cost.status": "estimated",
    });
  });

  it.each([{ type: "code_interpreter_call" }, { type: "image_generation_call", result: "AAAA" }])(
    "is no exact cost with a tool whose fee is in no count: $type",
    async (item) => {
      provider.script = () => ({ json: answer({ output: [{ ...item, id: "c", status: "completed" }] }) });
      await openaiClient(provider.url).responses.create({ model: "gpt-5", input: "count" });
      expect(await settledSpan()).toMatchObject({ "tollgate.cost.status": "estimated" });
    },
  );

  it.each([
    ["priority", "estimated", TEXT_COST],
    ["flex", "exact", TEXT_COST / 2],
    ["default", "exact", TEXT_COST],
  ])("is charged at the tier that it was served at: %s", async (service_tier, status, cost) => {
    provider.script = () => ({ json: answer({ service_tier }) });
    await openaiClient(provider.url).responses.create({ model: "gpt-5", input: "hi" });
    expect(await settledSpan()).toMatchObject({ "tollgate.cost.status": status, "tollgate.cost.nano_usd": cost });
  });

  it("is charged at the tier that a chat was served at, whole or streamed", async () => {
    const client = openaiClient(provider.url);
    const chat = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "hi" }], max_tokens: 50 };
    const usage = { input: 12, output: 5 };
    provider.script = () => ({ json: { ...chatCompletion(usage), service_tier: "priority" } });
    await client.chat.completions.create(chat);
    const events = chatEvents(["hello"], usage).map((event) => ({ ...(event as object), service_tier: "priority" }));
    provider.script = () => ({ events });
    for await (const _ of await client.chat.completions.create({ ...chat, stream: true }));
    const told = gated
      .spans()
      .map(({ attributes }) => [attributes["tollgate.cost.status"], attributes["tollgate.service_tier"]]);
    expect(told).toEqual([
      ["estimated", "priority"],
      ["estimated", "priority"],
    ]);
  });
});

describe("an answer that says itself what it costs", () => {
  const COUNTS = { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 };
  /** gpt-4o-mini: $0.15 and $0.60 a million. */
  const TOKENS_COST = 12 * 150 + 5 * 600;
  const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "hi" }], max_tokens: 50 };
  const chat = (told: object): object => ({
    ...chatCompletion({ input: 12, output: 5 }),
    usage: { ...COUNTS, ...told },
  });
  const charged = async (): Promise<readonly unknown[]> => {
    const span = await settledSpan();
    return [span["tollgate.cost.nano_usd"], span["tollgate.cost.status"]];
  };
  const router = (usd: number, upstream = usd, is_byok = false): object => ({
    cost: usd,
    is_byok,
    cost_details: { upstream_inference_cost: upstream },
  });

  it.each<readonly [string, object, number, string]>([
    ["more, by OpenRouter", router(0.0033789), 3_378_900, "estimated"],
    ["more, by OpenRouter, on a key of one's own", router(0.0001, 0.002, true), 2_100_000, "estimated"],
    ["more, by xAI", { cost_in_usd_ticks: 37_756_001 }, 3_775_601, "estimated"],
    ["more, by Perplexity", { cost: { request_cost: 0.005, total_cost: 0.006 } }, 6_000_000, "estimated"],
    ["the same", router(0.0000048), TOKENS_COST, "exact"],
    ["the same, in ticks", { cost_in_usd_ticks: TOKENS_COST * 10 }, TOKENS_COST, "exact"],
    ["less", { cost_in_usd_ticks: 10 }, TOKENS_COST, "estimated"],
    ["nothing", router(0), TOKENS_COST, "exact"],
    ["a number of no known unit", { cost: 12 }, TOKENS_COST, "exact"],
    ["no number", { cost_in_usd_ticks: "37756000", cost: { total_cost: Number.MAX_VALUE } }, TOKENS_COST, "exact"],
    ["below zero", { cost_in_usd_ticks: -5, ...router(-1) }, TOKENS_COST, "exact"],
    ["more than a call can cost, in dollars", { cost: { total_cost: 2_000_000 } }, TOKENS_COST, "exact"],
    ["more than a call can cost", { cost_in_usd_ticks: Number.MAX_SAFE_INTEGER * 10 }, TOKENS_COST, "exact"],
  ])("is charged at what is larger: %s", async (_what, told, cost, status) => {
    provider.script = () => ({ json: chat(told) });
    await openaiClient(provider.url).chat.completions.create(CHAT);
    expect(await charged()).toEqual([cost, status]);
  });

  it("is charged so when it is streamed", async () => {
    const [last, ...before] = chatEvents(["hello"], { input: 12, output: 5 }).toReversed();
    const [usage, ...chunks] = before;
    const events = [...chunks.toReversed(), { ...(usage as object), usage: { ...COUNTS, ...router(0.0033789) } }, last];
    provider.script = () => ({ events });
    const stream = await openaiClient(provider.url).chat.completions.create({ ...CHAT, stream: true });
    for await (const _ of stream);
    expect(await charged()).toEqual([3_378_900, "estimated"]);
  });

  it("is charged so as a response", async () => {
    const usage = { input_tokens: 100, output_tokens: 10, total_tokens: 110, cost_in_usd_ticks: 90_000_000 };
    provider.script = () => ({
      json: { id: "r", object: "response", model: "gpt-5", status: "completed", output: [], usage },
    });
    await openaiClient(provider.url).responses.create({ model: "gpt-5", input: "hi" });
    expect(await charged()).toEqual([9_000_000, "estimated"]);
  });

  it("is not free where nobody else knows a price", async () => {
    ledger.unknownPrice = "allow";
    provider.script = () => ({ json: chat(router(0.0033789)) });
    await openaiClient(provider.url).chat.completions.create({ ...CHAT, model: "our-llm" });
    expect(await charged()).toEqual([3_378_900, "estimated"]);
  });

  it("is no failure of the gate where it is more than was reserved", async () => {
    provider.script = () => ({ json: chat(router(0.5)) });
    await openaiClient(provider.url).chat.completions.create(CHAT);
    expect(await charged()).toEqual([500_000_000, "estimated"]);
    expect(gated.gate.failures).toBe(0);
    expect(gated.log.join("")).toContain("more than was reserved");
  });
});

it("tells of a stream when its first chunk came, whenever the others do", async () => {
  provider.script = () => ({ events: chatEvents(["Hel", "lo"], { input: 11, output: 7 }) });
  const stream = await openaiClient(provider.url).chat.completions.create({ ...ASK, model: "gpt-5", stream: true });
  const [call] = gated.gate.open as ReadonlySet<unknown> as ReadonlySet<GatedCall>;
  const span = call?.span as unknown as ReadableSpan;
  const told = () => span.attributes["gen_ai.response.time_to_first_chunk"];
  const times: unknown[] = [];
  for await (const chunk of stream) {
    void chunk;
    times.push(told());
    // Two of a burst may be read within a tick of the clock.
    const at = performance.now();
    while (performance.now() === at);
    call?.firstChunk();
  }
  expect([times.length > 1, new Set(times)]).toEqual([true, new Set([expect.any(Number)])]);
  expect((await settledSpan())["gen_ai.response.time_to_first_chunk"]).toBe(times[0]);
});
