/**
 * Goal: whatever the provider does, the ledger never believes in less spend than the provider bills, holds no money for ever,
 * and is exact wherever the provider says what a call has cost.
 */
import { expect, test } from "vitest";
import { ledgerCount, type LedgerCount } from "../../src/demo/counts.ts";
import { ProviderSimulator } from "../../src/demo/provider/simulator.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { sqlRows, useRig } from "../support/rig.ts";
import { runSteps, type Step, type StepResult } from "../support/step-agent.ts";

const rig = useRig({
  governance: `
kind: budget
name: provider
each: agent
limit: $0.05
window: lifetime
mode: hard
`,
});

const REQUEST = { model: "gpt-4o-mini", messages: [{ role: "user", content: "go" }], max_completion_tokens: 200 };
const MESSAGE = { model: "claude-haiku-4-5", messages: [{ role: "user", content: "go" }], max_tokens: 100 };
const fault = (text: string): Readonly<Record<string, unknown>> => ({ headers: { "x-simulator-fault": text } });

/** Runs the steps against a provider of their own and gives back what it billed and what the ledger settled. */
async function run(
  name: string,
  steps: readonly Step[],
): Promise<{ results: readonly StepResult[]; billed: bigint; ledger: LedgerCount }> {
  const { processor } = rig();
  const simulator = new ProviderSimulator({ pieceIntervalMs: 2, tokensPerPiece: 2 });
  const providerUrl = await simulator.start();
  try {
    const { results } = await runSteps({ name, providerUrl, endpoints: processor.endpoints, steps });
    await waitFor(() => simulator.count().in_flight === 0, { what: "the provider", timeoutMs: 60_000 });
    const billed = BigInt(simulator.count().nano_usd);
    return { results, billed, ledger: await ledgerCount(processor, "provider", { agent: name }) };
  } finally {
    await simulator.stop();
  }
}

test("what the SDK tries again after a 500 or a 429 is settled once, exactly", async () => {
  const { results, billed, ledger } = await run("retries", [
    { kind: "chat", request: REQUEST, ...fault("server_error_once") },
    { kind: "streamedChat", request: REQUEST, ...fault("rate_limit_once=0") },
    { kind: "messages", request: MESSAGE, ...fault("server_error_once") },
  ]);
  expect(results.map((result) => result.ok)).toEqual([true, true, true]);
  expect(ledger).toMatchObject({ settledNanoUsd: billed, reservedNanoUsd: 0n });
});

test("a call that the provider refuses costs nothing and gives its reservation back", async () => {
  const { results, billed, ledger } = await run("refused", [
    { kind: "chat", request: { ...REQUEST, n: "many" } },
    { kind: "messages", request: { ...MESSAGE, messages: [] } },
  ]);
  expect(results.map((result) => result.ok)).toEqual([false, false]);
  expect(billed).toBe(0n);
  expect(ledger).toMatchObject({ settledNanoUsd: 0n, reservedNanoUsd: 0n });
});

test("a stream that breaks or is left is settled by no less than what was billed, and its span says estimated", async () => {
  const { billed, ledger } = await run("broken", [
    { kind: "streamedChat", request: REQUEST, ...fault("cut=6") },
    { kind: "abortedChat", request: REQUEST, pieces: 4 },
  ]);
  expect(billed).toBeGreaterThan(0n);
  expect(ledger.settledNanoUsd).toBeGreaterThanOrEqual(billed);
  expect(ledger.reservedNanoUsd).toBe(0n);
  const spans = await sqlRows(rig(), "SELECT cost_status FROM llm_calls WHERE agent = 'broken'", 2);
  expect(spans).toEqual([{ cost_status: "estimated" }, { cost_status: "estimated" }]);
});

test("a reply that is generated but never arrives is settled by no less than what was billed", async () => {
  const { billed, ledger } = await run("lost-reply", [{ kind: "chat", request: REQUEST, ...fault("cut") }]);
  expect(billed).toBeGreaterThan(0n);
  expect(ledger.settledNanoUsd).toBeGreaterThanOrEqual(billed);
  expect(ledger.reservedNanoUsd).toBe(0n);
});
