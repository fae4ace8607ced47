/** What a call puts off until its app has the answer: nobody who looks can tell, whatever comes first. */
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { guard } from "../../../instrumentation/src/guard/guard.ts";
import { ToolGate } from "../../../instrumentation/src/guard/tool-gate.ts";
import { registerToolGate } from "../../../instrumentation/src/guard/tool-registry.ts";
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

it("the money of a call is back in the lease before the next call has to ask for more", async () => {
  const ledger = new MemoryLedger(10n ** 9n);
  gated = startGatedProcess({ transport: ledger });
  for (let index = 0; index < 5; index += 1) await ask();
  await setImmediate();
  await setImmediate();
  await gated.gate.leases?.giveBack();
  expect(ledger.settled).toBe(BigInt(simulator.count().nano_usd));
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
