/**
 * Real agents under budgets whose thresholds act: one that kills stops its own agents, by themselves, and spares the others. And
 * budgets that count no dollars: tools, calls without a price.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitFor } from "../../src/demo/wait.ts";
import { sqlRows, useRig } from "../support/rig.ts";
import { runSteps } from "../support/step-agent.ts";

const rig = useRig({
  governance: `
kind: budget
name: wild
scope: { team: wild }
limit: $0.01
window: lifetime
mode: hard
thresholds:
  - { at: 25%, do: notify }
  - { at: 50%, do: kill }
---
kind: budget
name: careful
scope: { team: careful }
limit: $0.01
window: lifetime
thresholds:
  - { at: 15%, do: require_approval }
---
kind: budget
name: thrifty
scope: { team: thrifty }
limit: $0.05
window: lifetime
thresholds:
  - { at: 2%, do: downgrade, fallback: { gpt-4o: gpt-4o-mini }, max_output_tokens: 40 }
---
kind: budget
name: halted
scope: { team: halted }
limit: $0.01
window: lifetime
thresholds:
  - { at: 5%, do: stop }
---
kind: budget
name: tools
scope: { team: careful, tool: "db_*" }
limit: 1 tool call
window: lifetime
---
kind: budget
name: unpriced
scope: { team: curious }
limit: 2 unpriced calls
window: lifetime
---
kind: budget
name: priced
scope: { team: curious }
limit: $10
window: lifetime
unknown_price: allow
`,
});

const request = { model: "gpt-4o", messages: [{ role: "user", content: "hi" }], max_completion_tokens: 60 };
const chat = { kind: "chat", request };

test("a kill threshold stops the budget's agents before its limit, once, and spares the others", async () => {
  const { processor, providerUrl } = rig();
  const run = (name: string, team: string, calls: number) =>
    runSteps({
      name,
      providerUrl,
      endpoints: processor.endpoints,
      labels: { team },
      steps: Array.from({ length: calls }, () => chat),
    });
  const [wild, tame] = await Promise.all([run("one", "wild", 40), run("two", "tame", 3)]);
  expect(wild.results.at(-1)).toMatchObject({ ok: false, code: "agent_killed", details: { author: "budget wild" } });
  expect(tame.results.every(({ ok }) => ok)).toBe(true);
  const [status] = (await processor.cli("status").catch(() => [])) as readonly { readonly stops: readonly object[] }[];
  expect(status?.stops ?? []).toMatchObject([{ act: "kill", selector: "team=wild" }]);
  const metrics = await waitFor(async () => (await fetch(`${processor.endpoints.api}/metrics`)).text(), {
    what: "metrics",
    timeoutMs: 60_000,
  });
  expect(metrics).toMatch(/tollgate_events_total\{event="budget_threshold_crossed",level="warn"\} 2/);
  expect((await run("three", "wild", 1)).results).toMatchObject([{ ok: false, code: "agent_killed" }]);
});

test("a threshold downgrades, and the span says what that saved", async () => {
  const { processor, providerUrl } = rig();
  const steps = Array.from({ length: 30 }, () => chat);
  const labels = { team: "thrifty" };
  const { results } = await runSteps({ name: "four", providerUrl, endpoints: processor.endpoints, labels, steps });
  expect(results[0]?.reply["model"]).not.toContain("mini");
  expect(results.at(-1)?.reply).toMatchObject({ model: expect.stringContaining("gpt-4o-mini") });
  const query = "SELECT attributes['tollgate.budget.saved_usd'] AS usd FROM spans WHERE agent = 'four' AND usd != ''";
  const [saved] = await sqlRows(rig(), query, 1);
  expect(Number(saved?.["usd"])).toBeGreaterThan(0);
});

test("a threshold that stops everything is on the span of the first call that it refuses, and on no other", async () => {
  const { processor, providerUrl } = rig();
  const steps = Array.from({ length: 12 }, () => chat);
  const labels = { team: "halted" };
  const { results } = await runSteps({ name: "ten", providerUrl, endpoints: processor.endpoints, labels, steps });
  const refused = results.findIndex(({ ok }) => !ok);
  expect(results.slice(refused)).toEqual(
    results.slice(refused).map(() => expect.objectContaining({ code: "budget_exceeded" })),
  );
  const query = `SELECT event_names, attributes['tollgate.decision'] AS decision FROM spans WHERE agent = 'ten' ORDER BY toUInt64(attributes['tollgate.audit.seq'])`;
  const spans = await sqlRows(rig(), query, results.length);
  const told = spans.flatMap(({ event_names: names }, index) =>
    (names as readonly string[]).includes("tollgate.budget.threshold") ? [index] : [],
  );
  expect(told).toEqual([refused]);
  expect(spans[refused]).toMatchObject({ decision: "deny" });
});

test("a threshold holds until a person allows more, and tools have limits of their own", async () => {
  const { processor, providerUrl } = rig();
  const run = (name: string, steps: readonly { readonly kind: string }[]) =>
    runSteps({ name, providerUrl, endpoints: processor.endpoints, labels: { team: "careful" }, steps });
  const first = await run(
    "five",
    Array.from({ length: 12 }, () => chat),
  );
  expect(first.results.at(-1)).toMatchObject({ code: "approval_required", details: { author: "budget careful" } });

  await processor.cli("budgets", "raise", "careful", "--by", "$1", "--for", "1h", "--reason", "it is fine");
  const allowed = async () => ((await run("six", [chat])).results[0]?.ok === true ? true : undefined);
  await waitFor(allowed, { what: "a call after the raise", timeoutMs: 60_000 });

  const tool = { kind: "tool", name: "db_read", args: { id: 1 } };
  const tools = await run("seven", [tool, tool, { ...tool, name: "mail_send" }]);
  expect(tools.results).toMatchObject([
    { ok: true },
    { ok: false, code: "budget_exceeded", details: { budget: "tools" } },
    { ok: true },
  ]);
});

test("calls without a price have a limit of their own, over processes, and those with one go on", async () => {
  const { processor, providerUrl } = rig();
  // No book knows what this tier costs.
  const unpriced = { kind: "chat", request: { ...request, service_tier: "priority" } };
  const run = (name: string, steps: readonly { readonly kind: string }[]) =>
    runSteps({ name, providerUrl, endpoints: processor.endpoints, labels: { team: "curious" }, steps });
  expect((await run("eight", [unpriced, chat])).results).toMatchObject([{ ok: true }, { ok: true }]);
  const refused = { ok: false, code: "budget_exceeded", details: { budget: "unpriced" } };
  const { results } = await run("nine", [unpriced, unpriced, chat]);
  expect(results).toMatchObject([{ ok: true }, refused, { ok: true }]);
  const rows = (await processor.cli("budgets")) as readonly { readonly name: string; readonly scope: object }[];
  expect(rows.find(({ name, scope }) => name === "unpriced" && !("model" in scope))).toMatchObject({
    measure: "unpriced_calls",
    limit: "2",
    settled: "2",
    reserved: "0",
    state: "exhausted",
  });
});

test("a report above its grant, for another's lease and for nobody's is on record, each once", async () => {
  const { processor, workspace } = rig();
  const token = (await readFile(join(workspace.dataDir, "token"), "utf8")).trim();
  const ask = async (path: string, body?: object): Promise<Readonly<Record<string, unknown>>> => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    return (await (await fetch(`${processor.endpoints.api}${path}`, { headers, ...sent })).json()) as object as never;
  };
  const usd = (nano_usd: string) => ({ nano_usd, tokens: "0", calls: "0" });
  const [own, other, lease, nobodys] = ["a", "b", "c", "d"].map((digit) => digit.repeat(32));
  for (const process_id of [own, other]) {
    await ask("/v1/leases/hello", { process_id, agent: "liar", labels: { team: "wild-too" }, pid: 1, version: "0" });
  }
  const acquire = {
    process_id: own,
    lease_id: lease,
    labels: { team: "thrifty" },
    need: usd("0"),
    target: usd("40"),
    ahead: usd("0"),
    wait_ms: 0,
  };
  expect(await ask("/v1/leases/acquire", { ...acquire, seq: 1, settled: usd("0") })).toMatchObject({
    outcome: "granted",
  });
  for (let time = 0; time < 2; time += 1) {
    await ask("/v1/leases/close", { process_id: other, leases: [{ lease_id: lease, settled: usd("39") }] });
    await ask("/v1/leases/close", { process_id: own, leases: [{ lease_id: nobodys, settled: usd("5") }] });
    await ask("/v1/leases/acquire", { ...acquire, seq: 2 + time, settled: usd("900000") });
  }
  const recorded = async () => {
    const { changes } = await ask("/v1/audit/changes?action=report");
    const found = changes as readonly { readonly action: string; readonly subject: string; readonly after: object }[];
    // Agents of the other tests may have been killed with something left to say.
    const ofThese = found.filter(({ subject }) => subject === lease || subject === nobodys);
    return ofThese.map(({ action, subject, after }) => ({ action, subject, after }));
  };
  const wanted = [
    { action: "report.foreign", subject: lease, after: { process_id: other } },
    { action: "report.overran", subject: lease, after: { process_id: own } },
    { action: "report.unknown", subject: nobodys, after: { process_id: own } },
  ];
  const found = await waitFor(async () => (await recorded()).length >= wanted.length && recorded(), {
    what: "three changes",
    timeoutMs: 60_000,
  });
  expect(found.toSorted((a, b) => (a.action < b.action ? -1 : 1))).toEqual(wanted);
});
