/** An agent whose processor is not there: `fail_mode` decides, and it is said once. All wait at the same time, each beside a provider of its own. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "vitest";
import { ProviderSimulator } from "../../src/demo/provider/simulator.ts";
import { ownPort } from "../support/own-ports.ts";
import { runSteps, type StepResult } from "../support/step-agent.ts";

/** Nobody listens here. */
const nowhere = `http://127.0.0.1:${await ownPort()}`;

/** A processor that takes no key. */
async function startRefusing(): Promise<{ readonly url: string; stop(): Promise<unknown> }> {
  const server = createServer((request, response) => {
    request.resume();
    const problem = { code: "unauthorized", detail: "the agent's key is not known" };
    response.writeHead(401, { "content-type": "application/problem+json" }).end(JSON.stringify(problem));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, stop: () => new Promise((resolve) => server.close(resolve)) };
}

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
  const warnings = stderr.split("\n").filter((line) => /no answer from the processor|refuses this process/.test(line));
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

test.concurrent("a refused key is told as one, with the setting that it is from", async ({ expect }) => {
  const processor = await startRefusing();
  const { results, requests, warnings } = await run("refused", {
    TOLLGATE_ENDPOINT: processor.url,
    TOLLGATE_API_KEY: "revoked",
  });
  await processor.stop();
  const said = `the processor at ${processor.url} refuses this process (the agent's key is not known (status 401); it is the key of TOLLGATE_API_KEY): calls are refused (fail mode closed: a hard limit stands behind them, or may; TOLLGATE_FAIL_MODE is not set)`;
  for (const result of results) expect(result).toMatchObject({ ok: false, code: "gate_unavailable", message: said });
  expect(requests).toBe(0);
  expect(warnings).toEqual([expect.stringContaining(said)]);
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
