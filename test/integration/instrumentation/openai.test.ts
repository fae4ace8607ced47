/**
 * The real `openai` package against a scripted provider: what is charged equals what the provider said, the app sees what
 * the bare SDK gives, and nothing stays reserved.
 */
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BudgetExceeded, UnpricedModel } from "../../../instrumentation/src/errors.ts";
import { openaiClient, startGatedProcess } from "../../support/gated-process.ts";
import type { GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import {
  chatCompletion,
  chatEvents,
  responsesAnswer,
  responsesEvents,
  startScriptedProvider,
} from "../../support/scripted-provider.ts";
import type { Script, ScriptedProvider } from "../../support/scripted-provider.ts";

/** gpt-4o-mini: $0.15 and $0.60 per million tokens, in nano-dollars per token. */
const INPUT = 150n;
const OUTPUT = 600n;
const MODEL = "gpt-4o-mini";
const MESSAGES = [{ role: "user" as const, content: "say hello" }];

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

const streamed: Script = ({ body }) => {
  const options = body["stream_options"] as { include_usage?: boolean } | undefined;
  return { events: chatEvents(["Hel", "lo"], options?.include_usage === true ? { input: 11, output: 7 } : undefined) };
};

async function onlySpan(): Promise<Record<string, unknown>> {
  const spans = gated.spans();
  expect(spans).toHaveLength(1);
  return { ...spans[0]?.attributes, name: spans[0]?.name, status: spans[0]?.status.code };
}

/** Everything that was set aside has been settled or given back. */
async function expectNothingHeld(spent: bigint): Promise<void> {
  await gated.stop();
  expect(ledger.settled).toBe(spent);
  expect(ledger.outstanding).toBe(0n);
}

describe("chat.completions.create", () => {
  it("settles the usage that the provider reports, to the nano-dollar", async () => {
    provider.script = () => ({ json: chatCompletion({ input: 12, output: 5 }) });
    const answer = await openaiClient(provider.url).chat.completions.create({ model: MODEL, messages: MESSAGES });
    expect(answer.choices[0]?.message.content).toBe("hello");
    const span = await onlySpan();
    expect(span).toMatchObject({
      name: "chat gpt-4o-mini",
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.usage.input_tokens": 12,
      "gen_ai.usage.output_tokens": 5,
      "tollgate.cost.nano_usd": Number(12n * INPUT + 5n * OUTPUT),
      "tollgate.cost.status": "exact",
      "tollgate.decision": "allow",
      "tollgate.budget.name": "fleet",
    });
    expect(span["tollgate.lease.id"]).toMatch(/^[0-9a-f]{32}$/);
    await expectNothingHeld(12n * INPUT + 5n * OUTPUT);
  });

  it("asks a stream for its usage and hides that from an app that did not", async () => {
    provider.script = streamed;
    const stream = await openaiClient(provider.url).chat.completions.create({
      model: MODEL,
      messages: MESSAGES,
      stream: true,
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(provider.requests[0]?.body).toMatchObject({ stream_options: { include_usage: true } });
    expect(chunks.every((chunk) => chunk.choices.length === 1 && !("usage" in chunk))).toBe(true);
    expect(chunks).toHaveLength(3);
    expect(await onlySpan()).toMatchObject({ "tollgate.cost.status": "exact", "gen_ai.usage.output_tokens": 7 });
    await expectNothingHeld(11n * INPUT + 7n * OUTPUT);
  });

  it("gives the usage to an app that asked for it", async () => {
    provider.script = streamed;
    const stream = await openaiClient(provider.url).chat.completions.create({
      model: MODEL,
      messages: MESSAGES,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.at(-1)?.usage).toEqual({ prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 });
  });

  it("reads usage from a last chunk that has choices", async () => {
    const [first, ...rest] = chatEvents(["Hi"]);
    provider.script = () => ({
      events: [{ ...(first as object), usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }, ...rest],
    });
    const stream = await openaiClient(provider.url).chat.completions.create({
      model: MODEL,
      messages: MESSAGES,
      stream: true,
    });
    for await (const chunk of stream) expect(chunk.choices).toHaveLength(1);
    expect(await onlySpan()).toMatchObject({ "tollgate.cost.status": "exact", "gen_ai.usage.input_tokens": 3 });
  });

  it("charges an abandoned stream by what was seen, never less, and says that it is an estimate", async () => {
    provider.script = streamed;
    const stream = await openaiClient(provider.url).chat.completions.create({
      model: MODEL,
      messages: MESSAGES,
      stream: true,
    });
    for await (const chunk of stream) {
      expect(chunk.choices[0]?.delta.content).toBe("Hel");
      break;
    }
    expect(stream.controller.signal.aborted).toBe(true);
    const span = await onlySpan();
    expect(span["tollgate.cost.status"]).toBe("estimated");
    expect(span["tollgate.cost.nano_usd"]).toBeGreaterThan(Number(11n * INPUT + 7n * OUTPUT));
    await expectNothingHeld(BigInt(Number(span["tollgate.cost.nano_usd"])));
  });

  it("counts a stream without any usage as an estimate", async () => {
    provider.script = () => ({ events: chatEvents(["a", "b"]) });
    const stream = await openaiClient(provider.url).chat.completions.create({
      model: MODEL,
      messages: MESSAGES,
      stream: true,
    });
    for await (const chunk of stream) expect(chunk.id).toBe("chatcmpl-1");
    expect(await onlySpan()).toMatchObject({ "tollgate.cost.status": "estimated", "gen_ai.usage.output_tokens": 11 });
  });

  it("charges what was reserved when the connection is lost after the request left, and again for the retry", async () => {
    provider.script = (_request, index) =>
      index === 0 ? { cutAfter: 0 } : { json: chatCompletion({ input: 12, output: 5 }) };
    const client = openaiClient(provider.url, { maxRetries: 1 });
    await client.chat.completions.create({ model: MODEL, messages: MESSAGES, max_tokens: 100 });
    const span = await onlySpan();
    const exact = 12n * INPUT + 5n * OUTPUT;
    expect(span["tollgate.cost.status"]).toBe("estimated");
    expect(span["tollgate.cost.nano_usd"]).toBe(Number(exact) + Number(span["tollgate.reserved.nano_usd"]));
    await expectNothingHeld(BigInt(Number(span["tollgate.cost.nano_usd"])));
  });

  it("charges nothing for attempts that the provider refused, and makes one span of them all", async () => {
    provider.script = (_request, index) => {
      if (index === 0)
        return { status: 429, headers: { "retry-after-ms": "1" }, json: { error: { message: "slow down" } } };
      if (index === 1) return { status: 500, headers: { "retry-after-ms": "1" }, json: { error: { message: "oops" } } };
      return { json: chatCompletion({ input: 12, output: 5 }) };
    };
    const client = openaiClient(provider.url, { maxRetries: 2 });
    await client.chat.completions.create({ model: MODEL, messages: MESSAGES });
    expect(provider.requests).toHaveLength(3);
    expect(await onlySpan()).toMatchObject({ "tollgate.cost.status": "exact", status: 0 });
    await expectNothingHeld(12n * INPUT + 5n * OUTPUT);
  });

  it("passes the provider's error on as the SDK's own, and charges nothing", async () => {
    provider.script = () => ({ status: 400, json: { error: { message: "bad request", code: "nope" } } });
    const call = openaiClient(provider.url).chat.completions.create({ model: MODEL, messages: MESSAGES });
    await expect(call).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    expect(await onlySpan()).toMatchObject({ "tollgate.cost.nano_usd": 0, "error.type": "400", status: 2 });
    await expectNothingHeld(0n);
  });

  it("charges what was reserved for an answer that is not JSON", async () => {
    provider.script = () => ({ text: "{ nonsense" });
    const call = openaiClient(provider.url).chat.completions.create({
      model: MODEL,
      messages: MESSAGES,
      max_tokens: 10,
    });
    await expect(call).rejects.toBeInstanceOf(SyntaxError);
    const span = await onlySpan();
    expect(span).toMatchObject({ "tollgate.cost.status": "estimated", status: 2 });
    expect(span["tollgate.cost.nano_usd"]).toBe(span["tollgate.reserved.nano_usd"]);
  });

  it("charges nothing when there is nobody at the address", async () => {
    await provider.close();
    const call = openaiClient(provider.url).chat.completions.create({ model: MODEL, messages: MESSAGES });
    await expect(call).rejects.toBeInstanceOf(OpenAI.APIConnectionError);
    await expectNothingHeld(0n);
    provider = await startScriptedProvider();
  });

  it("lowers the output bound to what the budget has left, without touching the app's object", async () => {
    ledger.limit = 100_000n;
    provider.script = () => ({ json: chatCompletion({ input: 12, output: 5 }) });
    const request = { model: MODEL, messages: MESSAGES, max_tokens: 4_000 };
    await openaiClient(provider.url).chat.completions.create(request);
    expect(request.max_tokens).toBe(4_000);
    const sent = Number(provider.requests[0]?.body["max_tokens"]);
    expect(sent).toBeGreaterThan(0);
    expect(BigInt(sent) * OUTPUT).toBeLessThanOrEqual(ledger.limit);
    expect(await onlySpan()).toMatchObject({
      "tollgate.budget.action": "lowered_output_bound",
      "tollgate.bound.output_tokens": sent,
      "tollgate.bound.requested_tokens": 4_000,
    });
  });

  it("refuses a call when too little is left for one token, with a span that has a decision and costs nothing", async () => {
    ledger.limit = 10_000n;
    const call = openaiClient(provider.url).chat.completions.create({ model: MODEL, messages: MESSAGES });
    const error = await call.catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(BudgetExceeded);
    expect(error).toMatchObject({
      code: "budget_exceeded",
      budget: "fleet",
      limit: { measure: "usd", value: 10_000n },
    });
    expect(provider.requests).toHaveLength(0);
    const span = await onlySpan();
    expect(span).toMatchObject({
      "tollgate.decision": "deny",
      "tollgate.cost.nano_usd": 0,
      "tollgate.cost.status": "exact",
      "tollgate.budget.name": "fleet",
      "error.type": "budget_exceeded",
    });
    expect(span).not.toHaveProperty("gen_ai.usage.input_tokens");
  });

  it("refuses a model without a price under a hard budget, naming both", async () => {
    const call = openaiClient(provider.url).chat.completions.create({ model: "no-such-model-9", messages: MESSAGES });
    const error = await call.catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(UnpricedModel);
    expect((error as Error).message).toMatch(/no-such-model-9.*fleet.*unknown_price/);
    expect(await onlySpan()).toMatchObject({ "tollgate.cost.status": "exact", "tollgate.cost.known": false });
    expect(provider.requests).toHaveLength(0);
    await expectNothingHeld(0n);
  });

  it("lets an unpriced model go where the budget allows it, and says so", async () => {
    ledger.unknownPrice = "allow";
    provider.script = () => ({ json: chatCompletion({ input: 12, output: 5 }) });
    await openaiClient(provider.url).chat.completions.create({ model: "no-such-model-9", messages: MESSAGES });
    expect(await onlySpan()).toMatchObject({ "tollgate.cost.status": "unpriced", "tollgate.cost.known": false });
  });

  it("sends the fallback that a threshold of the budget names", async () => {
    provider.script = () => ({ json: chatCompletion({ input: 12, output: 5 }) });
    const client = openaiClient(provider.url);
    ledger.actions = [
      { do: "downgrade", at_percent: 80, fallback: { "gpt-4o": MODEL, "gpt-4.1": "claude-haiku-4-5" } },
    ];
    await client.chat.completions.create({ model: MODEL, messages: MESSAGES });
    await client.chat.completions.create({ model: "gpt-4o", messages: MESSAGES });
    expect(provider.requests[1]?.body["model"]).toBe(MODEL);
    expect(gated.spans()[1]?.attributes).toMatchObject({ "tollgate.fallback.from": "gpt-4o" });

    const fetch = (_url: unknown, init?: RequestInit) => globalThis.fetch(`${provider.url}/v1/chat/completions`, init);
    const theirs = new OpenAI({ apiKey: "test", maxRetries: 0, fetch });
    await theirs.chat.completions.create({ model: "gpt-4.1", messages: MESSAGES });
    expect(provider.requests[2]?.body["model"]).toBe("gpt-4.1");
  });

  it("holds 64 calls at once within the budget", async () => {
    ledger.limit = 3_000_000n;
    provider.script = () => ({ json: chatCompletion({ input: 20, output: 40 }) });
    const client = openaiClient(provider.url);
    const calls = Array.from({ length: 64 }, () =>
      client.chat.completions.create({ model: MODEL, messages: MESSAGES, max_tokens: 500 }),
    );
    const outcomes = await Promise.allSettled(calls);
    const refusals = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
    expect(refusals.every((error) => error instanceof BudgetExceeded)).toBe(true);
    const made = BigInt(provider.requests.length);
    expect(made).toBe(64n);
    await expectNothingHeld(made * (20n * INPUT + 40n * OUTPUT));
    expect(gated.spans()).toHaveLength(64);
  });

  it("stops in the middle when the budget ends, and never passes it", async () => {
    ledger.limit = 400_000n;
    provider.script = () => ({ json: chatCompletion({ input: 20, output: 40 }) });
    const client = openaiClient(provider.url);
    const calls = Array.from({ length: 64 }, () =>
      client.chat.completions.create({ model: MODEL, messages: MESSAGES, max_tokens: 100 }),
    );
    const outcomes = await Promise.allSettled(calls);
    const cost = 20n * INPUT + 40n * OUTPUT;
    const made = BigInt(provider.requests.length);
    expect(outcomes.filter(({ status }) => status === "rejected").length).toBeGreaterThan(0);
    expect(made * cost).toBeLessThanOrEqual(ledger.limit);
    expect(made * cost).toBeGreaterThan((ledger.limit * 7n) / 10n);
    await expectNothingHeld(made * cost);
  });
});

describe("responses.create", () => {
  it("settles plain and streamed answers", async () => {
    provider.script = ({ body }) =>
      body["stream"] === true
        ? { events: responsesEvents(["a", "b"], { input: 9, output: 4 }) }
        : { json: responsesAnswer({ input: 9, output: 4 }) };
    const client = openaiClient(provider.url);
    const answer = await client.responses.create({ model: MODEL, input: "hi" });
    expect(answer.output_text).toBe("hello");
    const types = [];
    for await (const event of await client.responses.create({ model: MODEL, input: "hi", stream: true }))
      types.push(event.type);
    expect(types.at(-1)).toBe("response.completed");
    for (const span of gated.spans()) {
      expect(span.attributes).toMatchObject({
        "tollgate.cost.nano_usd": Number(9n * INPUT + 4n * OUTPUT),
        "tollgate.cost.status": "exact",
      });
    }
    await expectNothingHeld(2n * (9n * INPUT + 4n * OUTPUT));
  });
});

describe("the helpers of the SDK", () => {
  it("gates chat.completions.stream() and parse()", async () => {
    provider.script = (request, index) =>
      request.body["stream"] === true ? streamed(request, index) : { json: chatCompletion({ input: 12, output: 5 }) };
    const client = openaiClient(provider.url);
    const final = await client.chat.completions.stream({ model: MODEL, messages: MESSAGES }).finalContent();
    expect(final).toBe("Hello");
    const parsed = await client.chat.completions.parse({ model: MODEL, messages: MESSAGES });
    expect(parsed.choices[0]?.message.content).toBe("hello");
    expect(gated.spans().map((span) => span.attributes["tollgate.cost.status"])).toEqual(["exact", "exact"]);
  });

  it("gates a request made by client.post()", async () => {
    provider.script = () => ({ json: chatCompletion({ input: 12, output: 5 }) });
    await openaiClient(provider.url).post("/chat/completions", { body: { model: MODEL, messages: MESSAGES } });
    expect(await onlySpan()).toMatchObject({ "tollgate.cost.status": "exact" });
  });

  it("gates a client that was derived by withOptions, and leaves what costs nothing alone", async () => {
    provider.script = ({ path }) =>
      path.endsWith("/models")
        ? { json: { object: "list", data: [] } }
        : { json: chatCompletion({ input: 12, output: 5 }) };
    const client = openaiClient(provider.url).withOptions({ timeout: 5_000 });
    await client.models.list();
    await client.chat.completions.create({ model: MODEL, messages: MESSAGES });
    expect(gated.spans()).toHaveLength(1);
  });
});

describe("the raw response", () => {
  it("is watched when the app takes it with asResponse()", async () => {
    provider.script = () => ({ json: chatCompletion({ input: 12, output: 5 }) });
    const response = await openaiClient(provider.url)
      .chat.completions.create({ model: MODEL, messages: MESSAGES })
      .asResponse();
    expect(response.url).toContain("/chat/completions");
    expect(await response.json()).toMatchObject({ usage: { prompt_tokens: 12 } });
    expect(await onlySpan()).toMatchObject({
      "tollgate.cost.nano_usd": Number(12n * INPUT + 5n * OUTPUT),
      "tollgate.cost.status": "exact",
    });
  });

  it("is watched as a stream of bytes, without the usage that was not asked for", async () => {
    provider.script = streamed;
    const response = await openaiClient(provider.url)
      .chat.completions.create({ model: MODEL, messages: MESSAGES, stream: true })
      .asResponse();
    const text = await response.text();
    expect(text).not.toContain("usage");
    expect(text).toContain("data: [DONE]");
    expect(await onlySpan()).toMatchObject({ "gen_ai.usage.output_tokens": 7, "tollgate.cost.status": "exact" });
  });

  it("comes along with withResponse()", async () => {
    provider.script = () => ({ json: chatCompletion({ input: 12, output: 5 }), headers: { "x-request-id": "req_1" } });
    const answer = await openaiClient(provider.url)
      .chat.completions.create({ model: MODEL, messages: MESSAGES })
      .withResponse();
    expect(answer.request_id).toBe("req_1");
    expect(answer.data.choices).toHaveLength(1);
    expect(await onlySpan()).toMatchObject({ "tollgate.cost.status": "exact" });
  });
});
