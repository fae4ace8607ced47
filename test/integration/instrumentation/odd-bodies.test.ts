/**
 * Goal: the gate judges what is serialised, and an app that can't serialise its request reads the SDK's own error. Method: bodies with getters,
 * boxed values and objects that tell themselves as JSON, held against what the bare SDK sends and throws.
 */
import { GoogleGenAI, Models } from "@google/genai";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { guard } from "../../../instrumentation/src/guard/guard.ts";
import { patchModels } from "../../../instrumentation/src/google/patch-models.ts";
import { registerGate } from "../../../instrumentation/src/gate/registry.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { anthropicClient, openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { chatCompletion, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";
import { useWireHooks } from "../../support/wire-hooks.ts";

const REQUEST = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "hi" }] };
const LIMIT = 1_000_000n;
/** gpt-4o-mini's output, nano-dollars a token. */
const OUTPUT = 600n;

let provider: ScriptedProvider;
let gated: GatedProcess;
let ledger: MemoryLedger;

useWireHooks();
beforeAll(() => void patchModels(Models.prototype));

beforeEach(async () => {
  provider = await startScriptedProvider(() => ({ json: chatCompletion({ input: 9, output: 4 }) }));
  ledger = new MemoryLedger(LIMIT);
  gated = startGatedProcess({ transport: ledger });
  registerWire(new Wire(gated.gate));
});

afterEach(async () => {
  registerWire(undefined);
  await gated.stop();
  await provider.close();
});

const ask = (body: object): Promise<unknown> => openaiClient(provider.url).chat.completions.create(body as never);

/** What it throws with the gate, and without. */
async function errors(work: () => Promise<unknown>): Promise<readonly [unknown, unknown]> {
  const thrown = async (): Promise<unknown> => {
    try {
      return await work();
    } catch (error) {
      return error;
    }
  };
  const ours = await thrown();
  await gated.stop();
  registerWire(undefined);
  registerGate(undefined);
  return [ours, await thrown()];
}

/** Says one thing when it is read first, and another from then on. */
function fickle<T>(first: T, later: T): () => T {
  let isRead = false;
  return () => {
    const value = isRead ? later : first;
    isRead = true;
    return value;
  };
}

const boom = new RangeError("the app's own");
const throwing = (): never => {
  throw boom;
};

it("a body that is nested too deep to be written again goes as it is, and nothing stays reserved for it", async () => {
  ledger.limit = 100n * LIMIT;
  const depth = 20_000;
  const nested = "[".repeat(depth) + "]".repeat(depth);
  const body = `${JSON.stringify({ ...REQUEST, max_tokens: 9 }).slice(0, -1)},"metadata":${nested}}`;
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${provider.url}/v1/chat/completions`, { method: "POST", headers, body });
  expect(response.status).toBe(200);
  await response.text();
  await gated.stop();
  expect(provider.requests).toHaveLength(1);
  expect(ledger).toMatchObject({ outstanding: 0n, settled: 9n * 150n + 4n * OUTPUT });
});

describe("a request that can't be serialised", () => {
  it.each([
    ["a getter at the top", () => Object.defineProperty({ ...REQUEST }, "user", { get: throwing, enumerable: true })],
    [
      "a getter further down",
      () => ({
        ...REQUEST,
        messages: [Object.defineProperty({ role: "user" }, "content", { get: throwing, enumerable: true })],
      }),
    ],
    ["a toJSON", () => ({ ...REQUEST, metadata: { toJSON: throwing } })],
  ])("is rejected with what %s throws", async (_what, body) => {
    expect(await errors(() => ask(body()))).toEqual([boom, boom]);
    expect(await errors(() => anthropicClient(provider.url).messages.create(body() as never))).toEqual([boom, boom]);
    expect([ledger.settled, ledger.outstanding, gated.gate.failures]).toEqual([0n, 0n, 0]);
  });

  it("is rejected with the SDK's error for a BigInt, and for a circle", async () => {
    const circle: Record<string, unknown> = { ...REQUEST };
    circle["metadata"] = circle;
    for (const body of [circle, { ...REQUEST, seed: 5n }]) {
      const [ours, bare] = await errors(() => ask(body));
      expect(ours).toBeInstanceOf(TypeError);
      expect(ours).toEqual(bare);
      gated = startGatedProcess({ transport: ledger });
    }
    expect(provider.requests).toEqual([]);
    await gated.stop();
    expect([ledger.settled, ledger.outstanding]).toEqual([0n, 0n]);
  });

  it("is rejected with what Google's parameters throw", async () => {
    const client = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: provider.url } });
    const contents = [Object.defineProperty({ role: "user" }, "parts", { get: throwing, enumerable: true })];
    const asked = () => client.models.generateContent({ model: "gemini-2.5-flash", contents: contents as never });
    expect(await errors(asked)).toEqual([boom, boom]);
  });
});

describe("a bound, a count or a tier", () => {
  it.each([
    ["that changes once it was read", fickle(5, 60_000), { enumerable: true }],
    ["that only the object's class has, which no JSON shows", () => 5, { enumerable: false }],
  ])("%s is reserved as it is sent", async (_what, get, how) => {
    await ask(Object.defineProperty({ ...REQUEST }, "max_completion_tokens", { get, ...how }));
    const bound = Number(provider.requests[0]?.body["max_completion_tokens"]);
    expect(bound).toBeGreaterThan(0);
    expect(bound).toBeLessThan(2_000);
  });

  it.each([
    ["boxed", () => new Number(200)],
    ["told as JSON", () => ({ toJSON: () => 200 })],
    ["boxed, with another value for arithmetic", () => Object.assign(new Number(1), { valueOf: () => 200 })],
    ["raw JSON", () => (JSON as unknown as { rawJSON: (text: string) => unknown }).rawJSON("200")],
  ])("counts each answer of %s", async (_what, count) => {
    await ask({ ...REQUEST, max_completion_tokens: 16, n: count() });
    const [sent] = provider.requests.map(({ body }) => body);
    expect(sent?.["n"]).toBe(200);
    expect(200n * BigInt(Number(sent?.["max_completion_tokens"])) * OUTPUT).toBeLessThanOrEqual(LIMIT);
  });

  it("is a dearer tier also where an object tells it", async () => {
    const tier = { toJSON: () => "priority" };
    await expect(ask({ ...REQUEST, max_completion_tokens: 5, service_tier: tier })).rejects.toMatchObject({
      code: "unpriced_model",
      model: "priority/gpt-4o-mini",
    });
    expect(provider.requests).toEqual([]);
  });
});

describe("a prompt", () => {
  const story = "a long story ".repeat(2_000);
  const saying = (get: () => string): object => ({
    ...REQUEST,
    max_completion_tokens: 5,
    messages: [Object.defineProperty({ role: "user" }, "content", { get, enumerable: true })],
  });

  it("is held to its budget as it is sent, where it grows once it was admitted", async () => {
    let isAsked = false;
    ledger.intercept = () => void (isAsked = true);
    await expect(ask(saying(() => (isAsked ? story : "hi")))).rejects.toMatchObject({ code: "budget_exceeded" });
    expect(provider.requests).toEqual([]);
  });

  it("is sent as it is where it says the same each time, with dates, maps and what JSON leaves out", async () => {
    const more = { metadata: { at: new Date(0), map: new Map([[1, 2]]), none: undefined, fn: () => 1 } };
    await ask({ ...saying(() => 'a "quoted"\n'.repeat(400)), ...more });
    expect(provider.requests.map(({ body }) => body)).toMatchObject([
      { metadata: { at: "1970-01-01T00:00:00.000Z", map: {} }, max_completion_tokens: 5 },
    ]);
    await gated.stop();
    expect(gated.spans()).toHaveLength(1);
  });
});

describe("a list of requests", () => {
  const list = [REQUEST, { ...REQUEST, n: 100 }];
  const post = (body: unknown): Promise<unknown> => openaiClient(provider.url).post("/chat/completions", { body });
  const bodies: readonly (readonly [string, () => unknown])[] = [
    ["as it is", () => list],
    ["as text", () => JSON.stringify(list)],
    ["empty", () => []],
  ];

  it.each(bodies)("has no price, and is refused under a hard budget: %s", async (_how, body) => {
    await expect(post(body())).rejects.toMatchObject({ code: "unpriced_model" });
    expect(provider.requests).toEqual([]);
    await gated.stop();
    expect([ledger.settled, ledger.outstanding]).toEqual([0n, 0n]);
  });

  it("is refused by a guard of its client, where nothing looks at the wire", async () => {
    await gated.stop();
    registerWire(undefined);
    const client = guard(openaiClient(provider.url), { budget: "$1", onLimit: "raise" });
    await expect(client.post("/chat/completions", { body: list })).rejects.toMatchObject({ code: "unpriced_model" });
    expect(provider.requests).toEqual([]);
  });

  it("goes as the app has it where the budget lets it, and says that it has no price", async () => {
    ledger.unknownPrice = "allow";
    const [ours, bare] = await errors(() => post(list));
    expect(ours).toEqual(bare);
    const [sent, sentBare] = provider.requests.map(({ body }) => body);
    expect(sent).toEqual(list);
    expect(sent).toEqual(sentBare);
    expect(gated.spans().map(({ attributes }) => attributes)).toMatchObject([
      { "gen_ai.request.model": "unknown", "tollgate.cost.status": "unpriced", "tollgate.cost.known": false },
    ]);
  });
});
