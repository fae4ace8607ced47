/**
 * Goal: a call is charged once, to the nano-dollar, whoever sends its request and from wherever. Method: clients whose `fetch` puts requests into
 * queues, calls the client itself, or is a clone's; the provider's own count is held against the ledger and the spans.
 */
import type OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { ProviderSimulator } from "../../../src/demo/provider/simulator.ts";
import { openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { useWireHooks } from "../../support/wire-hooks.ts";

let simulator: ProviderSimulator;
let url: string;
let gated: GatedProcess;
let ledger: MemoryLedger;

useWireHooks();

beforeEach(async () => {
  simulator = new ProviderSimulator({ outputTokens: { min: 20, max: 60 } });
  url = await simulator.start();
  ledger = new MemoryLedger(10n ** 9n);
  gated = startGatedProcess({ transport: ledger, env: { TOLLGATE_PROVIDERS: `openai=${url}` } });
  registerWire(new Wire(gated.gate));
});

afterEach(async () => {
  registerWire(undefined);
  await gated.stop();
  await simulator.stop();
});

type Job = () => void;
type Send = (url: string, init: RequestInit) => Promise<Response>;

const ask = (client: OpenAI, content: string): Promise<unknown> =>
  client.chat.completions.create({ model: "gpt-4o-mini", max_tokens: 50, messages: [{ role: "user", content }] });
const clientWith = (send: Send): OpenAI => openaiClient(url, { fetch: send });
const askAll = (client: OpenAI): Promise<unknown> =>
  Promise.all(["one", "two", "three", "four"].map((content) => ask(client, content)));

/** Sends later what `start` is told of. */
const queued =
  (start: (job: Job) => void): Send =>
  (to, init) =>
    new Promise((resolve, reject) => start(() => void fetch(to, init).then(resolve, reject)));

/** One after the other, each begun by the one before: in its context, as most queues do. */
function oneByOne(): Send {
  const waiting: (() => Promise<unknown>)[] = [];
  const next = (): void =>
    void waiting
      .shift()?.()
      .finally(() => next());
  return (to, init) =>
    new Promise((resolve, reject) => {
      waiting.push(() => fetch(to, init).then(resolve, reject));
      if (waiting.length === 1) setImmediate(next);
    });
}

const WORKS: Readonly<Record<string, () => Promise<unknown>>> = {
  async "a queue that a timer empties"() {
    const jobs: Job[] = [];
    const timer = setInterval(() => jobs.shift()?.(), 1);
    await askAll(clientWith(queued((job) => jobs.push(job)))).finally(() => clearInterval(timer));
  },
  "a queue in which each request begins the next": () => askAll(clientWith(oneByOne())),
  async "a fetch that asks the same client before it sends"() {
    const client: OpenAI = clientWith(async (to, init) => {
      if (typeof init.body === "string" && !init.body.includes("inner")) await ask(client, "an inner one");
      return fetch(to, init);
    });
    await ask(client, "an outer one");
  },
  async "a fetch that asks the same client while it sends"() {
    const client: OpenAI = clientWith(async (to, init) => {
      if (typeof init.body === "string" && init.body.includes("inner")) return fetch(to, init);
      return (await Promise.all([fetch(to, init), ask(client, "an inner one")]))[0];
    });
    await ask(client, "an outer one");
  },
  async "clones of a client, beside each other"() {
    const client = openaiClient(url);
    const clone = client.withOptions({ timeout: 5_000 });
    await Promise.all([client, clone, clone.withOptions({ maxRetries: 1 })].map((each) => askAll(each)));
  },
  async "two calls that ask the same at once, by a queue"() {
    const jobs: Job[] = [];
    const client = clientWith(queued((job) => jobs.push(job)));
    const timer = setInterval(() => jobs.shift()?.(), 1);
    await Promise.all([ask(client, "the same"), ask(client, "the same")]).finally(() => clearInterval(timer));
  },
};

describe.each(Object.entries(WORKS))("%s", (_name, work) => {
  it("is charged as the provider has billed it, each call once", async () => {
    await work();
    await gated.stop();
    const { calls, nano_usd: paid } = simulator.count();
    expect([ledger.settled, ledger.outstanding]).toEqual([BigInt(paid), 0n]);
    const statuses = gated.spans().map(({ attributes }) => attributes["tollgate.cost.status"]);
    expect(statuses).toEqual(Array.from({ length: calls }, () => "exact"));
  });
});
