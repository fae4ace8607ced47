import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ApprovalStore } from "../../../src/approvals/approval-store.ts";
import type { Terms } from "../../../src/approvals/request.ts";
import { CredentialStore } from "../../../src/identity/credential-store.ts";
import { AppendLog } from "../../../src/support/append-log.ts";
import type { ManualClock } from "../../support/manual-clock.ts";
import { rig, type Rig } from "./rig.ts";

let directory = "";
let world: Rig;
let store: ApprovalStore;
const tokens: Record<string, string> = {};
const TERMS: Terms = { quorum: 1, expireAfterMs: 60_000, useWithinMs: 30_000, barred: ["owner"] };

const ASK = {
  agent: "editor",
  session: "s-1",
  tool: "write_file",
  arguments: { path: "a.txt", mode: 420 },
  policy: "files",
  policy_version: "1",
  rule: "require_approval: write_*",
  reason: "writes are asked for",
};

interface Asked {
  readonly id: string;
  readonly state: string;
  readonly act_digest: string;
  readonly edited_arguments?: unknown;
}

async function start(terms: Partial<Terms> = {}): Promise<void> {
  let clock: ManualClock | undefined;
  world = rig({
    termsOf: () => ({ ...TERMS, ...terms }),
    stopsFile: join(directory, "stops.json"),
    credentials: (given) => {
      clock = given;
      const credentials = new CredentialStore({ file: join(directory, "credentials.json"), clock: given });
      for (const name of ["alice", "bob", "owner"]) {
        tokens[name] = credentials.issue({ kind: "person", name, role: "approver", issuedBy: "test" }).secret;
      }
      return credentials;
    },
    approvals: (given) =>
      (store = new ApprovalStore({ log: new AppendLog(join(directory, "approvals.log")), clock: given, keepMs: 0 })),
  });
  if (clock === undefined) throw new Error("no clock");
  await store.start();
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-approvals-"));
  await start();
});

afterEach(async () => {
  await world.api.close();
  await store.stop();
  rmSync(directory, { recursive: true });
});

async function post(
  url: string,
  payload: object,
  who?: string,
): Promise<{ status: number; body: Asked & { code: string } }> {
  const headers = who === undefined ? {} : { authorization: `Bearer ${tokens[who] ?? ""}` };
  const reply = await world.api.app.inject({ method: "POST", url, payload, headers });
  return { status: reply.statusCode, body: reply.json() };
}

const ask = async (more: object = {}): Promise<Asked> => (await post("/v1/approvals", { ...ASK, ...more })).body;
const use = async (asked: Asked, useId = "u".repeat(16)) =>
  post(`/v1/approvals/${asked.id}/use`, { act_digest: asked.act_digest, use_id: useId });

describe("/v1/approvals", () => {
  it("makes one request of one act, however its arguments are written, and another of any other", async () => {
    const first = await ask();
    expect(await ask({ arguments: { mode: 420, path: "a.txt" } })).toEqual(first);
    expect((await ask({ arguments: { path: "/etc/shadow", mode: 420 } })).id).not.toBe(first.id);
    expect((await ask({ session: "s-2" })).id).not.toBe(first.id);
  });

  it("lets an approved act through once, also over a restart of the processor", async () => {
    const asked = await ask();
    expect((await use(asked)).body.code).toBe("approval_not_given");
    expect((await post(`/v1/approvals/${asked.id}/approve`, {}, "alice")).body.state).toBe("approved");
    await world.api.close();
    await store.stop();
    await start();
    expect((await ask()).state).toBe("approved");
    expect((await use(asked)).status).toBe(200);
    expect((await use(asked)).status).toBe(200);
    expect((await use(asked, "another-use-of-it")).body.code).toBe("approval_not_given");
    expect((await ask()).id).not.toBe(asked.id);
  });

  it("lets no killed agent use what was approved before, until it is resumed", async () => {
    const asked = await ask();
    await post(`/v1/approvals/${asked.id}/approve`, {}, "alice");
    const asAdmin = async (url: string, payload: object): Promise<number> => {
      const headers = { authorization: "Bearer tg_people" };
      return (await world.api.app.inject({ method: "POST", url, payload, headers })).statusCode;
    };
    expect(await asAdmin("/v1/kill", { selector: "agent=editor", reason: "stop", wait_ms: 0 })).toBe(200);
    expect((await use(asked)).body.code).toBe("agent_killed");
    expect(await asAdmin("/v1/kill/resume", { selector: "agent=editor", wait_ms: 0 })).toBe(200);
    expect((await use(asked)).status).toBe(200);
  });

  it("takes the approver from the token and nowhere else, and records who it was", async () => {
    const { id } = await ask();
    expect((await post(`/v1/approvals/${id}/approve`, {})).status).toBe(401);
    expect((await post(`/v1/approvals/${id}/approve`, { by: "bob" }, "alice")).status).toBe(400);
    expect((await post(`/v1/approvals/${id}/approve`, {}, "owner")).body.code).toBe("approval_own");
    expect((await post(`/v1/approvals/${id}/approve`, { comment: "fine" }, "alice")).status).toBe(200);
    expect(world.recorded).toMatchObject([{ author: "alice", action: "approval.approve", subject: id }]);
    expect((await post(`/v1/approvals/${id}/deny`, {}, "bob")).body.code).toBe("approval_ended");
  });

  it("gives the tool what the approver made of the arguments", async () => {
    const asked = await ask();
    await post(`/v1/approvals/${asked.id}/approve`, { arguments: { path: "b.txt", mode: 384 } }, "alice");
    expect((await use(asked)).body.edited_arguments).toEqual({ path: "b.txt", mode: 384 });
  });

  it("says that it takes somebody else where the same person approves again", async () => {
    await world.api.close();
    await store.stop();
    await start({ quorum: 2 });
    const { id } = await ask();
    const approve = async (who: string) => (await post(`/v1/approvals/${id}/approve`, {}, who)).body;
    expect(await approve("alice")).toMatchObject({ state: "pending", missing: 1, repeated: false });
    expect(await approve("alice")).toMatchObject({ state: "pending", missing: 1, repeated: true });
    expect(world.recorded).toHaveLength(1);
    expect(await approve("bob")).toMatchObject({ state: "approved", missing: 0, repeated: false });
  });

  it("takes an approval of the arguments that were shown for no others", async () => {
    await world.api.close();
    await store.stop();
    await start({ quorum: 2 });
    const { id } = await ask();
    const url = `/v1/approvals/${id}/approve`;
    const headers = { authorization: `Bearer ${tokens["alice"] ?? ""}` };
    const digest = async (): Promise<string> =>
      ((await world.api.app.inject({ url: `/v1/approvals/${id}`, headers })).json() as { current_digest: string })
        .current_digest;
    const seen = await digest();
    await post(url, { arguments: { path: "/etc/shadow" } }, "bob");
    expect((await post(url, { arguments_digest: seen }, "alice")).body.code).toBe("approval_other_act");
    expect((await post(url, { arguments_digest: await digest() }, "alice")).body.state).toBe("approved");
  });

  it.each([
    [{ for: "48h" }, "body.for: a bypass lasts at most 24h: a duration like `30m`"],
    [{ for: "0m" }, "body.for: a bypass lasts at most 24h: a duration like `30m`"],
    [{ for: "soon" }, "body.for: a bypass lasts at most 24h: a duration like `30m`"],
    [{ tools: "{" }, expect.stringMatching(/^body\.tools: /)],
    [{ selector: "agent=" }, expect.stringMatching(/^body\.selector: /)],
  ])("refuses a bypass with %j, and says what is wrong with it", async (wrong, detail) => {
    const payload = { selector: "agent=editor", tools: "*", for: "1h", reason: "migration", ...wrong };
    const headers = { authorization: "Bearer tg_people" };
    const reply = await world.api.app.inject({ method: "POST", url: "/v1/approvals/bypasses", payload, headers });
    expect([reply.statusCode, reply.json()]).toEqual([400, expect.objectContaining({ detail })]);
  });

  it("asks nobody while a bypass is in force, and says so", async () => {
    const admin = { authorization: "Bearer tg_people" };
    const payload = { selector: "agent=editor", tools: "write_*", for: "1h", reason: "migration" };
    const url = "/v1/approvals/bypasses";
    expect((await post(url, payload, "alice")).status).toBe(403);
    const bypass = (await world.api.app.inject({ method: "POST", url, payload, headers: admin })).json() as {
      id: string;
    };
    expect(await ask()).toMatchObject({ state: "approved", bypass: bypass.id });
    expect((await ask({ tool: "delete_file" })).state).toBe("pending");
    expect((await ask({ agent: "other" })).state).toBe("pending");
    world.clock.advance(3_600_000);
    expect((await ask({ session: "s-9" })).state).toBe("pending");
  });

  it("does not let one agent fill the list", async () => {
    for (let index = 0; index < 200; index += 1) await ask({ session: `s-${index}` });
    expect((await post("/v1/approvals", { ...ASK, session: "s-200" })).body.code).toBe("too_many_approvals");
    expect((await ask({ agent: "other" })).state).toBe("pending");
  });

  it("gives two who use an approval at the same moment one use", async () => {
    const asked = await ask();
    await post(`/v1/approvals/${asked.id}/approve`, {}, "alice");
    const uses = await Promise.all(Array.from({ length: 8 }, (_, index) => use(asked, `use-number-${index}-of-it`)));
    expect(uses.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});
