/**
 * Goal: what leaves is what was admitted, whatever an app's own code makes of a request on its way. Method: bodies that tell themselves as
 * JSON, hooks of subclasses, a `fetch` of the app's own; what arrives at the provider is held against what the ledger was asked for.
 */
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BudgetExceeded, findTollgateError } from "../../../instrumentation/src/errors.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { guard } from "../../../instrumentation/src/guard/guard.ts";
import { anthropicClient, openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { chatCompletion, chatEvents, message, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";
import { useWireHooks } from "../../support/wire-hooks.ts";

const USAGE = { input: 9, output: 4 };
const REQUEST = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "hi" }] };

let provider: ScriptedProvider;
let gated: GatedProcess;
let ledger: MemoryLedger;

useWireHooks();

beforeEach(async () => {
  provider = await startScriptedProvider(({ body }) =>
    body["stream"] === true ? { events: chatEvents(["a"], USAGE) } : { json: chatCompletion(USAGE) },
  );
  // Less than the longest answer of the model costs.
  ledger = new MemoryLedger(1_000_000n);
  gated = startGatedProcess({ transport: ledger });
  registerWire(new Wire(gated.gate));
});

afterEach(async () => {
  registerWire(undefined);
  await gated.stop();
  await provider.close();
});

/** As apps build requests: what is sent is not what its members say. */
class Told {
  readonly model = REQUEST.model;
  readonly #body: object;

  constructor(body: object) {
    this.#body = body;
  }

  toJSON(): object {
    return this.#body;
  }
}

describe("a body that tells itself as JSON", () => {
  it("is sent as it tells itself, with the bound that the money covers", async () => {
    await openaiClient(provider.url).post("/chat/completions", { body: new Told(REQUEST) });
    const { max_completion_tokens: bound, ...rest } = provider.requests[0]?.body ?? {};
    expect(rest).toEqual(REQUEST);
    expect(bound).toBeGreaterThan(0);
    expect(bound).toBeLessThan(2_000);
  });

  it("is bounded by what it tells, also where a member of its own does the telling", async () => {
    const body = { ...REQUEST, max_tokens: 1, toJSON: () => ({ ...REQUEST, max_tokens: 16_000 }) };
    await openaiClient(provider.url).post("/chat/completions", { body });
    expect(provider.requests[0]?.body["max_tokens"]).toBeLessThan(2_000);
  });

  it("is asked for its stream's usage, which the app does not see", async () => {
    const body = new Told({ ...REQUEST, max_tokens: 50, stream: true });
    const stream = await openaiClient(provider.url).post("/chat/completions", { body, stream: true });
    const events: object[] = [];
    for await (const event of stream as AsyncIterable<object>) events.push(event);
    expect(provider.requests[0]?.body).toMatchObject({ ...REQUEST, stream_options: { include_usage: true } });
    expect(events.filter((event) => "usage" in event)).toEqual([]);
    await gated.stop();
    expect(gated.spans()[0]?.attributes["tollgate.cost.status"]).toBe("exact");
  });
});

/** As apps post what they have serialised themselves. */
const WRITTEN: Readonly<Record<string, (text: string) => unknown>> = {
  "a Buffer": (text) => Buffer.from(text),
  "a view into more": (text) => new Uint8Array(Buffer.from(`..${text}..`)).subarray(2, -2),
  "an ArrayBuffer": (text) => new TextEncoder().encode(text).buffer,
  "a text": (text) => text,
};

describe.each(Object.entries(WRITTEN))("a body that is %s", (_name, written) => {
  const bytes = (body: object): unknown => written(JSON.stringify(body, undefined, 2));
  const headers = { "content-type": "application/json" };

  it("says the same where it is bounded, as one call, and is charged for what it says", async () => {
    const body = bytes({ ...REQUEST, max_completion_tokens: 5 });
    await openaiClient(provider.url).post("/chat/completions", { body, headers });
    expect(provider.requests.map((request) => request.body)).toEqual([{ ...REQUEST, max_completion_tokens: 5 }]);
    expect(gated.spans()).toHaveLength(1);
    expect(gated.spans()[0]?.attributes).toMatchObject({
      "gen_ai.request.model": REQUEST.model,
      "gen_ai.usage.output_tokens": USAGE.output,
      "tollgate.cost.status": "exact",
    });
  });

  it("gets the bound that the money covers where it has none", async () => {
    await openaiClient(provider.url).post("/chat/completions", { body: bytes(REQUEST), headers });
    const { max_completion_tokens: bound, ...rest } = provider.requests[0]?.body ?? {};
    expect(rest).toEqual(REQUEST);
    expect(bound).toBeLessThan(2_000);
  });

  it("is refused where the money does not cover what it asks for", async () => {
    ledger.limit = 1n;
    const sent = openaiClient(provider.url).post("/chat/completions", { body: bytes(REQUEST), headers });
    await expect(sent).rejects.toSatisfy((error) => findTollgateError(error)?.code === "budget_exceeded");
    expect(provider.requests).toEqual([]);
  });
});

const BOUNDED = { ...REQUEST, max_completion_tokens: 5 };
const rewritten = (text: unknown, more: object): string => JSON.stringify({ ...JSON.parse(String(text)), ...more });

/** Each makes the same of a request that was admitted with a bound of 5. */
const WAYS: Readonly<Record<string, (more: object) => OpenAI>> = {
  "a fetch of the app's own": (more) =>
    openaiClient(provider.url, {
      fetch: (input: string, init: RequestInit) => fetch(input, { ...init, body: rewritten(init.body, more) }),
    }),
  "a subclass's prepareRequest"(more) {
    class Own extends OpenAI {
      protected override async prepareRequest(request: RequestInit): Promise<void> {
        request.body = rewritten(request.body, more);
      }
    }
    return new Own({ apiKey: "k", baseURL: `${provider.url}/v1`, maxRetries: 2 });
  },
  "a subclass's prepareOptions"(more) {
    class Own extends OpenAI {
      protected override async prepareOptions(options: { body?: unknown }): Promise<void> {
        Object.assign(options.body as object, more);
      }
    }
    return new Own({ apiKey: "k", baseURL: `${provider.url}/v1`, maxRetries: 2 });
  },
};

describe.each(Object.entries(WAYS))("what %s makes of an admitted request", (_way, clientWith) => {
  it("is admitted anew where it asks for more, with the bound that the money covers, and charged once", async () => {
    await clientWith({ max_completion_tokens: 16_000 }).chat.completions.create({ ...BOUNDED });
    expect(provider.requests).toHaveLength(1);
    expect(provider.requests[0]?.body["max_completion_tokens"]).toBeLessThan(2_000);
    await gated.stop();
    const told = gated.spans().map(({ attributes }) => attributes);
    expect(told.map((span) => [span["tollgate.wire"], span["tollgate.cost.status"]])).toEqual([
      ["fetch", "exact"],
      [undefined, "exact"],
    ]);
    expect(told.map((span) => span["tollgate.cost.nano_usd"])).toEqual([Number(ledger.settled), 0]);
    expect(ledger.settled).toBe(9n * 150n + 4n * 600n);
  });

  it("is refused with the typed error where no money is left for it, and not tried again", async () => {
    const prompt = "a long story ".repeat(2_000);
    const messages = [{ role: "user" as const, content: prompt }];
    await expect(clientWith({ messages }).chat.completions.create({ ...BOUNDED })).rejects.toBeInstanceOf(
      BudgetExceeded,
    );
    expect(provider.requests).toEqual([]);
    await gated.stop();
    expect([ledger.settled, ledger.outstanding]).toEqual([0n, 0n]);
  });

  it("goes as it is where it asks for no more", async () => {
    await clientWith({ max_completion_tokens: 3, user: "ada" }).chat.completions.create({ ...BOUNDED });
    expect(provider.requests[0]?.body).toEqual({ ...BOUNDED, max_completion_tokens: 3, user: "ada" });
    await gated.stop();
    expect(gated.spans()).toHaveLength(1);
    expect(gated.spans()[0]?.attributes["tollgate.cost.nano_usd"]).toBe(Number(ledger.settled));
  });
});

describe("a request that an app's own code changes on its way", () => {
  it.each([
    ["another model", { model: "gpt-4o" }, { model: "gpt-4o", max_completion_tokens: 5 }],
    ["more answers", { n: 8 }, { n: 8, max_completion_tokens: 5 }],
    ["no bound", { max_completion_tokens: undefined }, { max_completion_tokens: expect.any(Number) as number }],
  ])("is a call of its own where it asks for %s", async (_what, more, sent) => {
    await WAYS["a fetch of the app's own"]?.(more).chat.completions.create({ ...BOUNDED });
    expect(provider.requests.map(({ body }) => body)).toMatchObject([sent]);
    await gated.stop();
    const told = gated
      .spans()
      .map(({ attributes }) => [attributes["tollgate.wire"], attributes["tollgate.cost.nano_usd"]]);
    expect(Object.fromEntries(told)).toEqual({ fetch: Number(ledger.settled), undefined: 0 });
  });

  it("streams as it does without the gate: usage that only the gate asked for is not shown", async () => {
    const client = WAYS["a fetch of the app's own"]?.({ max_completion_tokens: 900 });
    const stream = await client?.chat.completions.create({ ...BOUNDED, stream: true });
    const events: object[] = [];
    for await (const event of stream ?? []) events.push(event);
    expect(events.length).toBeGreaterThan(1);
    expect(events.filter((event) => "usage" in event)).toEqual([]);
    await gated.stop();
    expect(gated.spans().map(({ attributes }) => attributes["tollgate.cost.status"])).toEqual(["exact", "exact"]);
    expect(ledger.settled).toBe(9n * 150n + 4n * 600n);
  });

  it("is held to the budget of a guarded client", async () => {
    const own = WAYS["a fetch of the app's own"]?.({ max_completion_tokens: 900 }) as OpenAI;
    const guarded = guard(own, { budget: 0.0001 });
    await guarded.chat.completions.create({ ...BOUNDED });
    expect(provider.requests[0]?.body["max_completion_tokens"]).toBeLessThan(200);
    expect(guarded.tollgate).toMatchObject({ spent: 0.00000375 });
  });

  it("is held where a middleware of Anthropic's client changes it, and a request that it sends again is a call of its own", async () => {
    provider.script = () => ({ json: message({ input_tokens: 9, output_tokens: 4 }) });
    const client = anthropicClient(provider.url, {
      middleware: [
        async (request: { body: string }, next: (request: unknown) => Promise<Response>) => {
          const changed = { ...request, body: rewritten(request.body, { max_tokens: 60_000 }) };
          await (await next(changed)).text();
          return next(changed);
        },
      ],
    });
    await client.messages.create({ model: "claude-haiku-4-5", max_tokens: 5, messages: [...REQUEST.messages] });
    expect(provider.requests.map(({ body }) => Number(body["max_tokens"]) < 2_000)).toEqual([true, true]);
    await gated.stop();
    expect(ledger.settled).toBe(2n * (9n * 1_000n + 4n * 5_000n));
  });
});
