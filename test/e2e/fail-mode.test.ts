/** An agent whose processor is not there: `fail_mode` decides, and it is said once. All wait at the same time, each beside a provider of its own. */
import { test } from "vitest";
import { ProviderSimulator } from "../../src/demo/provider/simulator.ts";
import { ownPort } from "../support/own-ports.ts";
import { runSteps, type StepResult } from "../support/step-agent.ts";

/** Nobody listens here. */
const nowhere = `http://127.0.0.1:${await ownPort()}`;

const STEP = {
  kind: "chat",
  request: { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_completion_tokens: 30 },
};

async function run(
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<{ results: readonly StepResult[]; warnings: readonly string[]; requests: number }> {
  const simulator = new ProviderSimulator();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => simulator.stop());
  const providerUrl = await simulator.start();
  const { results, stderr } = await runSteps({ name, providerUrl, env, steps: [STEP, STEP, STEP] });
  const warnings = stderr.split("\n").filter((line) => /no answer from the processor/.test(line));
  return { results, warnings, requests: simulator.count().requests };
}

test.concurrent("with an endpoint set on purpose, calls are refused until a processor has been reached", async ({
  expect,
}) => {
  const { results, requests, warnings } = await run("closed", { TOLLGATE_ENDPOINT: nowhere });
  for (const result of results)
    expect(result).toMatchObject({ ok: false, name: "GateUnavailable", code: "gate_unavailable" });
  expect(requests).toBe(0);
  expect(warnings).toHaveLength(1);
  // Where, what and by which setting: nobody set the fail mode.
  const said = `no answer from the processor at ${nowhere} (connect ECONNREFUSED ${new URL(nowhere).host}): calls are refused (fail mode closed: a hard limit stands behind them, or may; TOLLGATE_FAIL_MODE is not set)`;
  expect(warnings[0]).toContain(said);
  expect(results[0]?.message).toBe(said);
});

test.concurrent("with TOLLGATE_FAIL_MODE=open calls go through, and it is said once", async ({ expect }) => {
  const { results, requests, warnings } = await run("open", { TOLLGATE_ENDPOINT: nowhere, TOLLGATE_FAIL_MODE: "open" });
  for (const result of results) expect(result).toMatchObject({ ok: true });
  expect(requests).toBe(3);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("calls go unchecked (fail mode open: by TOLLGATE_FAIL_MODE)");
});

test.concurrent("with TOLLGATE_ENDPOINT=off a local budget still holds", async ({ expect }) => {
  const { results, requests } = await run("local", { TOLLGATE_ENDPOINT: "off", TOLLGATE_BUDGET: "$0.000001" });
  for (const result of results) expect(result).toMatchObject({ ok: false, code: "budget_exceeded" });
  expect(requests).toBe(0);
});
