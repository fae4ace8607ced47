import { describe, expect, it } from "vitest";
import { LedgerError } from "../../../src/budget/ledger-error.ts";
import { ACQUIRE, FLEET, HELLO, LEASE_ID, PROCESS_ID, rig, type Rig } from "./rig.ts";

const post = (on: Rig, url: string, payload: object | string, headers: Record<string, string> = {}) =>
  on.api.app.inject({ method: "POST", url, payload, headers: { "content-type": "application/json", ...headers } });

const hello = (on: Rig, change: object = {}, headers: Record<string, string> = {}) =>
  post(on, "/v1/leases/hello", { ...HELLO, ...change }, headers);
const acquire = (on: Rig, change: object = {}, headers: Record<string, string> = {}) =>
  post(on, "/v1/leases/acquire", { ...ACQUIRE, ...change }, headers);

describe("hello", () => {
  it("answers the labels after the registry had its say, and what the gate needs to know", async () => {
    const on = rig({
      registry: {
        agents: [{ kind: "agent", name: "shop", team: "checkout", owner: "payments" }],
        policies: [
          { name: "p", appliesTo: (agent) => agent === "shop", document: { kind: "policy", name: "p" } },
          { name: "q", appliesTo: () => false, document: { kind: "policy", name: "q" } },
        ],
        prices: [{ kind: "prices" }],
        requirePolicy: true,
      },
    });
    const reply = await hello(on);
    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toMatchObject({
      labels: { agent: "shop", team: "checkout", owner: "payments", env: "dev" },
      agent_verified: false,
      label_keys: ["team"],
      // Of every agent that the process may act for: its sub-agents have names of their own.
      policies: [
        { kind: "policy", name: "p" },
        { kind: "policy", name: "q" },
      ],
      prices: [{ kind: "prices" }],
      require_policy: true,
      governance_version: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
  });

  it("counts how often gates failed inside, whatever is said twice, and names the agents", async () => {
    const on = rig();
    const other = { process_id: "b".repeat(32), agent: "other" };
    await hello(on);
    expect([on.api.processes.failures, on.api.processes.failing()]).toEqual([0, []]);
    await hello(on, { failures: 2 });
    await hello(on, { failures: 2 });
    await hello(on, { ...other, failures: 5 });
    await post(on, "/v1/leases/close", { process_id: PROCESS_ID, failures: 3, leases: [] });
    // A report that was overtaken by a later one.
    await post(on, "/v1/leases/close", { process_id: PROCESS_ID, failures: 1, leases: [] });
    // Of a process that nobody knows.
    await post(on, "/v1/leases/close", { process_id: "c".repeat(32), failures: 9, leases: [] });
    expect(on.api.processes.failures).toBe(8);
    expect(
      on.api.processes.failing().map((text) => /`(.*)`: its gate failed inside (\d+)/.exec(text)?.slice(1)),
    ).toEqual([
      ["other", "5"],
      [HELLO.agent, "3"],
    ]);
    expect((await hello(on, { failures: -1 })).statusCode).toBe(400);
  });

  it("names ten agents whose gates fail, and counts the rest", async () => {
    const on = rig();
    for (let index = 0; index < 12; index += 1)
      await hello(on, { process_id: index.toString(16).padStart(32, "0"), agent: `a-${index}`, failures: 1 + index });
    expect(on.api.processes.failing()).toHaveLength(11);
    expect(on.api.processes.failing().at(-1)).toBe("gates of 2 more agents failed inside");
  });

  it("says once in the log that an agent has no policy", async () => {
    const on = rig();
    await hello(on);
    await hello(on, { process_id: "b".repeat(32) });
    expect(on.logLines.filter((line) => line.includes("no policy"))).toHaveLength(1);
  });
});

describe("acquire", () => {
  it("wants a hello first", async () => {
    const reply = await acquire(rig());
    expect(reply.statusCode).toBe(409);
    expect(reply.headers["content-type"]).toContain("application/problem+json");
    expect(reply.json()).toMatchObject({
      code: "process_unknown",
      status: 409,
      type: "urn:tollgate:problem:process_unknown",
    });
  });

  it("lets the registry's labels win over the claimed ones, and passes only labels that budgets look at, and Int64 exactly", async () => {
    const on = rig({ registry: { agents: [{ kind: "agent", name: "shop", team: "checkout" }] } });
    await hello(on);
    await acquire(on);
    expect(on.ledger.acquired[0]).toMatchObject({
      processId: PROCESS_ID,
      leaseId: LEASE_ID,
      labels: { team: "checkout" },
      target: { nanoUsd: 9_223_372_036_854_775_807n, tokens: 20n, calls: 1n },
    });
  });

  it("answers a refusal with the budget that refused", async () => {
    const on = rig();
    await hello(on);
    on.ledger.answer = {
      outcome: "exhausted",
      seq: 7,
      granted: { nanoUsd: 5n, tokens: 0n, calls: 0n },
      budgets: [FLEET],
      refusedBy: FLEET,
      obstacle: { kind: "past_awaited", untilMs: Date.UTC(2026, 4, 4, 12), heldBy: 3, heldBySilent: 1 },
    };
    const reply = await acquire(on, { seq: 7 });
    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toMatchObject({
      outcome: "exhausted",
      seq: 7,
      granted: { nano_usd: "5" },
      ttl_ms: 30_000,
      refused_by: {
        name: "fleet",
        limit: "25000000000",
        remaining: "23999999499",
        actions: [{ do: "downgrade", at_percent: 80, fallback: { "gpt-4o": "gpt-4o-mini" } }],
      },
      refusal: { obstacle: "past_awaited", until: "2026-05-04T12:00:00.000Z", held_by: 3, held_by_silent: 1 },
    });
  });

  it("says with a code of its own that a lease is lost", async () => {
    const on = rig();
    await hello(on);
    on.ledger.answer = { outcome: "lost", reason: "the lease belongs to another process" };
    const reply = await acquire(on);
    expect([reply.statusCode, reply.json().code]).toEqual([409, "lease_lost"]);
  });

  it("answers 503 when the ledger cannot write, and keeps an unexpected error to itself", async () => {
    const on = rig();
    await hello(on);
    on.ledger.failure = new LedgerError("ledger_unavailable", "the journal could not be written");
    const unavailable = await acquire(on);
    expect([unavailable.statusCode, unavailable.json().code]).toEqual([503, "ledger_unavailable"]);
    on.ledger.failure = new Error("secret detail");
    const unexpected = await acquire(on);
    expect([unexpected.statusCode, unexpected.json().code]).toEqual([500, "internal"]);
    expect(unexpected.body).not.toContain("secret detail");
    expect(on.logLines.join("")).toContain("secret detail");
  });

  it.each([
    ["a negative amount", { settled: { ...ACQUIRE.settled, nano_usd: "-1" } }, "body.settled.nano_usd"],
    ["an amount past Int64", { need: { ...ACQUIRE.need, nano_usd: "9223372036854775808" } }, "body.need.nano_usd"],
    ["an amount as a number", { need: { ...ACQUIRE.need, tokens: 5 } }, "body.need.tokens"],
    ["an amount that only starts like one", { need: { ...ACQUIRE.need, tokens: "5abc" } }, "body.need.tokens"],
    ["a lease id of another form", { lease_id: "../etc" }, "body.lease_id"],
    ["an absurd wait", { wait_ms: 1e9 }, "body.wait_ms"],
    ["a fraction as seq", { seq: 1.5 }, "body.seq"],
    [
      "too many labels",
      { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, "v"])) },
      "body.labels",
    ],
    ["a label that is too long", { labels: { k: "v".repeat(513) } }, "body.labels.k"],
  ])("refuses %s and says where", async (_what, change, path) => {
    const on = rig();
    await hello(on);
    const reply = await acquire(on, change);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({ code: "invalid_request", errors: [{ path }] });
    expect(on.ledger.acquired).toEqual([]);
  });
});

describe("bodies", () => {
  it.each([
    ["not JSON", "{", "invalid_request", 400],
    ["empty", "", "invalid_request", 400],
    ["an array", "[]", "invalid_request", 400],
    ["too large", `{"x":"${"x".repeat(20_000)}"}`, "payload_too_large", 413],
    ["a poisoned prototype", '{"__proto__": {"x": 1}}', "invalid_request", 400],
  ])("refuses a body that is %s", async (_what, body, code, status) => {
    const reply = await post(rig(), "/v1/leases/hello", body);
    expect([reply.statusCode, reply.json().code]).toEqual([status, code]);
  });

  it("refuses a body of another type, as a browser form would send it", async () => {
    const reply = await post(rig(), "/v1/leases/hello", "a=b", { "content-type": "text/plain" });
    expect([reply.statusCode, reply.json().code]).toEqual([415, "unsupported_media_type"]);
  });
});

describe("close", () => {
  it("takes the last report also from a process that a restart forgot", async () => {
    const on = rig();
    const leases = [{ lease_id: LEASE_ID, settled: { nano_usd: "7", tokens: "1", calls: "1" } }];
    const reply = await post(on, "/v1/leases/close", { process_id: PROCESS_ID, leases });
    expect([reply.statusCode, reply.json()]).toEqual([200, {}]);
    expect(on.ledger.closed).toEqual([
      { processId: PROCESS_ID, leases: [{ leaseId: LEASE_ID, settled: { nanoUsd: 7n, tokens: 1n, calls: 1n } }] },
    ]);
  });
});

describe("agents' keys", () => {
  const KEYS = [
    { agents: ["shop*"], key: "key-of-shop-0123456789" },
    { agents: ["mail"], key: "key-of-mail-0123456789" },
  ];
  const shop = { authorization: "Bearer key-of-shop-0123456789" };
  const mail = { authorization: "Bearer key-of-mail-0123456789" };

  it("are required once there are some, and must be known", async () => {
    const on = rig({ agentKeys: KEYS });
    const without = await hello(on);
    expect([without.statusCode, without.json().code, without.headers["www-authenticate"]]).toEqual([
      401,
      "unauthorized",
      "Bearer",
    ]);
    expect((await hello(on, {}, { authorization: "Bearer guess" })).statusCode).toBe(401);
    const known = await hello(on, {}, shop);
    expect([known.statusCode, known.json().agent_verified]).toEqual([200, true]);
  });

  it("are bound to the names of their agents", async () => {
    const on = rig({ agentKeys: KEYS });
    expect((await hello(on, { agent: "mail" }, shop)).json()).toMatchObject({ code: "forbidden", status: 403 });
    await hello(on, {}, shop);
    expect((await acquire(on, { labels: { agent: "shop-helper" } }, shop)).statusCode).toBe(200);
    expect((await acquire(on, { labels: { agent: "mail" } }, shop)).statusCode).toBe(403);
  });

  it("tell how far their own agents went, and of others' nothing, whatever else is reported", async () => {
    const on = rig({ agentKeys: KEYS });
    await hello(on, {}, shop);
    const past = { has_acted: true, rows: 5, width: 0, labels: [], known: ["AAAAAAAAAAAAAAAA"], tools: {} };
    const seen = { session: "s", labels: [], tools: [], actions: [], systems: [], destinations: [] };
    const sessions = [{ ...seen, denied: 0, calls: 1, spent_nano_usd: "0" }];
    const pasts = ["mail", "shop", "shop-helper"].map((agent) => ({ agent, ...past }));
    const reply = await post(on, "/v1/leases/sessions", { process_id: PROCESS_ID, sessions, pasts }, shop);
    expect(reply.json().sessions).toHaveLength(1);
    expect(reply.json().pasts.map(({ agent, rows }: (typeof pasts)[number]) => [agent, rows])).toEqual([
      ["shop", 5],
      ["shop-helper", 5],
    ]);
    expect((await hello(on, {}, shop)).json().past).toMatchObject({ agent: "shop", rows: 5 });
    expect((await hello(on, { process_id: LEASE_ID, agent: "mail" }, mail)).json().past).toMatchObject({ rows: 0 });
    for (const wrong of [{ rows: -1 }, { known: ["x"] }, { tools: { AAAAAAAAAAAAAAAA: "x" } }, { agent: "a\nb" }]) {
      const report = { process_id: PROCESS_ID, sessions: [], pasts: [{ agent: "shop", ...past, ...wrong }] };
      expect((await post(on, "/v1/leases/sessions", report, shop)).statusCode).toBe(400);
    }
  });

  it("do not speak for a process of another key", async () => {
    const on = rig({ agentKeys: KEYS });
    await hello(on, {}, shop);
    expect((await acquire(on, { labels: { agent: "mail" } }, mail)).json().code).toBe("forbidden");
    expect((await hello(on, { agent: "mail" }, mail)).json().code).toBe("forbidden");
    const closing = await post(on, "/v1/leases/close", { process_id: PROCESS_ID, leases: [] }, mail);
    expect(closing.json().code).toBe("forbidden");
  });
});
