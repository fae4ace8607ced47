/**
 * Tollgate's own mistakes, made on purpose: each place of an adapter is made to throw, around real SDKs. Before a request they follow
 * `fail_mode`; after it the app gets its answer all the same, the call counts as reserved, and each mistake is counted and told.
 */
import { Models, GoogleGenAI } from "@google/genai";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { anthropicAdapter } from "../../../instrumentation/src/anthropic/adapter.ts";
import type { Endpoint } from "../../../instrumentation/src/gate/endpoint.ts";
import { GateUnavailable } from "../../../instrumentation/src/errors.ts";
import { patchModels } from "../../../instrumentation/src/google/patch-models.ts";
import { guard } from "../../../instrumentation/src/guard/guard.ts";
import { openaiAdapter } from "../../../instrumentation/src/openai/adapter.ts";
import { RatedModelPrice } from "../../../instrumentation/src/pricing/rates.ts";
import { ProviderSimulator } from "../../../src/demo/provider/simulator.ts";
import { anthropicClient, openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";

const REQUEST = { model: "gpt-4o-mini", max_tokens: 60, messages: [{ role: "user" as const, content: "hi" }] };
const CLAUDE = { ...REQUEST, model: "claude-haiku-4-5" };

const chatCompletions = endpointOf(openaiAdapter.endpointOf("/chat/completions"));
const messages = endpointOf(anthropicAdapter.endpointOf("/v1/messages"));

let simulator: ProviderSimulator;
let url: string;
let ledger: MemoryLedger;
let gated: GatedProcess;

beforeAll(() => void patchModels(Models.prototype));

beforeEach(async () => {
  simulator = new ProviderSimulator({ outputTokens: { min: 20, max: 60 } });
  url = await simulator.start();
  ledger = new MemoryLedger(10n ** 9n);
  gated = startGatedProcess({ transport: ledger });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await gated.stop();
  await simulator.stop();
});

const boom = (): never => {
  throw new TypeError("adapter broke");
};
const ask = () => openaiClient(url).chat.completions.create(REQUEST);

/** The very object that the clients use. */
function endpointOf(endpoint: Endpoint | undefined): Endpoint {
  if (endpoint === undefined) throw new Error("the adapter has no such endpoint");
  return endpoint;
}

/** The answer came; what it costs is not below what the provider billed; nothing stays reserved; the mistake is on record. */
async function expectContained(): Promise<void> {
  await gated.stop();
  const paid = BigInt(simulator.count().nano_usd);
  expect(paid).toBeGreaterThan(0n);
  expect(ledger.settled).toBeGreaterThanOrEqual(paid);
  expect(ledger.outstanding).toBe(0n);
  const [span] = gated.spans();
  expect(span?.attributes["tollgate.cost.status"]).toBe("estimated");
  expect(span?.attributes["tollgate.cost.nano_usd"]).toBe(Number(ledger.settled));
  expect(gated.gate.failures).toBeGreaterThan(0);
  expect(gated.log.join("")).toContain("adapter broke");
  expect(gated.gate.open.size).toBe(0);
}

describe("before the request", () => {
  it.each(["readRequest", "rewrite"] as const)(
    "closes the gate with the typed error when %s throws",
    async (method) => {
      vi.spyOn(chatCompletions, method).mockImplementation(boom);
      await expect(ask()).rejects.toBeInstanceOf(GateUnavailable);
      expect(simulator.count().calls).toBe(0);
      await gated.stop();
      expect(ledger.outstanding).toBe(0n);
      expect(gated.gate.failures).toBe(1);
    },
  );

  it.each(["readRequest", "rewrite"] as const)(
    "lets the call go under fail mode open when %s throws",
    async (method) => {
      await gated.stop();
      gated = startGatedProcess({ transport: ledger, env: { TOLLGATE_FAIL_MODE: "open" } });
      vi.spyOn(chatCompletions, method).mockImplementation(boom);
      expect((await ask()).choices).toHaveLength(1);
      await gated.stop();
      expect(ledger.outstanding).toBe(0n);
      expect(gated.gate.failures).toBe(1);
    },
  );

  it("closes it for Google's client too, whatever the parameters are", async () => {
    const client = new GoogleGenAI({ apiKey: "test", httpOptions: { baseUrl: url } });
    const params = { model: "gemini-2.5-flash", contents: "hi" };
    vi.spyOn(
      client.models as unknown as { apiClient: { isVertexAI(): boolean } },
      "apiClient",
      "get",
    ).mockImplementation(boom);
    await expect(client.models.generateContent(params)).rejects.toBeInstanceOf(GateUnavailable);
    expect(simulator.count().calls).toBe(0);
  });

  it("refuses with the budget's own error when the answer in its place can't be made", async () => {
    const client = guard(openaiClient(url), { budget: "$1", onLimit: "stop" });
    client.tollgate.record(1);
    vi.spyOn(chatCompletions, "blockedAnswer").mockImplementation(boom);
    await expect(client.chat.completions.create(REQUEST)).rejects.toMatchObject({ code: "budget_exceeded" });
    expect(simulator.count().calls).toBe(0);
  });
});

describe("after the request", () => {
  it("gives the app its answer when the answer can't be read", async () => {
    vi.spyOn(chatCompletions, "readAnswer").mockImplementation(boom);
    expect((await ask()).choices[0]?.message.content).not.toBe("");
    await expectContained();
  });

  it("gives the app its answer when it can't be priced", async () => {
    vi.spyOn(RatedModelPrice.prototype, "cost").mockImplementation(boom);
    expect((await ask()).choices).toHaveLength(1);
    await expectContained();
  });

  it("gives the app its raw answer", async () => {
    vi.spyOn(chatCompletions, "readAnswer").mockImplementation(boom);
    const response = await openaiClient(url).chat.completions.create(REQUEST).asResponse();
    expect(await response.json()).toMatchObject({ object: "chat.completion" });
    await expectContained();
  });

  it.each(["parsed", "raw"])("gives the app each event when the stream's reader can't be made: %s", async (kind) => {
    vi.spyOn(chatCompletions, "streamReader").mockImplementation(boom);
    expect(await readStream(kind === "raw")).toBeGreaterThan(3);
    await expectContained();
  });

  it.each(["parsed", "raw"])("gives the app each event when one can't be read: %s", async (kind) => {
    let events = 0;
    vi.spyOn(chatCompletions, "streamReader").mockReturnValue({
      read: (event) => ((events += 1) === 2 ? boom() : event),
      facts: () => ({ id: undefined, model: undefined, finishReasons: [], usage: undefined }),
      inputTokens: () => undefined,
      seenBytes: () => 0,
    });
    expect(await readStream(kind === "raw")).toBeGreaterThan(3);
    expect(events).toBe(2);
    await expectContained();
  });

  it("gives Anthropic's answer", async () => {
    vi.spyOn(messages, "readAnswer").mockImplementation(boom);
    expect((await anthropicClient(url).messages.create(CLAUDE)).content).toHaveLength(1);
    await expectContained();
  });
});

/** How many events the app saw. */
async function readStream(isRaw: boolean): Promise<number> {
  const request = openaiClient(url).chat.completions.create({ ...REQUEST, stream: true });
  if (isRaw) return (await (await request.asResponse()).text()).split("\n\n").length;
  let events = 0;
  for await (const chunk of await request) events += chunk.choices.length;
  return events;
}
