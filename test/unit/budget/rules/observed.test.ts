import { expect, it } from "vitest";
import { readSnapshot, snapshotLines } from "../../../../src/budget/rules/snapshot.ts";
import { eachBudgetState } from "../../../../src/budget/rules/views.ts";
import { makeBudget, usd } from "../make-budget.ts";
import { Rig } from "./rig.ts";

const HOUR_MS = 3_600_000;

it("tells the part of S that a lease covered from the part that was only seen", () => {
  const rig = new Rig([makeBudget({ limit: 100n })]);
  rig.acquire({ target: usd(20) });
  rig.close("l1", 7);
  rig.observe([{ amounts: usd(5) }]);
  // Spans of the lease that has settled already count nothing, and are nothing that was only seen.
  rig.observe([{ leaseId: "l1", amounts: usd(7) }]);
  expect(rig.budget()).toMatchObject({ settled: 12n, observed: 5n });
});

it("lets what was seen leave a rolling window with the rest, and keeps it over a snapshot", () => {
  const rig = new Rig([makeBudget({ window: { kind: "rolling", durationMs: HOUR_MS } })]);
  rig.observe([{ amounts: usd(5) }]);
  rig.advance(HOUR_MS / 2);
  rig.observe([{ amounts: usd(3) }]);
  const restored = readSnapshot(snapshotLines(rig.engine.state));
  expect([...eachBudgetState(restored, rig.nowMs)]).toMatchObject([{ settled: 8n, observed: 8n }]);
  rig.advance(HOUR_MS / 2 + HOUR_MS / 30);
  expect(rig.budget()).toMatchObject({ settled: 3n, observed: 3n });
  rig.observe([{ amounts: usd(1) }]);
  expect(rig.budget()).toMatchObject({ settled: 4n, observed: 4n });
});

it("starts both parts anew with a calendar window", () => {
  const rig = new Rig([makeBudget({ window: { kind: "calendar", unit: "hour" } })]);
  rig.observe([{ amounts: usd(5) }]);
  rig.advance(HOUR_MS);
  expect(rig.budget()).toMatchObject({ settled: 0n, observed: 0n });
});
