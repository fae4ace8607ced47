/**
 * Goal: one act has one open request and an approval is used once, over a store that is raced for, away or forgets.
 * Method: desks with real journals, over one table in memory that behaves as the store's does.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ApprovalDesk } from "../../../src/approvals/approval-desk.ts";
import { ApprovalStore } from "../../../src/approvals/approval-store.ts";
import type { Act, ApprovalRequest } from "../../../src/approvals/request.ts";
import { SharedApprovals } from "../../../src/approvals/shared-approvals.ts";
import { AppendLog } from "../../../src/support/append-log.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const KEEP_MS = 1_000;
const ACT: Act = {
  kind: "tool",
  agent: "editor",
  session: "s",
  user: "",
  tool: "write_file",
  argumentsJson: "{}",
  argumentsDigest: "d",
  policy: "files",
  policyVersion: "v1",
  rule: "write_*",
  reason: "asks",
};
const YES = { by: "alice", answer: "approve", comment: "", via: "api" } as const;

interface Place {
  readonly desk: ApprovalDesk;
  readonly shared: SharedApprovals;
  readonly heard: ApprovalRequest[];
}

let directory = "";
let table: MemoryTable;
let clock: ManualClock;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-approvals-"));
  table = new MemoryTable();
  clock = new ManualClock();
});
afterEach(() => rmSync(directory, { recursive: true }));

async function open(name: string): Promise<Place> {
  const store = new ApprovalStore({ log: new AppendLog(join(directory, name)), clock, keepMs: KEEP_MS });
  const shared = new SharedApprovals({ store, table, clock, onDamage: () => {} });
  await shared.start();
  const heard: ApprovalRequest[] = [];
  shared.onNews((request) => void heard.push(request));
  const termsOf = () => ({ quorum: 1, expireAfterMs: 60_000, useWithinMs: 30_000, barred: [] });
  return { desk: new ApprovalDesk({ store: shared, clock, termsOf, onChange: () => {} }), shared, heard };
}

async function asked({ desk }: Place): Promise<ApprovalRequest> {
  const outcome = await desk.ask(ACT, {});
  if (outcome.outcome === "too_many") throw new Error("too many");
  return outcome.request;
}

it("what is asked at one processor is answered at another and used once at a third", async () => {
  const [a, b, c] = [await open("a"), await open("b"), await open("c")];
  const { id, act } = await asked(a);
  expect(await b.desk.ask(ACT, {})).toMatchObject({ outcome: "known", request: { id } });
  expect(await b.desk.answer(id, YES)).toMatchObject({ outcome: "answered", request: { state: "approved" } });
  expect(await c.desk.use(id, { act, useId: "u1" })).toMatchObject({ outcome: "used", isNew: true });
  expect(await a.desk.use(id, { act, useId: "u1" })).toMatchObject({ outcome: "used", isNew: false });
  expect(await a.desk.use(id, { act, useId: "u2" })).toEqual({ outcome: "not_approved", state: "consumed" });
  expect(a.heard.map(({ state }) => state)).toEqual(["approved", "consumed"]);
});

it("two who ask for one act at once have one request, and two who use its approval at once use it once", async () => {
  const [a, b] = [await open("a"), await open("b")];
  let other: ApprovalRequest | undefined;
  table.before = async () => (other = await asked(b));
  const { id, act } = await asked(a);
  expect(other?.id).toBe(id);
  await a.desk.answer(id, YES);
  table.before = () => b.desk.use(id, { act, useId: "from-b" });
  expect(await a.desk.use(id, { act, useId: "from-a" })).toEqual({ outcome: "not_approved", state: "consumed" });
});

it("nothing is asked, answered or used while the store is away, and what is known is still shown", async () => {
  const [a, b] = [await open("a"), await open("b")];
  const { id, act } = await asked(a);
  await b.desk.look();
  await b.desk.answer(id, YES);
  table.isAway = true;
  await b.desk.look();
  expect(b.desk.get(id)?.state).toBe("approved");
  await expect(b.desk.use(id, { act, useId: "u" })).rejects.toThrow("away");
  await expect(asked(a)).rejects.toThrow("away");
  table.isAway = false;
  expect(await a.desk.use(id, { act, useId: "u" })).toMatchObject({ outcome: "used" });
});

it("a store that comes back empty gets all back, and what was used stays used", async () => {
  const [a, b] = [await open("a"), await open("b")];
  const { id, act } = await asked(a);
  await a.desk.answer(id, YES);
  await b.desk.use(id, { act, useId: "u" });
  await a.desk.look();
  await a.shared.stop();
  await b.shared.stop();
  table.forget();
  const again = await open("a");
  expect(table.ids).toEqual([id]);
  expect(await again.desk.use(id, { act, useId: "v" })).toEqual({ outcome: "not_approved", state: "consumed" });
});

it("a bypass and its end hold everywhere", async () => {
  const [a, b] = [await open("a"), await open("b")];
  const wanted = { selector: "agent=editor", tools: "*", author: "root", reason: "r", forMs: 10_000 };
  const { id } = await a.desk.bypass(wanted);
  expect(await b.desk.ask(ACT, { agent: "editor" })).toMatchObject({ outcome: "bypassed" });
  expect(await b.desk.endBypass(id)).toMatchObject({ id });
  await a.desk.look();
  expect(a.desk.bypasses()).toEqual([]);
});

it("what has ended long ago is forgotten by all and by the store, and the act can be asked for anew", async () => {
  const [a, b] = [await open("a"), await open("b")];
  const { id } = await asked(a);
  clock.jump(60_000 + KEEP_MS);
  clock.advance(1_000);
  await a.desk.look();
  await expect.poll(() => table.ids).toEqual([]);
  const next = await asked(b);
  expect(next.id).not.toBe(id);
  expect(table.ids).toEqual([next.id]);
});
