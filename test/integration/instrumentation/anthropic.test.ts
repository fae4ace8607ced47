/** The real `@anthropic-ai/sdk` package against a scripted provider. */
import Anthropic from "@anthropic-ai/sdk";
import { trace } from "@opentelemetry/api";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BudgetExceeded } from "../../../instrumentation/src/errors.ts";
import { anthropicClient, startGatedProcess } from "../../support/gated-process.ts";
import type { GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { message, messageEvents, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";

/** claude-haiku-4-5: $1 and $5 per million tokens; cache reads $0.10, 5-minute writes $1.25. Nano-dollars per token. */
const INPUT = 1_000n;
const OUTPUT = 5_000n;
const CACHE_READ = 100n;
const CACHE_WRITE = 1_250n;
const REQUEST = {
  model: "claude-haiku-4-5",
  max_tokens: 100,
  messages: [{ role: "user" as const, content: "say hello" }],
};

let provider: ScriptedProvider;
let gated: GatedProcess;
let ledger: MemoryLedger;

beforeEach(async () => {
  provider = await startScriptedProvider();
  ledger = new MemoryLedger(10n ** 9n);
  gated = startGatedProcess({ transport: ledger });
});

afterEach(async () => {
  await gated.stop();
  await provider.close();
});

function onlySpan(): Record<string, unknown> {
  const spans = gated.spans();
  expect(spans).toHaveLength(1);
  return { ...spans[0]?.attributes, name: spans[0]?.name };
}

async function expectNothingHeld(spent: bigint): Promise<void> {
  await gated.stop();
  expect(ledger.settled).toBe(spent);
  expect(ledger.outstanding).toBe(0n);
}

describe("messages.create", () => {
  it("settles the usage that the provider reports, with cache reads and writes counted into the input", async () => {
    const usage = { input_tokens: 10, output_tokens: 6, cache_read_input_tokens: 40, cache_creation_input_tokens: 20 };
    provider.script = () => ({ json: message(usage) });
    const system = [{ type: "text" as const, text: "be brief", cache_control: { type: "ephemeral" as const } }];
    const answer = await anthropicClient(provider.url).messages.create({ ...REQUEST, system });
    expect(answer.content[0]).toMatchObject({ text: "hello" });
    const cost = 10n * INPUT + 40n * CACHE_READ + 20n * CACHE_WRITE + 6n * OUTPUT;
    expect(onlySpan()).toMatchObject({
      name: "chat claude-haiku-4-5",
      "gen_ai.provider.name": "anthropic",
      "gen_ai.usage.input_tokens": 70,
      "gen_ai.usage.cache_read.input_tokens": 40,
      "gen_ai.usage.cache_write.input_tokens": 20,
      "tollgate.cost.nano_usd": Number(cost),
      "tollgate.cost.status": "exact",
    });
    await expectNothingHeld(cost);
  });

  it("settles a stream by the last cumulative count", async () => {
    provider.script = () => ({ events: messageEvents(["Hel", "lo"], { input: 12, output: 9 }) });
    const types = [];
    const stream = await anthropicClient(provider.url).messages.create({ ...REQUEST, stream: true });
    for await (const event of stream) types.push(event.type);
    expect(types.at(-1)).toBe("message_stop");
    expect(onlySpan()).toMatchObject({ "tollgate.cost.status": "exact", "gen_ai.usage.output_tokens": 9 });
    await expectNothingHeld(12n * INPUT + 9n * OUTPUT);
  });

  it("takes the input of an abandoned stream from its start and estimates the output, never too low", async () => {
    provider.script = () => ({ events: messageEvents(["Hel", "lo"], { input: 12, output: 9 }) });
    const stream = await anthropicClient(provider.url).messages.create({ ...REQUEST, stream: true });
    for await (const event of stream) if (event.type === "content_block_delta") break;
    const span = onlySpan();
    expect(span).toMatchObject({ "tollgate.cost.status": "estimated", "gen_ai.usage.input_tokens": 12 });
    expect(span["tollgate.cost.nano_usd"]).toBeGreaterThanOrEqual(Number(12n * INPUT + 9n * OUTPUT));
    await expectNothingHeld(BigInt(Number(span["tollgate.cost.nano_usd"])));
  });

  it("charges a stream that breaks off by what was seen, and passes the SDK's error on", async () => {
    provider.script = () => ({ events: messageEvents(["Hel", "lo"], { input: 12, output: 9 }), cutAfter: 4 });
    const stream = await anthropicClient(provider.url).messages.create({ ...REQUEST, stream: true });
    const read = async (): Promise<void> => {
      for await (const event of stream) expect(event.type).toBeTypeOf("string");
    };
    await expect(read()).rejects.toBeInstanceOf(Error);
    expect(onlySpan()).toMatchObject({ "tollgate.cost.status": "estimated", "gen_ai.usage.input_tokens": 12 });
    const cost = BigInt(Number(onlySpan()["tollgate.cost.nano_usd"]));
    expect(cost).toBeGreaterThanOrEqual(12n * INPUT + 9n * OUTPUT);
    await expectNothingHeld(cost);
  });

  it("lowers max_tokens to what the budget has left", async () => {
    ledger.limit = 2_000_000n;
    provider.script = () => ({ json: message({ input_tokens: 10, output_tokens: 6 }) });
    await anthropicClient(provider.url).messages.create({ ...REQUEST, max_tokens: 8_000 });
    const sent = Number(provider.requests[0]?.body["max_tokens"]);
    expect(BigInt(sent) * OUTPUT).toBeLessThanOrEqual(ledger.limit);
    expect(onlySpan()).toMatchObject({
      "tollgate.bound.requested_tokens": 8_000,
      "tollgate.bound.output_tokens": sent,
    });
  });

  it("keeps a thinking budget below the lowered bound", async () => {
    ledger.limit = 10_000_000n;
    provider.script = () => ({ json: message({ input_tokens: 10, output_tokens: 6 }) });
    const thinking = { type: "enabled" as const, budget_tokens: 4_000 };
    await anthropicClient(provider.url).messages.create({ ...REQUEST, max_tokens: 8_000, thinking });
    const { max_tokens: bound, thinking: sent } = { ...provider.requests[0]?.body } as {
      max_tokens: number;
      thinking: { budget_tokens: number };
    };
    expect(bound).toBeLessThan(4_000);
    expect(sent.budget_tokens).toBe(bound - 1);
  });

  it("throws the typed error, not the SDK's, when the budget is used up", async () => {
    ledger.limit = 1_000n;
    await expect(anthropicClient(provider.url).messages.create(REQUEST)).rejects.toBeInstanceOf(BudgetExceeded);
    expect(provider.requests).toHaveLength(0);
  });

  it("charges nothing for an overloaded provider and one answer for the retry", async () => {
    provider.script = (_request, index) =>
      index === 0
        ? {
            status: 529,
            headers: { "retry-after-ms": "1" },
            json: { type: "error", error: { type: "overloaded_error", message: "busy" } },
          }
        : { json: message({ input_tokens: 10, output_tokens: 6 }) };
    await anthropicClient(provider.url, { maxRetries: 1 }).messages.create(REQUEST);
    expect(onlySpan()).toMatchObject({ "tollgate.cost.status": "exact" });
    await expectNothingHeld(10n * INPUT + 6n * OUTPUT);
  });

  it("passes the provider's error on as the SDK's own", async () => {
    provider.script = () => ({
      status: 401,
      json: { type: "error", error: { type: "authentication_error", message: "no" } },
    });
    await expect(anthropicClient(provider.url).messages.create(REQUEST)).rejects.toBeInstanceOf(
      Anthropic.AuthenticationError,
    );
    await expectNothingHeld(0n);
  });
});

describe("the rest of the SDK", () => {
  it("gates messages.stream(), and asks nothing for countTokens", async () => {
    provider.script = ({ path }) =>
      path.endsWith("/count_tokens")
        ? { json: { input_tokens: 5 } }
        : { events: messageEvents(["Hel", "lo"], { input: 12, output: 9 }) };
    const client = anthropicClient(provider.url);
    await client.messages.countTokens({ model: REQUEST.model, messages: REQUEST.messages });
    expect(await client.messages.stream(REQUEST).finalText()).toBe("Hello");
    expect(onlySpan()).toMatchObject({ "tollgate.cost.status": "exact" });
  });

  it("watches the raw response of a stream", async () => {
    provider.script = () => ({ events: messageEvents(["Hel", "lo"], { input: 12, output: 9 }) });
    const response = await anthropicClient(provider.url)
      .messages.create({ ...REQUEST, stream: true })
      .asResponse();
    expect(await response.text()).toContain("message_stop");
    expect(onlySpan()).toMatchObject({ "tollgate.cost.nano_usd": Number(12n * INPUT + 9n * OUTPUT) });
  });

  it("makes no span of its own beside the gate's, so that the cost is counted once", async () => {
    const exporter = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
    provider.script = () => ({ json: message({ input_tokens: 10, output_tokens: 6 }) });
    await anthropicClient(provider.url).messages.create(REQUEST);
    expect(exporter.getFinishedSpans().map((span) => span.name)).toEqual([]);
    expect(gated.spans()).toHaveLength(1);
    trace.disable();
  });
});
