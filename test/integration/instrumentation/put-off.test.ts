/** What a call puts off until its app has the answer: nobody who looks can tell, whatever comes first. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { readConfig } from "../../../instrumentation/src/config/config.ts";
import { guard } from "../../../instrumentation/src/guard/guard.ts";
import { ToolGate } from "../../../instrumentation/src/guard/tool-gate.ts";
import { registerToolGate } from "../../../instrumentation/src/guard/tool-registry.ts";
import { LastWords } from "../../../instrumentation/src/registration/last-words.ts";
import { ThreadSpans } from "../../../instrumentation/src/telemetry/thread-spans.ts";
import { startTracing } from "../../../instrumentation/src/telemetry/tracing.ts";
import { ProviderSimulator } from "../../../src/demo/provider/simulator.ts";
import { openaiClient, startGatedProcess } from "../../support/gated-process.ts";
import type { GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { denying, inSession, tool } from "../../support/tool-rig.ts";

/** Costs $0.0003 and a little. */
const REQUEST = { model: "gpt-4o-mini", max_tokens: 500, messages: [{ role: "user" as const, content: "hi" }] };

let simulator: ProviderSimulator;
let url: string;
let gated: GatedProcess | undefined;

beforeEach(async () => {
  simulator = new ProviderSimulator({ outputTokens: { min: 500, max: 500 } });
  url = await simulator.start();
});

afterEach(async () => {
  registerToolGate(undefined);
  await gated?.stop();
  gated = undefined;
  await simulator.stop();
});

const ask = (model = REQUEST.model) => openaiClient(url).chat.completions.create({ ...REQUEST, model });

it("a span ends when its answer was there, however late that is written down", async () => {
  gated = startGatedProcess();
  const start = performance.now();
  await ask();
  const tookMs = performance.now() - start;
  for (const until = performance.now() + tookMs + 20; performance.now() < until;);
  const [seconds, nanos] = gated.spans()[0]?.duration ?? [Infinity, 0];
  expect(seconds * 1_000 + nanos / 1_000_000).toBeLessThanOrEqual(tookMs);
});

it("a flush right behind the answer gives the lease back, with all that was spent: the process may be frozen next", async () => {
  const ledger = new MemoryLedger(10n ** 9n);
  gated = startGatedProcess({ transport: ledger });
  for (let index = 0; index < 5; index += 1) await ask();
  expect(ledger.outstanding).toBeGreaterThan(0n);
  const { gate } = gated;
  const tracing = startTracing(readConfig({ TOLLGATE_ENDPOINT: "off" }), gate.logger);
  const threads = new ThreadSpans({ adopt: () => {}, onMissed: () => {} });
  await new LastWords(gate, tracing, threads).flush();
  expect([ledger.settled, ledger.outstanding]).toEqual([BigInt(simulator.count().nano_usd), 0n]);
});

it("a fallback counts the call that has just been answered", async () => {
  const env = { TOLLGATE_BUDGET: "$0.006", TOLLGATE_FALLBACK: "gpt-4o-mini" };
  gated = startGatedProcess({ env });
  expect((await ask("gpt-4o")).model).toMatch(/^gpt-4o(?!-mini)/);
  expect((await ask("gpt-4o")).model).toMatch(/^gpt-4o-mini/);
});

it("who guards a client reads its counters as soon as the answer is there", async () => {
  gated = startGatedProcess();
  const client = guard(openaiClient(url), { budget: "$1" });
  await client.chat.completions.create(REQUEST);
  expect(client.tollgate.spent).toBeCloseTo(Number(simulator.count().nano_usd) / 1e9, 9);
});

it("a tool's rule sees what the call before it has cost, and its span comes after", async () => {
  gated = startGatedProcess();
  const toolGate = new ToolGate(gated.gate);
  registerToolGate(toolGate);
  toolGate.onHello({ require_policy: false, policies: [denying("thrift", "session.spent_usd > 0.0002")] } as never);
  const look = tool("look");
  await inSession("s", async () => {
    expect(look()).toBe("ok");
    await ask();
    expect(() => look()).toThrow(/thrift/);
  });
  expect(gated.spans().map(({ name }) => name)).toEqual(["execute_tool look", "chat gpt-4o-mini", "execute_tool look"]);
});
