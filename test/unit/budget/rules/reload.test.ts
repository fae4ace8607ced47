/** Documents that change while leases are out and calls wait. */
import { expect, it } from "vitest";
import { decodeEvent, encodeEvent } from "../../../../src/budget/rules/events.ts";
import { makeBudget, usd } from "../make-budget.ts";
import { Rig } from "./rig.ts";

it("a call that waits is granted when the limit is raised", () => {
  const rig = new Rig([makeBudget({ limit: 100n })]);
  rig.acquire({ leaseId: "l1", target: usd(100) });
  const ticket = rig.ask({ leaseId: "l2", processId: "p2", target: usd(50), waitMs: 10_000 });
  expect(rig.answers.get(ticket)).toBeUndefined();
  rig.reload([makeBudget({ limit: 150n })]);
  expect(rig.answers.get(ticket)).toMatchObject({ outcome: "granted", granted: { nanoUsd: 50n } });
  expect(rig.books()).toEqual([0n, 150n]);
});

it("a lower limit takes nothing back, and grants nothing until there is room again", () => {
  const rig = new Rig([makeBudget({ limit: 100n })]);
  rig.acquire({ leaseId: "l1", target: usd(80) });
  rig.reload([makeBudget({ limit: 50n })]);
  expect(rig.acquire({ leaseId: "l2", processId: "p2", target: usd(1) }).outcome).toBe("exhausted");
  rig.close("l1", 40);
  expect(rig.acquire({ leaseId: "l2", processId: "p2", seq: 2, target: usd(10) }).outcome).toBe("granted");
});

it("a budget that is there anew holds what leases hold that fall under it", () => {
  const rig = new Rig([makeBudget({ limit: 100n })]);
  rig.acquire({ leaseId: "l1", target: usd(80) });
  rig.reload([makeBudget({ limit: 100n }), makeBudget({ name: "new", limit: 90n })]);
  expect(rig.books("new")).toEqual([0n, 80n]);
  expect(rig.acquire({ leaseId: "l2", processId: "p2", target: usd(20) })).toMatchObject({
    outcome: "exhausted",
    refusedBy: { name: "new" },
  });
});

it("a budget that is gone limits nobody, and has its spend again when it comes back in its window", () => {
  const rig = new Rig([makeBudget({ limit: 100n })]);
  rig.acquire({ leaseId: "l1", target: usd(80) });
  rig.close("l1", 80);
  rig.reload([makeBudget({ name: "other", limit: 1000n })]);
  expect(rig.acquire({ leaseId: "l2", target: usd(500) }).outcome).toBe("granted");
  rig.reload([makeBudget({ limit: 100n })]);
  expect(rig.budget().settled).toBe(80n);
});

it("a renamed budget is raised as its former name was", () => {
  const rig = new Rig([makeBudget({ name: "old", limit: 100n })]);
  rig.raise({ budget: "old", amount: 50n, forMs: 60_000 });
  rig.reload([makeBudget({ name: "new", renamedFrom: "old", limit: 100n })]);
  expect(rig.budget("new")).toMatchObject({ limit: 150n, raises: [{ budget: "new", amount: 50n }] });
  expect(rig.acquire({ target: usd(150), need: usd(150) }).outcome).toBe("granted");
  rig.advance(61_000);
  expect(rig.budget("new")).toMatchObject({ limit: 100n });
});

it("a renamed budget has the spend of its former name, and what fired there does not fire anew", () => {
  const thresholds = [{ atPercent: 50, do: "notify" as const }];
  const rig = new Rig([makeBudget({ name: "old", limit: 100n, each: "team", thresholds })]);
  rig.acquire({ leaseId: "l1", target: usd(80) });
  rig.close("l1", 80);
  expect(rig.last?.crossings).toHaveLength(1);
  const renamed = makeBudget({ name: "new", renamedFrom: "old", limit: 100n, each: "team", thresholds });
  rig.reload([renamed]);
  expect(rig.last?.crossings).toEqual([]);
  expect(rig.books("new")).toEqual([80n, 0n]);
  expect(rig.budget("new").scope).toEqual({ team: "a" });
  rig.reload([renamed]);
  expect(rig.books("new")).toEqual([80n, 0n]);
});

it("a former name that a document has still keeps its own spend", () => {
  const rig = new Rig([makeBudget({ name: "old" })]);
  rig.observe([{ amounts: usd(30) }]);
  rig.reload([makeBudget({ name: "old" }), makeBudget({ name: "new", renamedFrom: "old" })]);
  expect(rig.books("old")).toEqual([30n, 0n]);
  expect(rig.books("new")).toEqual([0n, 0n]);
});

it("a former name survives the journal", () => {
  const event = {
    event: "configured",
    at: 1,
    ttlMs: 1,
    graceMs: 1,
    budgets: [makeBudget({ renamedFrom: "a" })],
  } as const;
  expect(decodeEvent(encodeEvent(event))).toEqual(event);
});
