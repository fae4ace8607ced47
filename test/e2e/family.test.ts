/**
 * Goal: one budget on an agent holds everything that works on its behalf, and a kill of it stops all of that. Method: a real
 * agent process with two child processes and a thread, each with the real SDK and only one of them started with an argument
 * for the gate; the provider's own books say what was spent.
 */
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { StopReply } from "../../src/api/kill-schemas.ts";
import { Child } from "../../src/demo/child-process.ts";
import { clickHouseCount, ledgerCount } from "../../src/demo/counts.ts";
import { lastWords } from "../../src/demo/processor-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { sqlRows, useRig } from "../support/rig.ts";

const rig = useRig({
  governance: `kind: budget
name: planner-and-all
scope: { agent: planner }
limit: $0.0040
window: lifetime
---
kind: budget
name: each-agent
each: agent
limit: $5.00
window: lifetime
`,
});

const AGENTS = join(import.meta.dirname, "..", "support", "agents");

interface Member {
  readonly member: string;
  readonly calls: number;
  readonly code: string;
}

const children: Child[] = [];
afterEach(() => Promise.all(children.splice(0).map((child) => child.stop(5_000))));

interface Started {
  readonly name: string;
  readonly script: string;
  readonly plan: Readonly<Record<string, unknown>>;
  readonly onStderrLine?: (line: string) => void;
}

/** Gives back the lines that the agent prints. */
async function run({ name, script, plan, onStderrLine = () => {} }: Started): Promise<readonly string[]> {
  const { providerUrl, processor } = rig();
  const child = new Child({
    args: [
      "--import",
      "@tollgate/instrumentation/register",
      join(AGENTS, script),
      JSON.stringify({ providerUrl, ...plan }),
    ],
    env: {
      TOLLGATE_AGENT: name,
      OTEL_EXPORTER_OTLP_ENDPOINT: processor.endpoints.otlp_http,
      TOLLGATE_ENDPOINT: processor.endpoints.api,
    },
    onStderrLine,
  });
  children.push(child);
  const exit = await child.exit;
  if (exit.code !== 0) throw new Error(lastWords(exit));
  return exit.stdout.trim().split("\n");
}

async function runFamily(name: string, plan: Readonly<Record<string, unknown>>): Promise<readonly Member[]> {
  const lines = await run({
    name,
    script: "family.mjs",
    plan: { callers: 2, hasChildren: true, member: "parent", ...plan },
  });
  return lines.map((line) => JSON.parse(line) as Member);
}

test("one budget on an agent holds its child processes and threads to the nano-dollar", async () => {
  const { processor, simulator } = rig();
  const members = await runFamily("planner", {});
  expect(members.map(({ member, code }) => [member, code])).toEqual([
    ["parent", "budget_exceeded"],
    ["forked", "budget_exceeded"],
    ["spawned", "budget_exceeded"],
    ["thread", "budget_exceeded"],
  ]);
  const paid = BigInt(simulator.count().nano_usd);
  const held = await waitFor(
    async () => {
      const count = await ledgerCount(processor, "planner-and-all");
      return count.reservedNanoUsd === 0n ? count : undefined;
    },
    { what: "all leases given back", timeoutMs: 60_000 },
  );
  expect(held.settledNanoUsd).toBe(paid);
  expect(paid).toBeLessThanOrEqual(held.limitNanoUsd);
  expect(paid).toBeGreaterThan((held.limitNanoUsd * 9n) / 10n);
  expect((await ledgerCount(processor, "each-agent", { agent: "planner" })).settledNanoUsd).toBe(paid);
  await waitFor(async () => (await clickHouseCount(processor)).nanoUsd === paid, {
    what: "all spans",
    timeoutMs: 60_000,
  });

  const rows = await sqlRows(
    rig(),
    `SELECT agent, session, workflow, attributes['tollgate.agent.parent'] AS parent, labels['ancestors'] AS ancestors,
      labels['tier'] AS tier, sum(cost_nano_usd) > 0 AS has_spent
    FROM llm_calls GROUP BY ALL ORDER BY agent`,
    4,
  );
  const common = { session: "", workflow: "", parent: "planner", ancestors: "planner", tier: "", has_spent: 1 };
  expect(rows).toEqual([
    { ...common, agent: "planner", parent: "", ancestors: "" },
    { ...common, agent: "researcher" },
    { ...common, agent: "threader", workflow: "w-9" },
    { ...common, agent: "writer", session: "s-9", tier: "gold" },
  ]);
});

test("an agent in another language falls under the budgets of the ancestors that it names", async () => {
  const { api } = rig().processor.endpoints;
  const reserve = async (labels: Readonly<Record<string, string>>): Promise<unknown> => {
    const body = JSON.stringify({ agent: "python", labels, estimate_usd: "0.01" });
    const headers = { "content-type": "application/json" };
    return (await fetch(`${api}/v1/reservations`, { method: "POST", headers, body })).json();
  };
  expect(await reserve({})).toMatchObject({ decision: "allow", budgets: ["each-agent"] });
  expect(await reserve({ ancestors: "root,planner" })).toMatchObject({
    code: "budget_exceeded",
    detail: expect.stringContaining("planner-and-all") as unknown,
  });
});

test("a kill of an agent stops its child processes and threads in the middle of their calls", async () => {
  const { processor, simulator } = rig();
  const family = runFamily("chief", { callers: 1, fault: "latency=300", member: "chief" });
  const callsOf = (member: string): number => simulator.count().by_key[member]?.calls ?? 0;
  const names = ["forked", "spawned", "thread"];
  const before = new Map(names.map((name) => [name, callsOf(name)]));
  await waitFor(() => callsOf("chief") > 1 && names.every((name) => callsOf(name) > (before.get(name) ?? 0) + 1), {
    what: "calls of all",
    timeoutMs: 60_000,
  });
  const [reply] = (await processor.cli("kill", "chief", "--reason", "enough")) as readonly StopReply[];
  expect(reply?.processes.map(({ agent, acknowledged }) => [agent, acknowledged]).toSorted()).toEqual([
    ["chief", true],
    ["researcher", true],
    ["threader", true],
    ["writer", true],
  ]);
  expect((await family).map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => "agent_killed"));
});

test("a service that is called over HTTP works on behalf of its caller, in the caller's session", async () => {
  const url = Promise.withResolvers<string>();
  const service = run({
    name: "search",
    script: "services.mjs",
    plan: { role: "serve" },
    onStderrLine: (line) => void (line.startsWith("http") && url.resolve(line)),
  });
  const plan = { role: "ask", serviceUrl: await url.promise };
  expect(await run({ name: "front", script: "services.mjs", plan })).toEqual(["answered"]);
  await service;
  const rows = await sqlRows(
    rig(),
    "SELECT session, attributes['tollgate.agent.parent'] AS parent, labels['ancestors'] AS ancestors FROM llm_calls WHERE agent = 'search'",
    1,
  );
  expect(rows).toEqual([{ session: "s-http", parent: "asker", ancestors: "front,asker" }]);
});
