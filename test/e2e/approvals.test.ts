/**
 * Goal: what a policy lets happen only with a person's approval happens once, and only as it was approved. Method: a real
 * processor and real agent processes, which guard real functions; people answer by the command line.
 */
import { expect, test } from "vitest";
import { ProcessorProcess } from "../../src/demo/processor-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { delivered, sqlRows, useRig } from "../support/rig.ts";
import { runSteps, type StepResult } from "../support/step-agent.ts";

const rig = useRig({
  governance: `
kind: policy
name: files
agents: ["editor*"]
allow: ["*"]
require_approval: ["write_*"]
forbid: ["iam_*"]
---
kind: budget
name: asks-first
scope: { agent: spender }
limit: $0.01
window: lifetime
thresholds:
  - { at: 1%, do: require_approval }
---
kind: agent
name: editor-1
owner: docs
tenant: docs-co
blast_radius: { systems: [wiki], actions: [read] }
---
kind: agent
name: deputy
autonomy: autonomous
---
kind: tool
name: write_file
systems: [disk]
actions: [write]
`,
});

/** Until a person answers: longer than any of them takes here. */
const WAIT_MS = 600_000;

interface Row {
  readonly id: string;
  readonly state: string;
  readonly arguments: unknown;
}

const write = (path: string): { kind: string; name: string; args: object; context: object } => ({
  kind: "tool",
  name: "write_file",
  args: { path },
  context: { session: "s-1" },
});

async function steps(
  name: string,
  list: readonly ReturnType<typeof write>[],
  waitMs = 0,
): Promise<readonly StepResult[]> {
  const { providerUrl, processor } = rig();
  const env = { TOLLGATE_APPROVAL_WAIT_MS: String(waitMs) };
  return (await runSteps({ name, providerUrl, endpoints: processor.endpoints, steps: list, env })).results;
}

async function pendingOf(agent: string): Promise<readonly Row[]> {
  return (await rig().processor.cli("approvals", "list", "--agent", agent)) as readonly Row[];
}

test("an approved call goes through once, by a process that asked before, and by no other call", async () => {
  const { processor } = rig();
  const [first] = await steps("editor-1", [write("a.txt")]);
  expect(first).toMatchObject({ ok: false, name: "ApprovalPending", code: "approval_pending" });
  const [request] = await pendingOf("editor-1");
  expect(request).toMatchObject({ state: "pending", arguments: { path: "a.txt" } });
  const id = request?.id ?? "";
  expect(first?.details["approvalId"]).toBe(id);

  expect(await processor.cli("approvals", "approve", id, "--comment", "fine")).toMatchObject([{ state: "approved" }]);
  // What an approval of one file must never let happen.
  const results = await steps("editor-1", [write("/etc/shadow"), write("a.txt"), write("a.txt")]);
  expect(results.map(({ ok, code }) => (ok ? "ran" : code))).toEqual(["approval_pending", "ran", "approval_pending"]);
  const spans = await sqlRows(
    rig(),
    `SELECT decision, decision_reason, attributes['tollgate.approval.id'] AS approval, attributes['tollgate.approval.by'] AS by
       FROM tool_decisions WHERE agent = 'editor-1' AND decision = 'allow'`,
    1,
  );
  expect(spans).toEqual([
    { decision: "allow", decision_reason: "approved by people-token: fine", approval: id, by: "people-token" },
  ]);
});

test("a call that waits is told of the answer, and the tool gets what the approver made of the arguments", async () => {
  const { processor } = rig();
  const waiting = steps("editor-2", [write("draft.txt"), write("draft.txt")], WAIT_MS);
  const request = await waitFor(async () => (await pendingOf("editor-2"))[0], { what: "a request", timeoutMs: 60_000 });
  await processor.cli("approvals", "approve", request.id, "--arguments", '{"path":"final.txt"}');
  const second = await waitFor(async () => (await pendingOf("editor-2"))[0], { what: "another", timeoutMs: 60_000 });
  await processor.cli("approvals", "deny", second.id, "--comment", "once is enough");
  const results = await waiting;
  expect(results.map(({ ok, code }) => (ok ? "ran" : code))).toEqual(["ran", "approval_denied"]);
  expect(results[1]?.message).toContain("once is enough");
});

test("a request outlives the processor, and its approval reaches the call that waits", async () => {
  const { workspace, processor } = rig();
  const waiting = steps("editor-4", [write("kept.txt")], WAIT_MS);
  const { id } = await waitFor(async () => (await pendingOf("editor-4"))[0], { what: "a request", timeoutMs: 60_000 });
  await processor.kill();
  rig().processor = await ProcessorProcess.start({ workspace, at: processor.endpoints });
  expect(await pendingOf("editor-4")).toMatchObject([{ id, state: "pending" }]);
  await rig().processor.cli("approvals", "approve", id);
  expect(await waiting).toMatchObject([{ ok: true, reply: "ran" }]);
  await rig().processor.kill();
  rig().processor = await ProcessorProcess.start({ workspace, at: processor.endpoints });
  expect((await steps("editor-4", [write("kept.txt")]))[0]).toMatchObject({ code: "approval_pending" });
});

test("what is forbidden is not asked for, and a bypass lifts no deny and is on the span", async () => {
  const { processor } = rig();
  await processor.cli("approvals", "bypass", "agent=editor-3", "--for", "10m", "--reason", "migration");
  const iam = { ...write("x"), name: "iam_grant" };
  const results = await steps("editor-3", [iam, write("b.txt")]);
  expect(results.map(({ ok, code }) => (ok ? "ran" : code))).toEqual(["tool_denied", "ran"]);
  const [span] = await sqlRows(
    rig(),
    "SELECT attributes['tollgate.approval.bypass'] AS bypass FROM tool_decisions WHERE agent = 'editor-3' AND decision = 'allow'",
    1,
  );
  expect(span?.["bypass"]).toMatch(/^byp_/);
});

test("a threshold that asks for approval is lifted by it, in that window, and both stand in the view", async () => {
  const { processor, providerUrl } = rig();
  const request = { model: "gpt-4o", messages: [{ role: "user", content: "hi" }], max_completion_tokens: 60 };
  const call = async (): Promise<readonly StepResult[]> =>
    (
      await runSteps({
        name: "spender",
        providerUrl,
        endpoints: processor.endpoints,
        steps: Array.from({ length: 3 }, () => ({ kind: "chat", request })),
      })
    ).results;
  await call();
  const held = await waitFor(
    async () =>
      ((await processor.cli("approvals", "list")) as readonly (Row & { tool: string })[]).find(
        ({ tool }) => tool === "asks-first",
      ),
    { what: "the budget's request", timeoutMs: 60_000 },
  );
  expect((await call())[0]).toMatchObject({ ok: false, code: "approval_required" });
  await processor.cli("approvals", "approve", held.id);
  await waitFor(async () => ((await call()).every(({ ok }) => ok) ? true : undefined), {
    what: "calls that go on",
    timeoutMs: 60_000,
  });
  const rows = await sqlRows(
    rig(),
    "SELECT kind, state, tool, answered_by[1] AS by FROM approvals WHERE agent LIKE '%spender%' AND state = 'consumed'",
    1,
  );
  expect(rows).toEqual([{ kind: "budget", state: "consumed", tool: "asks-first", by: "people-token" }]);
  const changes = await sqlRows(
    rig(),
    `SELECT author FROM changes WHERE action = 'approval.approve' AND subject = '${held.id}'`,
    1,
  );
  expect(changes).toEqual([{ author: "people-token" }]);
});

test("what an agent may do and did beyond its declaration is in the register of risks and in status", async () => {
  await delivered(rig());
  const all = (await rig().processor.cli("agents", "--risk")) as readonly Record<string, unknown>[];
  const row = all.find(({ name }) => name === "editor-1");
  expect(row).toMatchObject({
    owner: "docs",
    acts: 1,
    risk: "high",
    likelihood: "high",
    gaps: expect.arrayContaining(["did more than declared", "policies allow more than declared"]) as string[],
    beyond: expect.arrayContaining([
      "agent `editor-1`: `write_file` reaches the system `disk`, beyond its blast radius",
    ]) as string[],
  });
});

test("what people said against an agent or its policies counts as overrides of it", async () => {
  await delivered(rig());
  const agents = (await rig().processor.cli("agents", "--risk")) as readonly Record<string, unknown>[];
  const of = (agent: string) => agents.find(({ name }) => name === agent);
  expect(of("editor-2")).toMatchObject({ approvals_denied: 1, approvals_edited: 1, overrides: 2, runs: 1 });
  expect(of("editor-3")).toMatchObject({ bypassed: 1, overrides: 1 });
  expect(of("editor-1")).toMatchObject({
    overrides: 0,
    runs: 1,
    evidence: expect.stringContaining("1 run, 1 act") as string,
  });
});

test("an agent with an issued key is that agent, nobody else is, and a revoked key opens nothing", async () => {
  const { processor, providerUrl } = rig();
  type Key = { readonly id: string; readonly secret: string };
  const [first] = (await processor.cli("agents", "issue", "keyed")) as readonly [Key];
  const [next] = (await processor.cli("agents", "rotate", first.id)) as readonly [Key];
  const run = async (key?: string): Promise<StepResult | undefined> => {
    const env = key === undefined ? {} : { TOLLGATE_API_KEY: key };
    const call = { kind: "tool", name: "look", args: {} };
    return (await runSteps({ name: "keyed", providerUrl, endpoints: processor.endpoints, steps: [call], env }))
      .results[0];
  };
  expect(await run(next.secret)).toMatchObject({ ok: true });
  // Both wait for an answer that does not come.
  expect(await Promise.all([run(), run(first.secret)])).toMatchObject(
    Array.from({ length: 2 }, () => ({ code: "gate_unavailable" })),
  );
  const [span] = await sqlRows(
    rig(),
    "SELECT toString(agent_verified) AS verified FROM tool_decisions WHERE agent = 'keyed' AND decision = 'allow'",
    1,
  );
  expect(span).toEqual({ verified: "true" });
  await processor.cli("agents", "revoke", next.id);
  const changes = await sqlRows(rig(), "SELECT action FROM changes WHERE action LIKE 'credential.%' ORDER BY seq", 3);
  expect(changes.map(({ action }) => action)).toEqual(["credential.issue", "credential.rotate", "credential.revoke"]);
});

test("people of a tenant read what its agents did, and nothing else", async () => {
  const { processor } = rig();
  type Key = { readonly secret: string };
  const create = ["tokens", "create", "--name", "dora", "--role", "viewer", "--tenant", "docs-co"];
  const [{ secret }] = (await processor.cli(...create)) as readonly [Key];
  const headers = { authorization: `Bearer ${secret}` };
  const read = async (path: string): Promise<string> => {
    const response = await fetch(`${processor.endpoints.api}${path}`, { headers });
    const text = await response.text();
    expect([path, response.status, text]).toEqual([path, 200, text]);
    return text;
  };
  await delivered(rig());
  const lists = [
    "/v1/traces",
    "/v1/sessions",
    "/v1/sessions/s-1",
    "/v1/spans?received_since_ms=0",
    "/v1/decisions/recorded",
  ];
  const found = await Promise.all([...lists, "/v1/agents", "/v1/approvals?state=all"].map(read));
  for (const text of found) {
    expect(text).toContain("editor-1");
    for (const other of ["editor-2", "editor-3", "spender", "keyed"]) expect(text).not.toContain(other);
  }
  expect(JSON.parse(await read("/v1/spend?by=agent"))).toMatchObject({ rows: [] });
});

test("an incident takes autonomy from its agent at once, until it is closed, and is on the spans meanwhile", async () => {
  const { processor } = rig();
  const ship = { ...write("x"), name: "ship" };
  const run = async (): Promise<string | undefined> => {
    const [result] = await steps("deputy", [ship]);
    return result?.ok === true ? "ran" : result?.code;
  };
  expect(await run()).toBe("ran");
  type Row = { readonly id: string; readonly title: string; readonly timeline: readonly { readonly text: string }[] };
  const opened = await processor.cli("incident", "open", "ships too much", "--agent", "deputy", "--severity", "medium");
  const [{ id }] = opened as readonly [Row];
  expect(await run()).toBe("approval_pending");
  await processor.cli("incident", "note", id, "asked", "the", "owner");
  const [span] = await sqlRows(
    rig(),
    "SELECT attributes['tollgate.incident.severity'] AS severity FROM tool_decisions WHERE agent = 'deputy' AND decision = 'require_approval'",
    1,
  );
  expect(span).toEqual({ severity: "medium" });
  await delivered(rig());
  const [shown] = (await processor.cli("incident", "show", id)) as readonly [Row];
  const texts = ["opened: ships too much", "asked the owner", "asked for ship: pending"];
  for (const text of texts) expect(shown.timeline.map((row) => row.text)).toContainEqual(text);
  expect(shown.timeline.some(({ text }) => text.startsWith("ship: require_approval"))).toBe(true);
  await processor.cli("incident", "close", id, "a false alarm");
  expect(await run()).toBe("ran");
});
