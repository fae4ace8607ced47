/**
 * Goal: people of one tenant see and touch nothing of another. Method: every route that the server has is asked by an admin of
 * one tenant, in a fleet where everything that exists is there for two; no answer may have a word of the other's.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { AnyRoute } from "../../../src/api/route.ts";
import { CredentialStore } from "../../../src/identity/credential-store.ts";
import type { AuditApi } from "../../../src/api/audit.ts";
import { agentDocumentSchema } from "../../../src/policy/agent-document.ts";
import { FLEET, HELLO, PERSON, rig, type Rig } from "./rig.ts";

const directory = mkdtempSync(join(tmpdir(), "tollgate-tenants-"));
const TENANTS = ["acme", "rival"] as const;
type TenantName = (typeof TENANTS)[number];
let world: Rig;
/** Of answers by lines. */
const linesAsked: { readonly query: string; readonly parameters: Readonly<Record<string, unknown>> }[] = [];
let token = "";
const approvals = new Map<TenantName, string>();
const stops = new Map<TenantName, string>();
const bypasses = new Map<TenantName, string>();

beforeAll(async () => {
  world = rig({
    stopsFile: join(directory, "stops.json"),
    audit: {
      desk: {} as AuditApi["desk"],
      lines: {
        lines: async (query, parameters) => {
          linesAsked.push({ query, parameters });
          return Readable.from([]);
        },
      },
    },
    credentials: (clock) => {
      const store = new CredentialStore({ file: join(directory, "credentials.json"), clock });
      const issued = { kind: "person", name: "ann", role: "admin", issuedBy: "test", tenant: "acme" } as const;
      token = store.issue(issued).secret;
      return store;
    },
    registry: {
      agents: TENANTS.map((tenant) => agentDocumentSchema.parse({ kind: "agent", name: `${tenant}-bot`, tenant })),
      policies: TENANTS.map((tenant) => ({
        name: `${tenant}-policy`,
        agents: [`${tenant}-*`],
        appliesTo: (agent: string) => agent.startsWith(tenant),
        document: { kind: "policy", name: `${tenant}-policy`, agents: [`${tenant}-*`], require_approval: ["write"] },
      })),
    },
  });
  world.ledger.budgets = () => TENANTS.map((tenant) => ({ ...FLEET, name: `${tenant}-budget`, scope: { tenant } }));
  for (const tenant of TENANTS) {
    const agent = `${tenant}-bot`;
    const processId = { process_id: String(TENANTS.indexOf(tenant)).padStart(32, "0") };
    await post("/v1/leases/hello", { ...HELLO, ...processId, agent, labels: {} });
    const wanted = { agent, session: `${tenant}-s`, tool: "write", arguments: { of: tenant } };
    const act = { ...wanted, policy: `${tenant}-policy`, policy_version: "1", rule: "write", reason: `${tenant} asks` };
    approvals.set(tenant, (await post("/v1/approvals", act)).id);
    const reason = `${tenant} why`;
    stops.set(
      tenant,
      (await post("/v1/kill", { selector: `tenant=${tenant},role=x`, reason, wait_ms: 0 }, PERSON)).stop.id,
    );
    const bypass = { selector: `agent=x,tenant=${tenant}`, for: "1h", reason };
    bypasses.set(tenant, (await post("/v1/approvals/bypasses", bypass, PERSON)).id);
    await post(`/v1/approvals/${approvals.get(tenant) ?? ""}/approve`, { comment: reason }, PERSON);
  }
});

afterAll(async () => {
  await world.api.close();
  rmSync(directory, { recursive: true });
});

interface Made {
  readonly id: string;
  readonly stop: { readonly id: string };
}

async function post(url: string, payload: object, headers: Record<string, string> = {}): Promise<Made> {
  const answer = await world.api.app.inject({ method: "POST", url, payload, headers });
  if (answer.statusCode >= 300) throw new Error(`${url}: ${answer.body}`);
  return answer.json<Made>();
}

async function asAnn(method: "GET" | "POST", url: string, payload: object = {}): Promise<readonly [number, string]> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await world.api.app.inject({ method, url, headers, ...(method === "POST" ? { payload } : {}) });
  return [answer.statusCode, answer.body];
}

const QUERIES: Readonly<Record<string, string>> = {
  "/v1/approvals": "?state=all",
  "/v1/spend": "?by=agent",
  "/v1/audit/proof": "?size=1&leaf=0",
};
const isForPeople = ({ access }: AnyRoute): boolean => access !== "agent" && access !== "anyone";

it("what concerns all tenants is refused, and everything else has only their own", async () => {
  const wrong: string[] = [];
  for (const route of world.api.routes.filter(isForPeople)) {
    const { method, url } = route;
    const ids = url.startsWith("/v1/approvals") ? (approvals.get("acme") ?? "") : "0".repeat(32);
    const asked = url.replaceAll(":name", "acme-budget").replaceAll(":id", ids) + (QUERIES[url] ?? "");
    const [status, body] = await asAnn(method, asked);
    if (route.tenants === undefined ? status !== 403 : status === 403 || body.includes("rival")) {
      wrong.push(`${method} ${url} answers ${status} ${body}`);
    }
  }
  expect(wrong).toEqual([]);
  const asked = [...world.store.asked, ...linesAsked];
  expect(asked.length).toBeGreaterThan(6);
  expect(linesAsked.map(({ query }) => query)).toEqual(["decisions-recorded"]);
  for (const { query, parameters } of asked) expect([query, parameters["tenant"]]).toEqual([query, "acme"]);
});

it("their own is there", async () => {
  const lists = [
    "/v1/agents",
    "/v1/approvals?state=all",
    "/v1/kill",
    "/v1/budgets",
    "/v1/policies",
    "/v1/audit/changes",
  ];
  for (const url of lists) expect(await asAnn("GET", url)).toEqual([200, expect.stringContaining("acme")]);
});

it("what is another's is not there, and stays as it is", async () => {
  const id = approvals.get("rival") ?? "";
  const stop = { id: stops.get("rival") ?? "", wait_ms: 0 };
  const answers = await Promise.all([
    asAnn("GET", `/v1/approvals/${id}`),
    asAnn("POST", `/v1/approvals/${id}/approve`),
    asAnn("POST", `/v1/approvals/${id}/deny`),
    asAnn("POST", `/v1/approvals/bypasses/${bypasses.get("rival") ?? ""}/end`),
    asAnn("POST", "/v1/kill/resume", stop),
    asAnn("POST", "/v1/kill/resume", { selector: "tenant=rival,role=x", wait_ms: 0 }),
    asAnn("POST", "/v1/kill", { selector: "tenant=rival", reason: "r", wait_ms: 0 }),
    asAnn("POST", "/v1/approvals/bypasses", { selector: "tenant=rival", for: "1h", reason: "r" }),
    asAnn("POST", "/v1/budgets/rival-budget/raises", { by: "$1", for: "1h", reason: "r" }),
  ]);
  expect(answers.map(([status]) => status)).toEqual(answers.map(() => 404));
  const missing = await asAnn("GET", `/v1/approvals/apr_${"0".repeat(16)}`);
  expect(answers[0]?.[1].replaceAll(id, "X")).toBe(missing[1].replaceAll(`apr_${"0".repeat(16)}`, "X"));
});

it("a kill of all is one of all that is theirs", async () => {
  const [, body] = await asAnn("POST", "/v1/kill", { selector: "all", reason: "r", wait_ms: 0 });
  expect(JSON.parse(body)).toMatchObject({ stop: { selector: "tenant=acme", author: "ann" } });
  const decide = (agent: string): Promise<string> =>
    world.api.app
      .inject({ method: "POST", url: "/v1/decisions", payload: { agent, session: "s", tool: "t", arguments: {} } })
      .then(({ body: answer }) => answer);
  expect(await decide("acme-bot")).toContain("killed by ann");
  expect(await decide("rival-bot")).not.toContain("killed");
});

it("a process hears nothing of what was done to another tenant", async () => {
  const hello = { ...HELLO, labels: {} };
  const heard = async (agent: string): Promise<string> =>
    JSON.stringify(await post("/v1/leases/hello", { ...hello, agent, process_id: "a".repeat(32) }));
  expect(await heard("acme-bot")).not.toContain("rival why");
  expect(await heard("acme-bot")).toContain("acme why");
});
