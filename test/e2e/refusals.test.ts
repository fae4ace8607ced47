/** What an agent is told when the gate stops or narrows a call, and what ClickHouse has of it afterwards. Real SDK, processor and engine. */
import { expect, test } from "vitest";
import { ledgerCount } from "../../src/demo/counts.ts";
import { sqlRows, useRig } from "../support/rig.ts";
import { runSteps } from "../support/step-agent.ts";

const rig = useRig({
  governance: `
kind: budget
name: unknown-model
scope: { case: unknown-model }
limit: $1.00
window: lifetime
mode: hard
---
kind: budget
name: narrow
scope: { case: narrow }
limit: $0.001
window: lifetime
mode: hard
---
kind: budget
name: tiny
scope: { case: tiny }
limit: $0.000001
window: lifetime
mode: hard
---
kind: budget
name: nested-team
scope: { case: nested }
limit: $0.01
window: lifetime
mode: hard
---
kind: budget
name: nested-agent
scope: { case: nested }
each: agent
limit: $0.002
window: lifetime
mode: hard
---
kind: policy
name: database
agents: ["db-*"]
allow: ["db_read_*"]
deny: ["db_drop_*"]
`,
});

const MESSAGES = [{ role: "user", content: "What does a toll gate do?" }];
const chat = (fields: Record<string, unknown>): { kind: string; request: Record<string, unknown> } => ({
  kind: "chat",
  request: { model: "gpt-4o-mini", messages: MESSAGES, ...fields },
});

test("a model without a price under a hard budget is refused by an error that names the model and the setting", async () => {
  const { providerUrl, processor, simulator } = rig();
  const requests = simulator.count().requests;
  const { results } = await runSteps({
    name: "unknown-model-agent",
    providerUrl,
    endpoints: processor.endpoints,
    labels: { case: "unknown-model" },
    steps: [chat({ model: "house-llm-9", max_completion_tokens: 10 })],
  });
  expect(results[0]).toMatchObject({ ok: false, name: "UnpricedModel", code: "unpriced_model" });
  expect(results[0]?.message).toContain("house-llm-9");
  expect(results[0]?.message).toContain("unknown_price");
  expect(simulator.count().requests).toBe(requests);
  const [span] = await sqlRows(
    rig(),
    "SELECT decision, request_model, decision_reason, toString(cost_nano_usd) AS cost FROM spans WHERE agent = 'unknown-model-agent'",
    1,
  );
  expect(span).toMatchObject({ decision: "deny", request_model: "house-llm-9", cost: "0" });
  expect(span?.["decision_reason"]).toContain("house-llm-9");
});

test("an output bound above what the budget has left is lowered, the call goes on, and its span says so", async () => {
  const { providerUrl, processor } = rig();
  const { results } = await runSteps({
    name: "narrow-agent",
    providerUrl,
    endpoints: processor.endpoints,
    labels: { case: "narrow" },
    steps: [chat({ model: "gpt-4o", max_completion_tokens: 16_000 })],
  });
  expect(results[0]).toMatchObject({ ok: true });
  const [span] = await sqlRows(
    rig(),
    `SELECT decision, toUInt64(attributes['tollgate.bound.requested_tokens']) AS requested,
            toUInt64(attributes['tollgate.bound.output_tokens']) AS bound, toUInt64(output_tokens) AS output
       FROM llm_calls WHERE agent = 'narrow-agent'`,
    1,
  );
  expect(span?.["decision"]).toBe("allow");
  expect(Number(span?.["requested"])).toBe(16_000);
  expect(Number(span?.["bound"])).toBeLessThan(100);
  expect(Number(span?.["output"])).toBeLessThanOrEqual(Number(span?.["bound"]));
  const { settledNanoUsd, limitNanoUsd } = await ledgerCount(processor, "narrow");
  expect(settledNanoUsd).toBeLessThanOrEqual(limitNanoUsd);
});

test("too little for one token is refused with budget, limit, spent and wanted, and leaves a span that costs nothing", async () => {
  const { providerUrl, processor, simulator } = rig();
  const requests = simulator.count().requests;
  const { results } = await runSteps({
    name: "tiny-agent",
    providerUrl,
    endpoints: processor.endpoints,
    labels: { case: "tiny" },
    steps: [
      chat({ max_completion_tokens: 10 }),
      { kind: "messages", request: { model: "claude-haiku-4-5", messages: MESSAGES, max_tokens: 5 } },
      { kind: "responses", request: { model: "gpt-4o-mini", input: "hello" } },
    ],
  });
  for (const result of results) {
    expect(result).toMatchObject({ ok: false, name: "BudgetExceeded", code: "budget_exceeded" });
    expect(result.details).toMatchObject({
      budget: "tiny",
      limit: { measure: "usd", value: "1000" },
      spent: { measure: "usd", value: "0" },
    });
    expect(BigInt((result.details["wanted"] as { value: string }).value)).toBeGreaterThan(1_000n);
  }
  expect(simulator.count().requests).toBe(requests);
  const spans = await sqlRows(
    rig(),
    "SELECT decision, budget, cost_status, toString(cost_nano_usd) AS cost, status FROM llm_calls WHERE agent = 'tiny-agent'",
    3,
  );
  for (const span of spans) {
    expect(span).toEqual({ decision: "deny", budget: "tiny", cost_status: "exact", cost: "0", status: "error" });
  }
});

test("nested budgets hold together: an agent is stopped by its own, and the team's goes on for the others", async () => {
  const { providerUrl, processor } = rig();
  const agents = ["nested-a", "nested-b"];
  const steps = Array.from({ length: 40 }, (_, index) =>
    chat({ messages: [{ role: "user", content: `call ${index}` }], max_completion_tokens: 100 }),
  ).map((step) => ({ ...step, request: { ...step.request, model: "gpt-4o" } }));
  const runs = await Promise.all(
    agents.map((name) =>
      runSteps({ name, providerUrl, endpoints: processor.endpoints, labels: { case: "nested" }, steps }),
    ),
  );
  let settled = 0n;
  for (const [index, agent] of agents.entries()) {
    const refusal = runs[index]?.results.find((result) => !result.ok);
    expect(refusal).toMatchObject({ code: "budget_exceeded", details: { budget: "nested-agent" } });
    const own = await ledgerCount(processor, "nested-agent", { agent });
    expect(own.settledNanoUsd).toBeLessThanOrEqual(own.limitNanoUsd);
    // Refused only because what was left did not reach for the least that the call needed.
    const wanted = BigInt((refusal?.details["wanted"] as { value: string } | undefined)?.value ?? 0);
    expect(own.limitNanoUsd - own.settledNanoUsd).toBeLessThan(wanted);
    settled += own.settledNanoUsd;
  }
  expect((await ledgerCount(processor, "nested-team")).settledNanoUsd).toBe(settled);
});

test("a denied tool does not run, an allowed one does, and both leave a span with the rule that decided", async () => {
  const { providerUrl, processor } = rig();
  const { results } = await runSteps({
    name: "db-keeper",
    providerUrl,
    endpoints: processor.endpoints,
    steps: [
      { kind: "tool", name: "db_read_orders", args: { id: 1 } },
      { kind: "tool", name: "db_drop_orders", args: {} },
      { kind: "tool", name: "send_mail", args: {} },
    ],
  });
  expect(results[0]).toMatchObject({ ok: true, reply: "ran" });
  expect(results[1]).toMatchObject({ name: "ToolDenied", code: "tool_denied", details: { tool: "db_drop_orders" } });
  expect(results[2]).toMatchObject({ name: "ToolDenied", code: "tool_denied", details: { tool: "send_mail" } });
  const spans = await sqlRows(
    rig(),
    "SELECT tool, decision, policy, decision_rule != '' AS has_rule FROM tool_decisions WHERE agent = 'db-keeper' ORDER BY tool",
    3,
  );
  expect(spans.map(({ tool, decision, policy }) => [tool, decision, policy])).toEqual([
    ["db_drop_orders", "deny", "database"],
    ["db_read_orders", "allow", "database"],
    ["send_mail", "deny", "database"],
  ]);
});
