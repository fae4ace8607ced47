import { describe, expect, it } from "vitest";
import { StoreRefused } from "../../../src/api/read-store.ts";
import { PERSON, rig, type Rig } from "./rig.ts";

const get = (on: Rig, url: string, headers: Record<string, string> = PERSON) =>
  on.api.app.inject({ method: "GET", url, headers });

describe("people's endpoints", () => {
  it.each([
    "/v1/budgets",
    "/v1/spend?by=agent",
    "/v1/traces",
    `/v1/traces/${"a".repeat(32)}`,
    "/v1/sessions",
    "/v1/sessions/s",
    "/v1/spans",
    "/v1/status",
  ])("%s wants the token", async (url) => {
    for (const headers of [{}, { authorization: "Bearer wrong" }, { authorization: "Basic dGc6" }]) {
      const reply = await get(rig(), url, headers as Record<string, string>);
      expect([reply.statusCode, reply.json().code]).toEqual([401, "unauthorized"]);
    }
  });

  it("answer a problem where there is nothing", async () => {
    const reply = await get(rig(), "/v1/nothing");
    expect([reply.statusCode, reply.json().code]).toEqual([404, "not_found"]);
  });
});

describe("budgets", () => {
  it("shows exact amounts, as integers and as dollars with 9 places", async () => {
    const { budgets } = (await get(rig(), "/v1/budgets")).json();
    expect(budgets).toEqual([
      {
        name: "fleet",
        scope: { team: "checkout" },
        window_start: "2026-11-21T00:00:00.000Z",
        window_end: "2026-11-22T00:00:00.000Z",
        measure: "usd",
        limit: "25000000000",
        carried: "0",
        raises: [],
        settled: "1000000001",
        gated: "1000000000",
        observed: "1",
        reserved: "500",
        remaining: "23999999499",
        limit_usd: "25.000000000",
        settled_usd: "1.000000001",
        gated_usd: "1.000000000",
        observed_usd: "0.000000001",
        reserved_usd: "0.000000500",
        remaining_usd: "23.999999499",
        mode: "hard",
        past: "counted",
        closed_until: null,
        state: "warning",
        age_ms: 0,
      },
    ]);
  });

  it("gives very many a page at a time, those in trouble first, and says how many there are", async () => {
    const on = rig();
    const [fleet] = on.ledger.budgets();
    if (fleet === undefined) throw new Error("the rig has no budget");
    const many = Array.from({ length: 30_000 }, (_, index) => ({
      ...fleet,
      name: index % 2 === 0 ? "per-user" : "per-session",
      scope: { user: `u${index}` },
      state: index === 29_998 ? ("exhausted" as const) : ("ok" as const),
    }));
    on.ledger.budgets = () => many;
    const page = async (query: string) => {
      const { budgets, total } = (await get(on, `/v1/budgets${query}`)).json();
      return { users: (budgets as readonly { scope: { user: string } }[]).map(({ scope }) => scope.user), total };
    };
    const first = await page("");
    expect([first.users.length, first.users[0], first.users[1], first.total]).toEqual([1_000, "u29998", "u0", 30_000]);
    expect((await page("?limit=2&offset=1")).users).toEqual(["u0", "u1"]);
    expect(await page("?name=per-session&limit=1&offset=14999")).toEqual({ users: ["u29999"], total: 15_000 });
    expect(await page("?each=u77")).toEqual({ users: ["u77"], total: 1 });
    const seen = [
      await page("?limit=10000"),
      await page("?limit=10000&offset=10000"),
      await page("?limit=10000&offset=20000"),
    ];
    expect(new Set(seen.flatMap(({ users }) => users)).size).toBe(30_000);
    expect((await get(on, "/v1/budgets?limit=10001")).statusCode).toBe(400);
  });
});

describe("spend", () => {
  it("gives the labels asked for and sums beyond 2^53 exactly", async () => {
    const on = rig();
    on.store.answer = [
      {
        label_values: ["shop", "gpt-4o"],
        cost_nano_usd: "12345678901234567890",
        calls: "3",
        input_tokens: "10",
        output_tokens: "20",
        unpriced_calls: "0",
      },
    ];
    const reply = await get(on, "/v1/spend?by=agent,model&since=1h");
    expect(reply.json()).toEqual({
      by: ["agent", "model"],
      rows: [
        {
          agent: "shop",
          model: "gpt-4o",
          cost_usd: "12345678901.234567890",
          calls: 3,
          input_tokens: 10,
          output_tokens: 20,
          unpriced_calls: 0,
        },
      ],
      truncated: false,
    });
    expect(on.store.asked[0]?.labels).toMatchObject({ sql: "[toString(agent), toString(model)]" });
    expect(on.store.asked[0]?.parameters).toMatchObject({
      since_ms: on.clock.now() - 3_600_000,
    });
  });

  it.each([
    "/v1/spend",
    "/v1/spend?by=",
    "/v1/spend?by=a'b",
    "/v1/spend?by=agent&since=yesterday",
    "/v1/spend?by=agent&since=1h&until=2h",
    "/v1/spend?by=agent&since=1h&window=day",
    "/v1/spend?by=agent&window=fortnight",
    "/v1/spend?by=agent&until=5abc",
  ])("refuses %s", async (url) => {
    const on = rig();
    const reply = await get(on, url);
    expect([reply.statusCode, reply.json().code]).toEqual([400, "invalid_request"]);
    expect(on.store.asked).toEqual([]);
  });

  it("asks for the window that runs now", async () => {
    const on = rig();
    on.store.answer = [];
    await get(on, "/v1/spend?by=agent&window=day");
    const today = Math.floor(on.clock.now() / 86_400_000) * 86_400_000;
    expect(on.store.asked[0]?.parameters).toMatchObject({ since_ms: today, until_ms: today + 86_400_000 });
  });

  it("tells a query that ClickHouse refuses from a ClickHouse that is away", async () => {
    const on = rig();
    on.store.answer = new StoreRefused("Unknown identifier `colour`");
    const refused = await get(on, "/v1/spend?by=agent");
    expect([refused.statusCode, refused.json().code]).toEqual([400, "query_refused"]);
    on.store.answer = new Error("ECONNREFUSED");
    const away = await get(on, "/v1/spend?by=agent");
    expect([away.statusCode, away.json().code]).toEqual([503, "storage_unavailable"]);
  });
});

describe("traces", () => {
  it("passes filters as parameters, and an expression only after its check", async () => {
    const on = rig();
    await get(
      on,
      "/v1/traces?agent=a'b&min_cost=0.05&error=true&where=cost_usd%20%3E%201&limit=5&since=2026-11-21T00:00:00",
    );
    expect(on.store.asked[0]).toMatchObject({
      query: "traces",
      where: "cost_usd > 1",
      parameters: {
        agent: "a'b",
        min_cost_nano_usd: "50000000",
        error: 1,
        limit: 6,
        since_ms: Date.UTC(2026, 10, 21),
      },
    });
    const refused = await get(on, "/v1/traces?where=1)%20OR%20(1");
    expect([refused.statusCode, refused.json().code]).toEqual([400, "invalid_request"]);
    expect(on.store.asked).toHaveLength(1);
  });

  it("lists the newest of all that is kept by a look at the last hour, if it fills the list", async () => {
    const on = rig();
    const now = on.clock.now();
    on.store.answer = Array.from({ length: 3 }, () => ({ start: new Date(now - 1_000).toISOString() }));
    expect((await get(on, "/v1/traces?limit=2")).json()).toMatchObject({ traces: [{}, {}], truncated: true });
    expect(on.store.asked).toMatchObject([
      { query: "traces-seen", where: "1", parameters: { since_ms: now - 3_600_000, limit: 4 } },
      { query: "traces-named", parameters: { limit: 3 } },
    ]);
  });

  it.each(["min_cost=NaN", "min_cost=-1", "limit=0", "limit=1e9", "decision=maybe", "error=perhaps"])(
    "refuses %s",
    async (query) => {
      expect((await get(rig(), `/v1/traces?${query}`)).statusCode).toBe(400);
    },
  );

  it("adds up one trace exactly and takes its id in any case", async () => {
    const on = rig();
    const span = {
      span_id: "b".repeat(16),
      parent_span_id: "",
      name: "chat gpt-4o",
      kind: "client",
      start: "2026-11-21T00:00:00.000000001Z",
      duration_ns: "1500000",
      status: "error",
      status_message: "slow down",
      agent: "shop",
      model: "gpt-4o",
      cost_nano_usd: "9007199254740993",
      cost_status: "exact",
      decision: "allow",
      attributes: { "gen_ai.system": "openai" },
    };
    const unpriced = { ...span, cost_nano_usd: "0", cost_status: "unpriced" };
    on.store.answer = [span, { ...span, cost_nano_usd: "1" }, unpriced, { ...unpriced, cost_status: "missing" }];
    const reply = (await get(on, `/v1/traces/${"A".repeat(32)}`)).json();
    expect(reply.trace_id).toBe("a".repeat(32));
    expect([reply.cost_usd, reply.unpriced_calls]).toEqual(["9007199.254740994", 2]);
    expect(reply.spans[0]).toEqual({
      span_id: "b".repeat(16),
      parent_span_id: "",
      name: "chat gpt-4o",
      kind: "client",
      start: "2026-11-21T00:00:00.000000001Z",
      duration_ms: 1.5,
      status: "error",
      status_message: "slow down",
      agent: "shop",
      model: "gpt-4o",
      cost_usd: "9007199.254740993",
      cost_status: "exact",
      decision: "allow",
      attributes: { "gen_ai.system": "openai" },
    });
  });

  it("says when a trace is not there, and when an id is none", async () => {
    expect((await get(rig(), `/v1/traces/${"a".repeat(32)}`)).json().code).toBe("not_found");
    expect((await get(rig(), "/v1/traces/xyz")).json().code).toBe("invalid_request");
  });
});

describe("the rest", () => {
  it("answers health and readiness to anyone", async () => {
    for (const [url, more] of [
      ["/healthz", {}],
      ["/readyz", { ledger: "ok" }],
    ] as const) {
      const reply = await get(rig(), url, {});
      expect([reply.statusCode, reply.json()]).toEqual([200, { status: "ok", ...more }]);
    }
  });

  it("stays ready for spans while the ledger has failed, and says that it has", async () => {
    const reply = await get(rig({ isGranting: () => false }), "/readyz", {});
    expect([reply.statusCode, reply.json()]).toEqual([200, { status: "ok", ledger: "failed" }]);
  });

  it("counts its events for Prometheus", async () => {
    const on = rig();
    await on.api.app.inject({
      method: "POST",
      url: "/v1/leases/hello",
      payload: { process_id: "a".repeat(32), agent: "x", labels: {}, pid: 1, version: "1" },
    });
    const reply = await get(on, "/metrics", {});
    expect(reply.headers["content-type"]).toContain("text/plain");
    expect(reply.body).toContain('tollgate_events_total{event="agent_without_policy",level="info"} 1');
  });

  it("shows the policies in force with the version that spans name", async () => {
    const document = { kind: "policy", name: "p", agents: ["db-*"], allow: ["db_*"], version: "7", enforce: false };
    const on = rig({
      registry: {
        agents: [],
        policies: [{ name: "p", appliesTo: () => true, document }],
        prices: [],
        requirePolicy: true,
      },
    });
    expect((await get(on, "/v1/policies")).json()).toMatchObject({
      policies: [{ name: "p", version: "7", agents: ["db-*"], enforced: false, document: { allow: ["db_*"] } }],
      require_policy: true,
    });
  });

  it("describes every route in OpenAPI 3.1", async () => {
    const on = rig();
    const document = (await get(on, "/v1/openapi.json", {})).json();
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths).sort()).toEqual(
      [
        "/healthz",
        "/readyz",
        "/v1/agents",
        "/v1/approvals",
        "/v1/approvals/bypasses",
        "/v1/approvals/bypasses/{id}/end",
        "/v1/approvals/webhooks/{name}",
        "/v1/approvals/{id}",
        "/v1/approvals/{id}/approve",
        "/v1/approvals/{id}/deny",
        "/v1/approvals/{id}/use",
        "/v1/audit/changes",
        "/v1/budgets",
        "/v1/budgets/{name}/raises",
        "/v1/credentials",
        "/v1/credentials/delegate",
        "/v1/credentials/{id}/revoke",
        "/v1/credentials/{id}/rotate",
        "/v1/decisions",
        "/v1/incidents",
        "/v1/incidents/{id}",
        "/v1/incidents/{id}/close",
        "/v1/incidents/{id}/notes",
        "/v1/incidents/{id}/tags",
        "/v1/kill",
        "/v1/kill/resume",
        "/v1/policies",
        "/v1/reservations",
        "/v1/reservations/{id}/commit",
        "/v1/reservations/{id}/extend",
        "/v1/reservations/{id}/release",
        "/v1/leases/acquire",
        "/v1/leases/close",
        "/v1/leases/hello",
        "/v1/leases/sessions",
        "/v1/leases/stopped",
        "/v1/openapi.json",
        "/v1/sessions",
        "/v1/sessions/{id}",
        "/v1/spans",
        "/v1/spend",
        "/v1/status",
        "/v1/traces",
        "/v1/traces/{id}",
      ].sort(),
    );
    const acquire = document.paths["/v1/leases/acquire"].post;
    expect(acquire.requestBody.content["application/json"].schema.required).toContain("lease_id");
    expect(acquire.responses["409"].description).toContain("lease_lost");
    expect(document.paths["/v1/traces/{id}"].get.parameters).toMatchObject([
      { name: "id", in: "path", required: true },
    ]);
  });
});
