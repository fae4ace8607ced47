/** `/v1/governance` and the routes that answer by lines: what is passed on, and how what is not taken is answered. */
import { Readable } from "node:stream";
import { afterEach, expect, it } from "vitest";
import type { AuditApi } from "../../../src/api/audit.ts";
import type { PutOutcome } from "../../../src/api/governance.ts";
import { StoreRefused } from "../../../src/api/read-store.ts";
import { FakeGovernanceDesk, SHOP_POLICY } from "./fake-governance.ts";
import { PERSON, type Rig, rig } from "./rig.ts";

let world: Rig | undefined;
afterEach(() => world?.api.close());

async function post(desk: FakeGovernanceDesk, payload: object, url = "/v1/governance") {
  world = rig({ governance: desk });
  const reply = await world.api.app.inject({ method: "POST", url, payload, headers: PERSON });
  return { status: reply.statusCode, body: reply.json<Readonly<Record<string, unknown>>>() };
}

it("shows what is in force, by whom, and why the files are not", async () => {
  world = rig({ governance: new FakeGovernanceDesk() });
  const reply = await world.api.app.inject({ url: "/v1/governance", headers: PERSON });
  expect(reply.json()).toEqual({
    version: "v1",
    source: "applied",
    author: "ada",
    applied_at: "1970-01-01T00:00:00.000Z",
    require_policy: false,
    unknown_egress: "observe",
    refused: ["p"],
    documents: [{ kind: "policy", name: "shop", file: "shop.yaml", document: SHOP_POLICY }],
  });
});

it("passes on a set with who sent it, and goes back to the files", async () => {
  const desk = new FakeGovernanceDesk();
  const documents = [{ file: "shop.yaml", document: SHOP_POLICY }];
  const { status, body } = await post(desk, { documents, reason: "launch", expected_version: "v1", dry_run: true });
  expect([status, body["outcome"], body["notes"]]).toEqual([200, "applied", ["a note"]]);
  const terms = { author: "people-token", reason: "launch", expectedVersion: "v1", isDryRun: true };
  expect(desk.asked).toEqual([{ documents: [{ file: "shop.yaml", value: SHOP_POLICY }], ...terms }]);
  await world?.api.close();
  expect((await post(desk, {}, "/v1/governance/files")).status).toBe(200);
  expect(desk.asked[1]).toMatchObject({ documents: undefined, reason: "", isDryRun: false });
});

it("takes a set that is larger than other bodies may be, and not any size", async () => {
  const desk = new FakeGovernanceDesk();
  const setOf = (bytes: number) => ({ documents: [{ document: { ...SHOP_POLICY, allow: ["x".repeat(bytes)] } }] });
  expect((await post(desk, setOf(1_000_000))).status).toBe(200);
  await world?.api.close();
  expect(await post(desk, setOf(5_000_000))).toMatchObject({ status: 413, body: { code: "payload_too_large" } });
});

it.each<[PutOutcome, number, string, string]>([
  [{ outcome: "stale", version: "v9" }, 409, "governance_changed", "version v9 is in force"],
  [{ outcome: "failed", reason: "no space left" }, 503, "not_stored", "no space left"],
  [
    {
      outcome: "refused",
      problems: [{ file: "shop.yaml", line: 0, column: 0, path: "allow", message: "expected a list" }],
    },
    400,
    "invalid_request",
    "shop.yaml: allow: expected a list",
  ],
])("answers %o with its problem", async (answer, status, code, detail) => {
  const desk = new FakeGovernanceDesk();
  desk.answer = answer;
  expect(await post(desk, { documents: [] })).toMatchObject({ status, body: { code, detail } });
});

it.each([
  {},
  { documents: [{ document: "text" }] },
  { documents: [SHOP_POLICY] },
  { documents: [], force: true },
  { documents: [{ file: 1, document: SHOP_POLICY }] },
])("refuses a body of another form: %o", async (payload) => {
  const desk = new FakeGovernanceDesk();
  expect(await post(desk, payload)).toMatchObject({ status: 400, body: { code: "invalid_request" } });
  expect(desk.asked).toEqual([]);
});

it("describes routes that answer by lines, answers by them, and tells a refusal from a store that is away", async () => {
  let failure: Error | undefined;
  const asked: unknown[] = [];
  const lines = async (query: string, parameters: object) => {
    asked.push([query, parameters]);
    if (failure !== undefined) throw failure;
    return Readable.from(['[1,["shop"],"5",1,2,3,0,0,false,"t"]\n']);
  };
  world = rig({ audit: { desk: {} as AuditApi["desk"], lines: { lines } } });
  const { app } = world.api;
  const { paths } = (await app.inject({ url: "/v1/openapi.json" })).json<{ paths: Record<string, unknown> }>();
  for (const path of ["/v1/audit/export", "/v1/spend/calls"])
    expect(JSON.stringify(paths[path])).toContain('"application/x-ndjson":{"schema"');
  expect(paths).toHaveProperty(["/v1/audit/proof", "get"]);

  const url = "/v1/spend/calls?labels=agent,,team&since=2026-11-20";
  expect((await app.inject({ url })).statusCode).toBe(401);
  const reply = await app.inject({ url, headers: PERSON });
  expect(reply.headers["content-type"]).toBe("application/x-ndjson");
  expect(reply.body).toBe('[1,["shop"],"5",1,2,3,0,0,false,"t"]\n');
  expect(asked).toMatchObject([["calls-recorded", { keys: ["agent", "team"], since_ms: Date.UTC(2026, 10, 20) }]]);
  failure = new StoreRefused("too many rows");
  expect((await app.inject({ url, headers: PERSON })).json()).toMatchObject({ code: "query_refused" });
  failure = new Error("connection refused");
  expect((await app.inject({ url, headers: PERSON })).json()).toMatchObject({ code: "storage_unavailable" });
});
