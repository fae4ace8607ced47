/** Whose an agent is shows its key: by every way that an agent has to say a tenant, with the right key, another's, and none. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { CredentialStore } from "../../../src/identity/credential-store.ts";
import { agentDocumentSchema } from "../../../src/policy/agent-document.ts";
import { ACQUIRE, HELLO, PERSON, rig } from "./rig.ts";

const directory = mkdtempSync(join(tmpdir(), "tollgate-tenant-keys-"));
afterAll(() => rmSync(directory, { recursive: true }));

const KEYS = [
  { agents: ["*"], key: "k-of-acme-000000", tenant: "acme" },
  { agents: ["*"], key: "k-of-rival-00000", tenant: "rival" },
  { agents: ["*"], key: "k-of-nobody-0000" },
];
const ACTS = { agent: "bot", session: "s", tool: "look", arguments: {} };

/** Each way to claim the tenant, by a caller with that key. */
function waysOf(claim: string | undefined) {
  const labels = claim === undefined ? {} : { tenant: claim };
  const policy = { policy: "p", policy_version: "1", rule: "r", reason: "r", labels };
  return [
    ["/v1/leases/hello", { ...HELLO, agent: "bot", labels }],
    ["/v1/decisions", { ...ACTS, labels }],
    ["/v1/approvals", { ...ACTS, ...policy }],
    ["/v1/reservations", { agent: "bot", labels, estimate_usd: "0.01" }],
  ] as const;
}

async function statuses(on: ReturnType<typeof rig>, key: string | undefined, claim: string | undefined) {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const asked = waysOf(claim).map(async ([url, payload]) => {
    const { statusCode } = await on.api.app.inject({ method: "POST", url, payload, headers });
    return statusCode < 300 ? "ok" : statusCode;
  });
  return [...new Set(await Promise.all(asked))];
}

it("a key of a tenant speaks for no other one, and a tenant that has keys is spoken for by nobody else", async () => {
  const on = rig({ agentKeys: KEYS });
  const [acme, rival, nobody] = KEYS.map(({ key }) => key);
  expect(await statuses(on, acme, "acme")).toEqual(["ok"]);
  expect(await statuses(on, acme, "rival")).toEqual([403]);
  expect(await statuses(on, rival, "acme")).toEqual([403]);
  expect(await statuses(on, acme, "free")).toEqual([403]);
  await on.api.close();

  const other = rig({ agentKeys: KEYS });
  expect(await statuses(other, nobody, "acme")).toEqual([403]);
  expect(await statuses(other, nobody, "free")).toEqual(["ok"]);
  await other.api.close();
});

it("who says no tenant is of his key's, and a lease of his can be opened for no other", async () => {
  const on = rig({ agentKeys: KEYS });
  const headers = { authorization: `Bearer ${KEYS[0]?.key}` };
  const hello = await on.api.app.inject({ method: "POST", url: "/v1/leases/hello", payload: HELLO, headers });
  expect(hello.json()).toMatchObject({ labels: { tenant: "acme" } });
  const acquire = async (labels: object): Promise<number> =>
    (await on.api.app.inject({ method: "POST", url: "/v1/leases/acquire", payload: { ...ACQUIRE, labels }, headers }))
      .statusCode;
  expect([await acquire({}), await acquire({ tenant: "acme" }), await acquire({ tenant: "rival" })]).toEqual([
    200, 200, 403,
  ]);
  await on.api.close();
});

it("an agent's document does not lend its tenant to the key of another", async () => {
  const agents = [agentDocumentSchema.parse({ kind: "agent", name: "bot", tenant: "rival" })];
  const on = rig({ agentKeys: KEYS, registry: { agents } });
  expect(await statuses(on, KEYS[0]?.key, undefined)).toEqual([403]);
  expect(await statuses(on, KEYS[1]?.key, undefined)).toEqual(["ok"]);
  await on.api.close();
});

it("a key that was issued for a tenant is bound to it, with all that is rotated or delegated, also without `auth`", async () => {
  const file = join(directory, "credentials.json");
  const on = rig({ credentials: (clock) => new CredentialStore({ file, clock }) });
  const post = async (url: string, payload: object, headers: object = PERSON) =>
    (await on.api.app.inject({ method: "POST", url, payload, headers: { ...headers } })).json<Issued>();
  const issued = await post("/v1/credentials", { kind: "agent", name: "bot", tenant: "acme" });
  expect(issued).toMatchObject({ tenant: "acme" });
  const rotated = await post(`/v1/credentials/${issued.id}/rotate`, {});
  const key = { authorization: `Bearer ${rotated.secret}` };
  const child = await post("/v1/credentials/delegate", { agent: "bot/child", for: "1h" }, key);
  expect([rotated.tenant, child.tenant]).toEqual(["acme", "acme"]);
  expect(await statuses(on, rotated.secret, "rival")).toEqual([403]);
  const stranger = { ...ACTS, agent: "stranger", labels: { tenant: "acme" } };
  const refused = await on.api.app.inject({ method: "POST", url: "/v1/decisions", payload: stranger });
  expect([refused.statusCode, refused.body]).toEqual([403, expect.stringContaining("has keys of its own")]);
  await on.api.close();
});

it("figures of all tenants are for a scraper's token and people of none", async () => {
  const file = join(directory, "people.json");
  let ann = "";
  const on = rig({
    agentKeys: KEYS,
    metricsToken: "scraper",
    credentials: (clock) => {
      const store = new CredentialStore({ file, clock });
      ann = store.issue({ kind: "person", name: "ann", role: "admin", issuedBy: "t", tenant: "acme" }).secret;
      return store;
    },
  });
  const scrape = async (token: string | undefined): Promise<number> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return (await on.api.app.inject({ url: "/metrics", headers })).statusCode;
  };
  expect(await scrape("scraper")).toBe(200);
  expect(await scrape(PERSON.authorization.slice("Bearer ".length))).toBe(200);
  expect([await scrape(undefined), await scrape(KEYS[0]?.key), await scrape(ann)]).toEqual([401, 401, 403]);
  const read = await on.api.app.inject({ url: "/v1/budgets", headers: { authorization: "Bearer scraper" } });
  expect(read.statusCode).toBe(401);
  await on.api.close();
});

it("figures are for anybody while there is no tenant and no token for them, also with `auth`", async () => {
  let isOfTenants = false;
  const on = rig({ agentKeys: KEYS, hasTenants: () => isOfTenants });
  expect((await on.api.app.inject({ url: "/metrics" })).statusCode).toBe(200);
  isOfTenants = true;
  expect((await on.api.app.inject({ url: "/metrics" })).statusCode).toBe(401);
  expect((await on.api.app.inject({ url: "/metrics", headers: PERSON })).statusCode).toBe(200);
  await on.api.close();
});

interface Issued {
  readonly id: string;
  readonly secret: string;
  readonly tenant?: string;
}
