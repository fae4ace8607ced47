/** Sessions in flight at once: counted by their leases, whichever processes and labels those have. */
import { expect, it } from "vitest";
import { makeBudget, usd } from "../make-budget.ts";
import { Rig } from "./rig.ts";

const two = makeBudget({ name: "runs", measure: "concurrent_runs", limit: 2n, scope: { team: "a" } });
const in_ = (session: string) => ({ team: "a", session });

it("counts each session once, over its leases and processes, and refuses the one too many", () => {
  const rig = new Rig([two]);
  rig.acquire({ leaseId: "l1", labels: in_("s1") });
  rig.acquire({ leaseId: "l2", labels: { ...in_("S1"), model: "m" }, processId: "p2" });
  rig.acquire({ leaseId: "l3", labels: in_("s2"), processId: "p2" });
  expect(rig.books("runs")).toEqual([0n, 2n]);
  expect(rig.acquire({ leaseId: "l4", labels: in_("s3"), processId: "p3" })).toMatchObject({
    outcome: "exhausted",
    refusedBy: { name: "runs", limit: 2n, reserved: 2n, remaining: 0n },
  });
  expect(rig.acquire({ leaseId: "l1", seq: 2, labels: in_("s1"), target: usd(500) }).outcome).toBe("granted");
});

it("a run that has begun takes more leases also where the limit came below what is in flight", () => {
  const rig = new Rig([two]);
  rig.acquire({ leaseId: "l1", labels: in_("s1") });
  rig.acquire({ leaseId: "l2", labels: in_("s2"), processId: "p2" });
  rig.reload([{ ...two, limit: 1n }]);
  expect(rig.acquire({ leaseId: "l3", labels: in_("s2"), processId: "p3" }).outcome).toBe("granted");
  expect(rig.books("runs")).toEqual([0n, 2n]);
  expect(rig.acquire({ leaseId: "l4", labels: in_("s3"), processId: "p4" }).outcome).toBe("exhausted");
});

it("money ahead of need starts no run, whether there is a place or not", () => {
  const rig = new Rig([{ ...two, limit: 1n }, makeBudget({ limit: 1000n })]);
  const ahead = { need: usd(0), target: usd(0), ahead: usd(40) };
  rig.acquire({ leaseId: "l1", labels: in_("s1"), ...ahead });
  expect([rig.books("runs"), rig.books("b")]).toEqual([
    [0n, 0n],
    [0n, 0n],
  ]);
  rig.acquire({ leaseId: "l2", labels: in_("s2"), processId: "p2", target: usd(100) });
  expect(rig.acquire({ leaseId: "l1", seq: 2, labels: in_("s1"), ...ahead })).toMatchObject({ granted: usd(0) });
  expect([rig.books("runs"), rig.books("b")]).toEqual([
    [0n, 1n],
    [0n, 100n],
  ]);
  // A run in flight has it, by whichever of its leases.
  rig.acquire({ leaseId: "l3", labels: in_("S2"), processId: "p3", ...ahead });
  expect([rig.books("runs"), rig.books("b")]).toEqual([
    [0n, 1n],
    [0n, 140n],
  ]);
});

it("money ahead of need does not make a run one that has begun, which may finish where new ones are refused", () => {
  const rig = new Rig([makeBudget({ limit: 100n, thresholds: [{ atPercent: 50, do: "stop_gracefully" }] })]);
  rig.acquire({ leaseId: "l1", labels: in_("s1"), need: usd(0), target: usd(0), ahead: usd(40) });
  rig.acquire({ leaseId: "l2", labels: in_("s2"), processId: "p2", target: usd(50) });
  expect(rig.acquire({ leaseId: "l1", seq: 2, labels: in_("s1"), target: usd(10) }).outcome).toBe("exhausted");
});

it("answers a message that came late, of a lease that holds nothing and whose run is in flight by another one", () => {
  const rig = new Rig([two]);
  rig.acquire({ leaseId: "l1", labels: in_("s1") });
  const back = { leaseId: "l2", labels: in_("s1"), need: usd(0), target: usd(0) };
  rig.acquire({ ...back, seq: 2 });
  expect(rig.acquire({ leaseId: "l2", labels: in_("s1"), seq: 1 })).toMatchObject({
    outcome: "exhausted",
    granted: usd(0),
    refusedBy: { name: "runs" },
  });
});

it("a process without a session is one run", () => {
  const rig = new Rig([two]);
  rig.acquire({ leaseId: "l1", labels: { team: "a" } });
  rig.acquire({ leaseId: "l2", labels: { team: "a", model: "m" } });
  expect(rig.books("runs")).toEqual([0n, 1n]);
});

it("a run that waits goes on when another one's last lease closes or expires", () => {
  const rig = new Rig([{ ...two, limit: 1n }]);
  rig.acquire({ leaseId: "l1", labels: in_("s1") });
  const first = rig.ask({ leaseId: "l2", labels: in_("s2"), processId: "p2", waitMs: 10_000 });
  expect(rig.answers.get(first)).toBeUndefined();
  rig.close("l1", 5);
  expect(rig.answers.get(first)).toMatchObject({ outcome: "granted" });
  expect(rig.acquire({ leaseId: "l3", labels: in_("s3"), processId: "p3" }).outcome).toBe("exhausted");
  rig.advance(31_000);
  expect(rig.books("runs")).toEqual([0n, 0n]);
  expect(rig.acquire({ leaseId: "l4", labels: in_("s3"), processId: "p3" }).outcome).toBe("granted");
});

it("a run that holds nothing any more is over, and a refused one never began", () => {
  const rig = new Rig([{ ...two, limit: 1n }, makeBudget({ limit: 5n })]);
  expect(rig.acquire({ leaseId: "l1", labels: in_("s1"), target: usd(10) })).toMatchObject({
    outcome: "exhausted",
    refusedBy: { name: "b" },
  });
  expect(rig.books("runs")).toEqual([0n, 0n]);
  rig.acquire({ leaseId: "l2", labels: in_("s2"), target: usd(5) });
  rig.acquire({ leaseId: "l2", seq: 2, labels: in_("s2"), target: usd(0), need: usd(0) });
  expect(rig.books("runs")).toEqual([0n, 0n]);
});

it("a threshold looks at the runs in flight, and fires once", () => {
  const rig = new Rig([{ ...two, thresholds: [{ atPercent: 100, do: "notify" }] }]);
  rig.acquire({ leaseId: "l1", labels: in_("s1") });
  expect(rig.last?.crossings).toEqual([]);
  rig.acquire({ leaseId: "l2", labels: in_("s2") });
  expect(rig.last?.crossings).toMatchObject([{ threshold: { atPercent: 100 } }]);
  rig.close("l2", 1);
  rig.acquire({ leaseId: "l3", labels: in_("s3") });
  expect(rig.last?.crossings).toEqual([]);
});

it("a soft budget counts runs and refuses none", () => {
  const rig = new Rig([{ ...two, limit: 1n, mode: "soft" }]);
  for (const session of ["a", "b", "c"]) {
    expect(rig.acquire({ leaseId: session, labels: in_(session) }).outcome).toBe("granted");
  }
  expect(rig.books("runs")).toEqual([0n, 3n]);
});
