/**
 * Goal: every library keeps the same promises. The app sees of it what the bare library gives; what is charged equals what the
 * provider billed, or says `estimated` and is not below it; nothing stays reserved; spans follow the GenAI conventions. Method: each case runs bare, then gated,
 * through the real package against the provider simulator, which keeps books of its own.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AgentKilled, BudgetExceeded } from "../../../instrumentation/src/errors.ts";
import { ProviderSimulator } from "../../../src/demo/provider/simulator.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { conventionProblems } from "../../support/genai-conventions.ts";
import { startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { LIBRARIES } from "../../support/libraries/index.ts";
import type { Ask, ClientOptions, Library, LibraryClient } from "../../support/libraries/library.ts";
import { readToEnd, seenBy } from "../../support/libraries/seen.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";

/** An answer with a fault is shown as text in some libraries' errors: the times inside must be equal in both runs. */
const NOW_UNIX_MS = 1_795_294_096_000;

/** A local model costs what its owner says: the simulator's `llama3.2`. */
const HOUSE_PRICES = {
  kind: "prices",
  name: "house",
  models: { "llama3.2": { provider: "ollama", input: "0.02", output: "0.08", max_output_tokens: 8_192 } },
};

let simulator: ProviderSimulator;
let urls: { readonly http1: string; readonly http2: string };
let gated: GatedProcess | undefined;
let ledger: MemoryLedger;

const paid = (): bigint => BigInt(simulator.count().nano_usd);
const idle = (): Promise<unknown> =>
  waitFor(() => simulator.count().in_flight === 0, { what: "the provider", timeoutMs: 10_000 });

beforeAll(async () => {
  for (const library of LIBRARIES) library.patch();
  simulator = new ProviderSimulator({ outputTokens: { min: 40, max: 90 }, tokensPerPiece: 4, now: () => NOW_UNIX_MS });
  urls = { http1: await simulator.start(), http2: await simulator.startHttp2() };
});

afterAll(() => simulator.stop());

beforeEach(() => {
  ledger = new MemoryLedger(10n ** 10n);
  ledger.prices = [HOUSE_PRICES];
});

afterEach(async () => {
  await gated?.stop();
  gated = undefined;
});

function startGate(): GatedProcess {
  gated = startGatedProcess({ transport: ledger });
  return gated;
}

function clientOf(library: Library, options: ClientOptions = {}): LibraryClient {
  return library.client(library.speaksHttp2 === true ? urls.http2 : urls.http1, options);
}

type Work = (client: LibraryClient) => Promise<unknown>;

/** What the provider billed for `work` in a gated process, after everything has been counted. */
async function billedFor(work: () => Promise<unknown>): Promise<{ readonly seen: unknown; readonly billed: bigint }> {
  const before = paid();
  const process = startGate();
  const seen = await work();
  await idle();
  await process.stop();
  return { seen, billed: paid() - before };
}

/** Runs the work bare and gated, and holds what the app saw and what was charged against what it should be. */
async function onBoth(library: Library, options: ClientOptions, work: Work): Promise<string> {
  const run = () => seenBy(() => work(clientOf(library, options)));
  const bare = await run();
  await idle();
  const { seen, billed } = await billedFor(run);
  expect(seen).toEqual(bare);
  const spans = gated?.spans() ?? [];
  expect(spans).toHaveLength(1);
  expect(spans.flatMap(conventionProblems)).toEqual([]);
  const status = String(spans[0]?.attributes["tollgate.cost.status"]);
  expect(ledger.outstanding).toBe(0n);
  expect(status).toMatch(KNOWN);
  const isCovered = status === "exact" ? ledger.settled === billed : ledger.settled >= billed;
  expect({ status, settled: ledger.settled, billed, isCovered }).toMatchObject({ isCovered: true });
  expect(BigInt(spans[0]?.attributes["tollgate.cost.nano_usd"] as number)).toBe(ledger.settled);
  return status;
}

const KNOWN = /^(?:exact|estimated)$/;

const ask =
  (more: Partial<Ask> = {}): Work =>
  (client) =>
    client.ask({ prompt: "say hello", maxTokens: 200, ...more });

const stream =
  (more: Partial<Ask> = {}): Work =>
  async (client) =>
    readToEnd(await client.stream({ prompt: "say hello", maxTokens: 200, ...more }));

describe.each(LIBRARIES)("$name", (library) => {
  it("gives the bare library's answer and charges what was billed", async () => {
    expect(await onBoth(library, {}, ask())).toBe("exact");
    expect(gated?.spans()[0]?.name).toBe(`${library.operation} ${library.model}`);
    expect(gated?.spans()[0]?.attributes["gen_ai.provider.name"]).toBe(library.provider);
  });

  it("gives the bare library's stream and charges what was billed", async () => {
    expect(await onBoth(library, {}, stream())).toBe("exact");
  });

  it("charges what was billed where the bound cuts the answer short, or the app has set none", async () => {
    expect(await onBoth(library, {}, ask({ maxTokens: 17 }))).toBe("exact");
    await gated?.stop();
    ledger = new MemoryLedger(10n ** 12n);
    ledger.prices = [HOUSE_PRICES];
    expect(await onBoth(library, {}, (client) => client.ask({ prompt: "unbounded" }))).toBe("exact");
  });

  it.each(["rate_limit", "server_error"])("charges nothing for a %s, in the library's own error", async (fault) => {
    expect(await onBoth(library, { fault, retries: false }, ask())).toBe("exact");
    expect(ledger.settled).toBe(0n);
  });

  it.each(["malformed", "wrong_type", "huge", "no_usage", "cut=0", "latency=20"])(
    "gives the bare library's view of an answer with the fault %s",
    async (fault) => expect(await onBoth(library, { fault, retries: false }, ask())).toMatch(KNOWN),
  );

  it.each(["malformed", "wrong_type", "huge", "no_usage", "cut=3", "latency=20"])(
    "gives the bare library's view of a stream with the fault %s",
    async (fault) => expect(await onBoth(library, { fault, retries: false }, stream())).toMatch(KNOWN),
  );

  it("charges no less than was billed for a stream that the app leaves", async () => {
    const leave: Work = async (client) => {
      for await (const event of await client.stream({ prompt: "long", maxTokens: 200 })) return event;
      return undefined;
    };
    const { billed } = await billedFor(() => leave(clientOf(library, { fault: "pace=5" })));
    expect(billed).toBeGreaterThan(0n);
    expect(ledger.settled).toBeGreaterThanOrEqual(billed);
    expect(ledger.outstanding).toBe(0n);
  });

  it("ends a stream with the kill's own error when somebody stops its agent in its middle, and charges what was billed", async () => {
    const before = paid();
    const { gate } = startGate();
    const client = clientOf(library, { fault: "pace=10", retries: false });
    const work = (async () => {
      for await (const event of await client.stream({ prompt: "killed", maxTokens: 200 })) {
        void event;
        for (const call of gate.open) call.stop(new AgentKilled({ agent: "a", reason: "enough" }));
      }
    })();
    await expect(work).rejects.toSatisfy((error) => isOurs(error, "agent_killed"));
    await idle();
    await gated?.stop();
    expect(paid() - before).toBeGreaterThan(0n);
    expect(ledger.settled).toBeGreaterThanOrEqual(paid() - before);
    expect(ledger.outstanding).toBe(0n);
    expect(gated?.spans()[0]?.attributes["error.type"]).toBe("agent_killed");
  });

  it("gives a call up with the kill's own error while the provider works on it, and charges what that may bill", async () => {
    const before = paid();
    const { gate } = startGate();
    const work = clientOf(library, { fault: "latency=300", retries: false }).ask({ prompt: "slow", maxTokens: 90 });
    const end = work.catch((error: unknown) => error);
    await waitFor(() => simulator.count().in_flight === 1, { what: "the request", timeoutMs: 10_000 });
    for (const call of gate.open) call.stop(new AgentKilled({ agent: "a", reason: "enough" }));
    expect(await end).toBeInstanceOf(AgentKilled);
    await idle();
    await gated?.stop();
    expect(ledger.settled).toBeGreaterThanOrEqual(paid() - before);
    expect(ledger.settled).toBeGreaterThan(0n);
    expect(ledger.outstanding).toBe(0n);
  });

  it("holds a budget to the nano-dollar that ends in the middle of 64 callers", async () => {
    const { billed: one } = await billedFor(() => ask()(clientOf(library)));
    ledger = new MemoryLedger(one * 60n);
    ledger.prices = [HOUSE_PRICES];
    const client = clientOf(library);
    const caller = async (id: number): Promise<unknown> => {
      for (let index = 0; ; index += 1) {
        const request = { prompt: `caller ${id}, call ${index}`, maxTokens: 100 };
        try {
          if (id % 2 === 0) await client.ask(request);
          else await readToEnd(await client.stream(request));
        } catch (error) {
          return error;
        }
      }
    };
    const all = () => Promise.all(Array.from({ length: 64 }, (_, id) => caller(id)));
    const { seen, billed } = await billedFor(all);
    expect((seen as readonly unknown[]).filter((end) => !(end instanceof BudgetExceeded))).toEqual([]);
    expect(ledger.settled).toBe(billed);
    expect(ledger.outstanding).toBe(0n);
    expect(billed).toBeLessThanOrEqual(ledger.limit);
  });
});

describe.each(LIBRARIES.filter(({ hasTools }) => hasTools))("$name, whose tools are passed on", (library) => {
  it("passes tool calls on", async () => {
    expect(await onBoth(library, {}, ask({ hasTool: true }))).toBe("exact");
    await gated?.stop();
    ledger = new MemoryLedger(10n ** 10n);
    ledger.prices = [HOUSE_PRICES];
    expect(await onBoth(library, {}, stream({ hasTool: true }))).toBe("exact");
  });
});

describe.each(LIBRARIES.filter(({ retries }) => retries))("$name, which tries again by itself", (library) => {
  it("is one call over the library's own retries", async () => {
    expect(await onBoth(library, { fault: "server_error_once" }, ask({ prompt: "twice" }))).toBe("exact");
  });
});

describe.each(LIBRARIES.filter(({ takesSignal }) => takesSignal))("$name, which takes a signal", (library) => {
  it("charges nothing for what the app aborts before it is sent", async () => {
    expect(await onBoth(library, { retries: false }, ask({ signal: AbortSignal.abort() }))).toBe("exact");
    expect(ledger.settled).toBe(0n);
  });
});

/** The typed error itself, or wrapped as the cause of the library's own. */
function isOurs(error: unknown, code: string): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ("code" in current && current.code === code) return true;
  }
  return false;
}
