/**
 * Goal: a key is good at all processors or at none, also for those that were away, and over a store that forgets.
 * Method: real credential files, over one table in memory that behaves as the store's does.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CredentialStore } from "../../../src/identity/credential-store.ts";
import { SharedCredentials } from "../../../src/identity/shared-credentials.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const DAY_MS = 86_400_000;
let directory = "";
let table: MemoryTable;
let clock: ManualClock;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-credentials-"));
  table = new MemoryTable();
  clock = new ManualClock();
});
afterEach(() => rmSync(directory, { recursive: true }));

async function open(name: string): Promise<SharedCredentials> {
  const store = new CredentialStore({ file: join(directory, name), clock });
  store.load();
  const shared = new SharedCredentials({ store, table, clock, onDamage: () => {} });
  await shared.start();
  return shared;
}

const KEY = { kind: "agent", name: "planner", issuedBy: "root" } as const;

it("a key of one processor is good at all, rotated and revoked at any, with what was delegated from it", async () => {
  const [a, b] = [await open("a"), await open("b")];
  const { credential, secret } = await a.issue(KEY);
  await expect.poll(() => b.find("agent", secret)?.name).toBe("planner");
  const child = await b.issue({ kind: "agent", name: "planner/x", issuedBy: "agent planner", parent: credential.id });
  const rotated = await b.rotate(credential.id, { by: "root", overlapMs: 0 });
  await expect.poll(() => a.find("agent", rotated?.secret ?? "")?.name).toBe("planner");
  expect(a.find("agent", secret)).toBeUndefined();
  expect(a.find("agent", child.secret)?.name).toBe("planner/x");
  expect(await a.revoke(rotated?.credential.id ?? "")).toMatchObject({ name: "planner" });
  await expect.poll(() => b.find("agent", child.secret)).toBeUndefined();
  expect(b.list("agent")).toEqual([]);
});

it("of two who revoke and rotate at once, the revocation wins", async () => {
  const [a, b] = [await open("a"), await open("b")];
  const { credential } = await a.issue(KEY);
  await expect.poll(() => b.byId(credential.id)?.id).toBe(credential.id);
  table.before = () => b.revoke(credential.id);
  expect(await a.rotate(credential.id, { by: "root", overlapMs: 60_000 })).toBeUndefined();
  expect([...a.list("agent"), ...b.list("agent")]).toEqual([]);
});

it("nothing is issued or revoked while the store is away", async () => {
  const a = await open("a");
  const { credential, secret } = await a.issue(KEY);
  table.isAway = true;
  await expect(a.issue(KEY)).rejects.toThrow("away");
  await expect(a.revoke(credential.id)).rejects.toThrow("away");
  expect(a.find("agent", secret)?.name).toBe("planner");
});

it("a revoked key comes back by no copy of a processor that was away, nor by a store that forgot", async () => {
  const [a, b] = [await open("a"), await open("b")];
  const { credential, secret } = await a.issue(KEY);
  await expect.poll(() => b.byId(credential.id)?.id).toBe(credential.id);
  await b.stop();
  await a.revoke(credential.id);
  await a.stop();
  table.forget();
  // The one that knows of nothing comes first, and the other after it.
  await (await open("a")).stop();
  const again = await open("b");
  expect(again.find("agent", secret)).toBeUndefined();
});

it("what ended long ago is dropped by the store, and then by a copy that was away for longer", async () => {
  const [a, b] = [await open("a"), await open("b")];
  const { credential, secret } = await a.issue(KEY);
  await expect.poll(() => b.byId(credential.id)?.id).toBe(credential.id);
  await b.stop();
  await a.revoke(credential.id);
  clock.jump(31 * DAY_MS);
  clock.advance(1_000);
  await expect.poll(() => table.ids).toEqual([]);
  const again = await open("b");
  expect(again.find("agent", secret)).toBeUndefined();
  expect(table.ids).toEqual([]);
});
