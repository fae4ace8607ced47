import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CredentialStore, CredentialStoreError } from "../../../src/identity/credential-store.ts";
import { ManualClock } from "../../support/manual-clock.ts";

let directory = "";
let file = "";
const clock = new ManualClock();

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-credentials-"));
  file = join(directory, "credentials.json");
});

afterEach(() => rmSync(directory, { recursive: true }));

function open(): CredentialStore {
  const store = new CredentialStore({ file, clock });
  store.load();
  return store;
}

it("keeps no secret on disk and knows it again after a restart", () => {
  const { secret, credential } = open().issue({ kind: "person", name: "alice", role: "approver", issuedBy: "root" });
  expect(readFileSync(file, "utf8")).not.toContain(secret);
  expect(open().person(secret)).toEqual({ name: "alice", role: "approver" });
  expect(open().find("agent", secret)).toBeUndefined();
  open().revoke(credential.id);
  expect(open().person(secret)).toBeUndefined();
});

it("ends by the processor's clock", () => {
  const store = open();
  const { secret } = store.issue({ kind: "agent", name: "shop", issuedBy: "root", forMs: 1_000 });
  clock.advance(999);
  expect(store.find("agent", secret)?.name).toBe("shop");
  clock.advance(1);
  expect(store.find("agent", secret)).toBeUndefined();
});

it("lets the old secret live as long as the overlap says, and no longer than it would have", () => {
  const store = open();
  const first = store.issue({ kind: "agent", name: "shop", issuedBy: "root" });
  const second = store.rotate(first.credential.id, { by: "root", overlapMs: 500 });
  expect(store.find("agent", first.secret)).toBeDefined();
  clock.advance(500);
  expect(store.find("agent", first.secret)).toBeUndefined();
  expect(store.find("agent", second?.secret ?? "")?.name).toBe("shop");
});

it("takes what was delegated away with what it came from, and never lets it live longer", () => {
  const store = open();
  const parent = store.issue({ kind: "agent", name: "planner", issuedBy: "root", forMs: 1_000 });
  const from = parent.credential.id;
  const child = store.issue({ kind: "agent", name: "planner/a", parent: from, issuedBy: "planner", forMs: 60_000 });
  const grandchild = store.issue({
    kind: "agent",
    name: "planner/a/b",
    parent: child.credential.id,
    issuedBy: "planner/a",
  });
  expect(store.find("agent", grandchild.secret)).toBeDefined();
  clock.advance(1_000);
  expect(store.find("agent", child.secret)).toBeUndefined();
  expect(store.find("agent", grandchild.secret)).toBeUndefined();
});

it("remembers whose key was revoked or has ended, whatever is issued later and over a restart", () => {
  const store = open();
  const { credential } = store.issue({ kind: "agent", name: "shop", issuedBy: "root", tenant: "acme" });
  store.issue({ kind: "agent", name: "short", issuedBy: "root", forMs: 1 });
  clock.advance(1);
  store.revoke(credential.id);
  store.issue({ kind: "person", name: "shop", role: "viewer", issuedBy: "root" });
  store.issue({ kind: "agent", name: "other", issuedBy: "root" });
  const again = open();
  expect([...again.agentNames].toSorted()).toEqual(["other", "shop", "short"]);
  expect([...again.agentTenants]).toEqual(["acme"]);
  expect(again.list("agent").map(({ name }) => name)).toEqual(["other"]);
  again.issue({ kind: "agent", name: "shop", issuedBy: "root" });
  expect(again.list("agent").map(({ name }) => name)).toEqual(["other", "shop"]);
});

it("refuses to start with a file that was tampered with, and changes nothing when the disk refuses", () => {
  const { secret } = open().issue({ kind: "person", name: "alice", role: "viewer", issuedBy: "root" });
  writeFileSync(file, readFileSync(file, "utf8").replace("viewer", "admin"));
  expect(() => open()).toThrow(/damaged/);
  const broken = new CredentialStore({ file: "/dev/null/credentials.json", clock });
  expect(() => broken.issue({ kind: "person", name: "bob", role: "viewer", issuedBy: "root" })).toThrow(
    CredentialStoreError,
  );
  expect(broken.list("person")).toEqual([]);
  expect(secret).toMatch(/^tgp_/);
});
