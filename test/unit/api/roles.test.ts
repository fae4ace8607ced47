/**
 * Goal: no route lets anybody in who should stay out. Method: every route that the server has is asked by everybody there
 * is, and what a role may do is taken from the route's own word, which a table here repeats for what changes something.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditApi } from "../../../src/api/audit.ts";
import type { AnyRoute } from "../../../src/api/route.ts";
import { CredentialStore } from "../../../src/identity/credential-store.ts";
import { holdsRole, ROLES } from "../../../src/identity/roles.ts";
import { FakeGovernanceDesk } from "./fake-governance.ts";
import { HELLO, PERSON, rig, type Rig } from "./rig.ts";

const directory = mkdtempSync(join(tmpdir(), "tollgate-roles-"));
let world: Rig;
const tokens = new Map<string, string>();

beforeAll(() => {
  const file = join(directory, "credentials.json");
  world = rig({
    agentKeys: [{ agents: ["*"], key: "key-of-every-agent" }],
    governance: new FakeGovernanceDesk(),
    // Nobody gets an answer of it here: who gets as far is what is asked.
    audit: { desk: {} as AuditApi["desk"], lines: { lines: () => Promise.reject(new Error("no database")) } },
    credentials: (clock) => {
      const store = new CredentialStore({ file, clock });
      for (const role of ROLES) {
        tokens.set(role, store.issue({ kind: "person", name: role, role, issuedBy: "test" }).secret);
      }
      tokens.set("agent", store.issue({ kind: "agent", name: "shop", issuedBy: "test" }).secret);
      return store;
    },
  });
});

afterAll(async () => {
  await world.api.close();
  rmSync(directory, { recursive: true });
});

async function statusFor(route: AnyRoute, token: string | undefined): Promise<number> {
  const url = route.url.replaceAll(/:[a-z_]+/g, "none");
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const { statusCode } = await world.api.app.inject({
    method: route.method,
    url,
    headers,
    ...(route.method === "POST" ? { payload: {} } : {}),
  });
  return statusCode;
}

/** What changes something, and the least role for it. A route that is not here and takes a person may only read. */
const CHANGING: Readonly<Record<string, string>> = {
  "/v1/kill": "operator",
  "/v1/kill/resume": "operator",
  "/v1/budgets/:name/raises": "operator",
  "/v1/approvals/:id/approve": "approver",
  "/v1/approvals/:id/deny": "approver",
  "/v1/approvals/bypasses": "admin",
  "/v1/approvals/bypasses/:id/end": "operator",
  "/v1/incidents": "operator",
  "/v1/incidents/:id/notes": "approver",
  "/v1/incidents/:id/tags": "approver",
  "/v1/incidents/:id/close": "operator",
  "/v1/credentials": "admin",
  "/v1/credentials/:id/rotate": "admin",
  "/v1/credentials/:id/revoke": "admin",
  "/v1/governance": "admin",
  "/v1/governance/files": "admin",
  "/v1/audit/keys/rotate": "admin",
};

describe("every route", () => {
  it("lets in exactly those who hold the role that it states", async () => {
    const wrong: string[] = [];
    for (const route of world.api.routes) {
      for (const who of [...ROLES, "agent", "nobody", "stranger"]) {
        const token = who === "nobody" ? undefined : (tokens.get(who) ?? "tgp_made-up");
        const status = await statusFor(route, token);
        const isIn = status !== 401 && status !== 403;
        const role = ROLES.find((each) => each === who);
        const { access } = route;
        const shouldBeIn =
          access === "anyone" || (access === "agent" ? who === "agent" : role !== undefined && holdsRole(role, access));
        // An agent's route may refuse what an empty body asks for; what counts is that nobody else gets as far.
        if (isIn !== shouldBeIn && !(access === "agent" && who === "agent")) {
          wrong.push(`${route.method} ${route.url} (${access}) answers ${status} to ${who}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it("needs more than a viewer where it changes something", () => {
    const changing = world.api.routes.filter(
      ({ method, access }) => method === "POST" && access !== "agent" && access !== "anyone",
    );
    expect(Object.fromEntries(changing.map(({ url, access }) => [url, access]))).toEqual(CHANGING);
  });
});

it("does not let a caller without a key bear a name that a key was issued for, nor one key another's name", async () => {
  const open = rig({
    credentials: (clock) => {
      const store = new CredentialStore({ file: join(directory, "open.json"), clock });
      tokens.set("shop", store.issue({ kind: "agent", name: "shop", issuedBy: "test" }).secret);
      return store;
    },
  });
  const hello = async (agent: string, headers: Record<string, string>): Promise<number> =>
    (await open.api.app.inject({ method: "POST", url: "/v1/leases/hello", payload: { ...HELLO, agent }, headers }))
      .statusCode;
  const key = { authorization: `Bearer ${tokens.get("shop") ?? ""}` };
  expect(await hello("shop", {})).toBe(403);
  expect(await hello("shop", key)).toBe(200);
  expect(await hello("other", key)).toBe(403);
  const [credential] = (
    (await open.api.app.inject({ url: "/v1/credentials", headers: PERSON })).json() as {
      credentials: { id: string }[];
    }
  ).credentials;
  const url = `/v1/credentials/${credential?.id ?? ""}/revoke`;
  await open.api.app.inject({ method: "POST", url, payload: {}, headers: PERSON });
  expect(await hello("shop", key)).toBe(401);
  // Whoever lost the key does not get further without any.
  const act = { agent: "shop", session: "s", tool: "t", arguments: {} };
  expect((await open.api.app.inject({ method: "POST", url: "/v1/decisions", payload: act })).statusCode).toBe(403);
  expect(open.recorded).toMatchObject([{ author: "people-token", action: "credential.revoke" }]);
  await open.api.close();
});

it("does not let a caller without a key bear another spelling of such a name, nor one below it", async () => {
  const open = rig({
    credentials: (clock) => {
      const store = new CredentialStore({ file: join(directory, "below.json"), clock });
      store.issue({ kind: "agent", name: "Shop", issuedBy: "test" });
      return store;
    },
  });
  const post = async (url: string, payload: object): Promise<number> =>
    (await open.api.app.inject({ method: "POST", url, payload })).statusCode;
  const hello = (agent: string) => post("/v1/leases/hello", { ...HELLO, agent });
  const refused = ["Shop", "shop", "ｓhop", "Shop/researcher", "SHOP/a/b"];
  for (const agent of refused) {
    expect([agent, await hello(agent)]).toEqual([agent, 403]);
    const act = { agent, session: "s", tool: "t", arguments: {} };
    expect([agent, await post("/v1/decisions", act)]).toEqual([agent, 403]);
  }
  for (const agent of ["shopping", "shopping/a", "my/Shop", "other"])
    expect([agent, await hello(agent)]).toEqual([agent, 200]);
  await open.api.close();
});

it("lets an agent hand on a key to a name below its own only", async () => {
  const delegate = async (agent: string): Promise<number> =>
    (
      await world.api.app.inject({
        method: "POST",
        url: "/v1/credentials/delegate",
        payload: { agent, for: "1h" },
        headers: { authorization: `Bearer ${tokens.get("agent") ?? ""}` },
      })
    ).statusCode;
  expect(await delegate("shop/researcher")).toBe(201);
  expect(await delegate("shopping")).toBe(403);
  expect(await delegate("bank")).toBe(403);
});
