import { describe, expect, it } from "vitest";
import { agentDocumentSchema } from "../../../src/policy/agent-document.ts";
import { PERSON, rig, type Rig } from "./rig.ts";

const POLICY = {
  kind: "policy",
  name: "shop",
  version: "3",
  agents: ["shop"],
  default: "deny",
  allow: ["read_*"],
  forbid: ["db_drop_*"],
  require_approval: ["refund"],
};

const governed = (): Rig =>
  rig({ registry: { policies: [{ name: "shop", appliesTo: (agent) => agent === "shop", document: POLICY }] } });

const ask = (on: Rig, payload: object) => on.api.app.inject({ method: "POST", url: "/v1/decisions", payload });

describe("POST /v1/decisions", () => {
  it.each([
    ["read_orders", "allow"],
    ["READ_orders", "allow"],
    ["db_drop_table", "forbid"],
    ["refund", "require_approval"],
    ["unheard_of", "deny"],
  ])("of %s says %s, with rule, reason and policy", async (tool, decision) => {
    const reply = await ask(governed(), { agent: "shop", session: "s-1", tool, arguments: { b: 1, a: 2 } });
    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toMatchObject({
      decision,
      rule: expect.any(String),
      reason: expect.any(String),
      policy: "shop",
    });
    expect("approval_id" in reply.json<object>()).toBe(decision === "require_approval");
  });

  it("allows an approved call once, and says what became of one that was denied", async () => {
    const on = governed();
    const call = { agent: "shop", session: "s-1", tool: "refund", arguments: { order: 7 } };
    const decide = async (): Promise<{ decision: string; approval_id: string }> => (await ask(on, call)).json();
    const answer = async (id: string, verdict: string): Promise<unknown> =>
      on.api.app.inject({ method: "POST", url: `/v1/approvals/${id}/${verdict}`, payload: {}, headers: PERSON });
    const { approval_id: id } = await decide();
    await answer(id, "approve");
    expect(await decide()).toMatchObject({ decision: "allow", approval_id: id });
    const again = await decide();
    expect(again.decision).toBe("require_approval");
    await answer(again.approval_id, "deny");
    const reason = "denied by people-token";
    expect(await decide()).toMatchObject({ decision: "deny", reason, approval_id: again.approval_id });
  });

  it("holds an agent to its autonomy, to that of those it acts for, and to what an incident leaves of it", async () => {
    const agent = (name: string, autonomy?: string) => agentDocumentSchema.parse({ kind: "agent", name, autonomy });
    const agents = [agent("boss", "suggest"), agent("free", "autonomous"), agent("watcher", "observe")];
    const on = rig({ registry: { agents } });
    const decide = async (name: string, tool_actions: readonly string[], more: object = {}) => {
      const reply = await ask(on, { agent: name, tool: "act", tool_actions, arguments: { to: "x" }, ...more });
      return reply.json<{ readonly decision: string; readonly rule: string; readonly shadow: readonly object[] }>();
    };
    const decisions = async (name: string, more: object = {}): Promise<readonly string[]> =>
      Promise.all([["read"], ["write"], ["send"]].map(async (does) => (await decide(name, does, more)).decision));
    expect(await decisions("watcher")).toEqual(["allow", "deny", "deny"]);
    expect((await decide("watcher", ["send"])).shadow).toMatchObject([{ decision: "allow", rule: "no policy" }]);
    expect(await decisions("boss")).toEqual(["allow", "require_approval", "require_approval"]);
    expect(await decisions("boss/helper")).toEqual(["allow", "require_approval", "require_approval"]);
    expect(await decisions("free")).toEqual(["allow", "allow", "allow"]);
    expect(await decisions("free", { labels: { ancestors: "watcher" } })).toEqual(["allow", "deny", "deny"]);
    on.registry.demote(new Map([["free", "low"]]));
    expect(await decisions("free")).toEqual(["allow", "allow", "require_approval"]);
  });

  it("says where a call goes, by hosts and mail domains, for the span of who asks", async () => {
    const asked = {
      agent: "shop",
      tool: "read_mail",
      arguments: { to: ["Ada <ada@corp.example>"], url: "https://a.example/x" },
    };
    expect((await ask(governed(), asked)).json()).toMatchObject({ destinations: ["a.example", "corp.example"] });
    expect((await ask(governed(), { agent: "shop", tool: "read_mail" })).json()).not.toHaveProperty("destinations");
  });

  it("asked again under the same key, because an answer got lost, is one use of an approval and one act of the session", async () => {
    const on = governed();
    const call = { agent: "shop", session: "s-1", tool: "refund", arguments: { order: 7 } };
    const decide = async (key: string, body: object = call): Promise<{ readonly [field: string]: unknown }> => {
      const headers = { "idempotency-key": key };
      const reply = await on.api.app.inject({ method: "POST", url: "/v1/decisions", payload: body, headers });
      return reply.json();
    };
    const { approval_id: id } = await decide("k1");
    await on.api.app.inject({
      method: "POST",
      url: `/v1/approvals/${String(id)}/approve`,
      payload: {},
      headers: PERSON,
    });
    const allowed = { decision: "allow", approval_id: id };
    for (let attempt = 0; attempt < 3; attempt += 1) expect(await decide("k1")).toMatchObject(allowed);
    expect(await decide("k1", { ...call, arguments: { order: 8 } })).toMatchObject({ code: "idempotency_key_reused" });
    expect(await decide("k2")).toMatchObject({ decision: "require_approval" });
    expect(await decide("")).toMatchObject({ code: "invalid_request" });
  });

  it("names every rule that says so, and one whose condition failed with its error", async () => {
    const rules = [{ name: "small", effect: "allow", tools: ["drop_*"], when: "args.rows < 10.0" }];
    const on = rig({
      registry: {
        policies: [{ name: "shop", appliesTo: () => true, document: { ...POLICY, deny: ["drop_*"], rules } }],
      },
    });
    const payload = { agent: "shop", tool: "drop_orders", arguments: {} };
    const reply = await on.api.app.inject({ method: "POST", url: "/v1/decisions", payload });
    const { name: policy } = POLICY;
    expect(reply.json()).toMatchObject({
      decision: "deny",
      matched: [
        { policy, rule: "deny: drop_*", effect: "deny" },
        { policy, rule: "small", effect: "allow", error: "No such key: rows" },
      ],
    });
  });

  it("remembers of the session what an approved call did, though its question came under the same key", async () => {
    const rules = [
      { name: "leak", effect: "forbid", tools: ["read_*"], when: 'session.label >= label("confidential")' },
    ];
    const on = rig({
      registry: { policies: [{ name: "shop", appliesTo: () => true, document: { ...POLICY, rules } }] },
    });
    const decide = async (tool: string, more: object, key: string): Promise<Record<string, unknown>> => {
      const payload = { agent: "shop", session: "s-1", tool, arguments: {}, ...more };
      const headers = { "idempotency-key": key };
      return (await on.api.app.inject({ method: "POST", url: "/v1/decisions", payload, headers })).json();
    };
    const refund = () => decide("refund", { tool_labels: ["confidential"] }, "k1");
    const { approval_id: id } = await refund();
    expect(await decide("read_orders", {}, "k2")).toMatchObject({ decision: "allow" });
    const url = `/v1/approvals/${String(id)}/approve`;
    await on.api.app.inject({ method: "POST", url, payload: {}, headers: PERSON });
    expect(await refund()).toMatchObject({ decision: "allow" });
    expect(await decide("read_orders", {}, "k3")).toMatchObject({ decision: "forbid" });
  });

  it("counts what the policies deny once for each key", async () => {
    const rules = [{ name: "enough", effect: "forbid", tools: ["read_*"], when: "session.denied >= 2" }];
    const document = { ...POLICY, rules };
    const on = rig({ registry: { policies: [{ name: "shop", appliesTo: () => true, document }] } });
    const decide = async (tool: string, key: string): Promise<unknown> => {
      const payload = { agent: "shop", session: "s-1", tool, arguments: {} };
      const headers = { "idempotency-key": key };
      const reply = await on.api.app.inject({ method: "POST", url: "/v1/decisions", payload, headers });
      return reply.json<{ decision: string }>().decision;
    };
    for (let attempt = 0; attempt < 3; attempt += 1) expect(await decide("unheard_of", "k1")).toBe("deny");
    expect(await decide("read_orders", "k2")).toBe("allow");
    expect(await decide("unheard_of", "k3")).toBe("deny");
    expect(await decide("read_orders", "k4")).toBe("forbid");
  });

  it("holds an agent to the policies of the parent that its document names, whatever its own allow", async () => {
    const policyOf = (name: string, rules: object) => ({
      name,
      appliesTo: (agent: string) => agent === name,
      document: { kind: "policy", name, agents: [name], ...rules },
    });
    const policies = [policyOf("boss", { default: "deny", allow: ["read_*"] }), policyOf("helper", { allow: ["*"] })];
    const agents = [agentDocumentSchema.parse({ kind: "agent", name: "helper", parent: "boss" })];
    const on = rig({ registry: { policies, agents } });
    const decisionOf = async (tool: string): Promise<unknown> =>
      (await ask(on, { agent: "helper", session: "s", tool, arguments: {} })).json<{ decision: string }>().decision;
    expect([await decisionOf("read_x"), await decisionOf("write_x")]).toEqual(["allow", "deny"]);
  });

  it("sees where a call goes as a gate does: by its arguments, where the caller says nothing", async () => {
    const rules = [{ name: "evil", effect: "forbid", tools: ["*"], when: 'destination == "evil.example"' }];
    const document = { kind: "policy", name: "shop", default: "allow", rules };
    const on = rig({ registry: { policies: [{ name: "shop", appliesTo: () => true, document }] } });
    const decisionOf = async (more: object): Promise<unknown> =>
      (await ask(on, { agent: "shop", session: "s", tool: "fetch", ...more })).json<{ decision: string }>().decision;
    expect(await decisionOf({ arguments: { url: "https://evil.example/x" } })).toBe("forbid");
    expect(await decisionOf({ arguments: { url: "https://fine.example/x" } })).toBe("allow");
    expect(await decisionOf({ arguments: {}, destination: "evil.example" })).toBe("forbid");
  });

  it("holds what an approver made of the arguments against the policies, and uses no approval for what they forbid", async () => {
    const rules = [{ name: "limit", effect: "forbid", when: "has(args.amount) && args.amount > 100" }];
    const document = { ...POLICY, rules };
    const on = rig({ registry: { policies: [{ name: "shop", appliesTo: () => true, document }] } });
    const call = { agent: "shop", session: "s-1", tool: "refund", arguments: { amount: 7 } };
    const approvedWith = async (amount: number): Promise<object> => {
      const { approval_id: id } = (await ask(on, call)).json<{ approval_id: string }>();
      const payload = { arguments: { amount } };
      await on.api.app.inject({ method: "POST", url: `/v1/approvals/${id}/approve`, payload, headers: PERSON });
      return (await ask(on, call)).json<object>();
    };
    expect(await approvedWith(50)).toMatchObject({ decision: "allow", arguments: { amount: 50 } });
    const forbidden = await approvedWith(5_000);
    expect(forbidden).toMatchObject({ decision: "forbid", rule: "limit" });
    expect(forbidden).not.toHaveProperty("arguments");
    expect((await on.api.app.inject({ url: "/v1/approvals?state=approved", headers: PERSON })).json()).toMatchObject({
      approvals: [{ state: "approved", edited_arguments: { amount: 5_000 } }],
    });
  });

  it("has one digest for arguments that mean the same", async () => {
    const on = governed();
    const [one, two] = [
      { b: 1.0, a: 2 },
      { a: 2, b: 1 },
    ];
    const digestOf = async (args: object): Promise<unknown> =>
      (await ask(on, { agent: "shop", tool: "read_orders", arguments: args })).json().arguments_digest;
    expect(await digestOf(one)).toMatch(/^[0-9a-f]{64}$/);
    expect(await digestOf(one)).toBe(await digestOf(two));
  });

  it("says when no policy decided, and denies then where governance requires one", async () => {
    const free = await ask(governed(), { agent: "mail", tool: "anything" });
    expect(free.json()).toMatchObject({ decision: "allow", rule: "no policy", policy: "" });
    const strict = await ask(rig({ registry: { requirePolicy: true } }), { agent: "mail", tool: "anything" });
    expect(strict.json()).toMatchObject({ decision: "deny", policy: "" });
  });

  it("says in what a call goes beyond what the agent did before, by whatever way it asked", async () => {
    const rules = [{ name: "further", effect: "deny", tools: ["*"], when: "size(expansion) > 0" }];
    const document = { kind: "policy", name: "p", default: "allow", rules };
    const on = rig({ registry: { policies: [{ name: "p", appliesTo: () => true, document }] } });
    const decide = async (payload: object): Promise<unknown> =>
      (await ask(on, { agent: "shop", tool: "send", ...payload })).json<{ decision: string }>().decision;
    expect(await decide({ arguments: { to: "ada@corp.example", limit: 10 } })).toBe("allow");
    expect(await decide({ arguments: { cc: "ada@corp.example", limit: 5 }, session: "s" })).toBe("allow");
    for (const further of [
      { arguments: { to: "eve@evil.example" } },
      { arguments: { to: ["ada@corp.example", "eve@evil.example"] } },
      { destination: "evil.example", arguments: {} },
      { arguments: { limit: 11 } },
      { arguments: {}, tool_labels: ["confidential"] },
      { arguments: {}, tool_systems: ["hr-db"] },
      { arguments: { text: "card 4111 1111 1111 1111" } },
      { arguments: { to: "eve@evil.example", dry_run: true } },
    ])
      for (let attempt = 0; attempt < 2; attempt += 1) expect(await decide(further)).toBe("deny");
    // Another agent begins.
    expect(await decide({ agent: "mail", arguments: { to: "eve@evil.example" } })).toBe("allow");
  });

  it("does not take a dry run for having been there", async () => {
    const rules = [{ name: "further", effect: "deny", when: "size(expansion) > 0 && !has(args.dry_run)" }];
    const document = { kind: "policy", name: "p", default: "allow", rules };
    const on = rig({ registry: { policies: [{ name: "p", appliesTo: () => true, document }] } });
    const send = async (args: object): Promise<unknown> =>
      (await ask(on, { agent: "shop", tool: "send", arguments: args })).json<{ decision: string }>().decision;
    expect(await send({ to: "ada@corp.example" })).toBe("allow");
    expect(await send({ to: "eve@evil.example", dry_run: true })).toBe("allow");
    expect(await send({ to: "eve@evil.example" })).toBe("deny");
  });

  it("holds a rule on the destination against each that a call names", async () => {
    const rules = [{ name: "ours", effect: "deny", when: '!destination.endsWith("@corp.example")' }];
    const document = { kind: "policy", name: "p", default: "allow", rules };
    const on = rig({ registry: { policies: [{ name: "p", appliesTo: () => true, document }] } });
    const send = async (to: unknown): Promise<unknown> =>
      (await ask(on, { agent: "shop", tool: "send", arguments: { to } })).json<{ decision: string }>().decision;
    expect(await send(["ada@corp.example", "bob@corp.example"])).toBe("allow");
    expect(await send(["ada@corp.example", "eve@evil.example"])).toBe("deny");
    expect(await send("eve@evil.example, ada@corp.example")).toBe("deny");
  });

  it("denies where a policy cannot be read", async () => {
    const on = rig({ registry: { policies: [{ name: "x", appliesTo: () => true, document: { kind: "policy" } }] } });
    expect((await ask(on, { agent: "shop", tool: "anything" })).json()).toMatchObject({ decision: "deny" });
  });

  it("wants the agent's own key, and no keys that it does not know", async () => {
    const on = rig({ agentKeys: [{ agents: ["mail"], key: "key-of-mail-0123456789" }] });
    const headers = { authorization: "Bearer key-of-mail-0123456789" };
    const payload = { agent: "shop", tool: "x" };
    expect((await on.api.app.inject({ method: "POST", url: "/v1/decisions", payload, headers })).statusCode).toBe(403);
    expect((await ask(on, payload)).statusCode).toBe(401);
    expect((await ask(governed(), { agent: "shop", tool: "x", args: {} })).statusCode).toBe(400);
  });
});

describe("the description", () => {
  it("has examples, the status of a creation and the Idempotency-Key", async () => {
    const document = (await rig().api.app.inject({ method: "GET", url: "/v1/openapi.json" })).json();
    const create = document.paths["/v1/reservations"].post;
    expect(create.responses["201"].content["application/json"].example).toMatchObject({ decision: "allow" });
    expect(create.requestBody.content["application/json"].example).toMatchObject({ agent: "checkout" });
    expect(create.parameters).toContainEqual(expect.objectContaining({ name: "idempotency-key", in: "header" }));
    expect(create.responses["402"].description).toContain("budget_exceeded");
    expect(document.paths["/v1/decisions"].post.requestBody.content["application/json"].example.tool).toBe(
      "db_drop_table",
    );
  });
});
