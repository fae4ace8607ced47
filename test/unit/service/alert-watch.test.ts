import { expect, it } from "vitest";
import type { BudgetState } from "../../../src/budget/ledger.ts";
import { alertDocumentSchema } from "../../../src/config/governance/alert-document.ts";
import { AlertWatch, type Firing } from "../../../src/service/alert-watch.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { FLEET } from "../api/rig.ts";

const alert = (rest: object) => alertDocumentSchema.parse({ kind: "alert", name: "a", ...rest });
const ROW = {
  tool: "t",
  environment: "",
  denied: "0",
  forbidden: "0",
  observed: "0",
  errors: "0",
  cost_nano_usd: "0",
  unpriced_calls: "0",
};

function watchOf(documents: readonly ReturnType<typeof alert>[]) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const fired: Firing[] = [];
  const world = {
    rows: [] as object[],
    asked: [] as object[],
    budgets: [] as BudgetState[],
    isReady: true,
    clock,
    lines,
    fired,
    look: async (): Promise<void> => watch.look(),
    warnings: () => watch.warnings(),
  };
  const watch = new AlertWatch({
    alerts: () => documents,
    store: {
      get isReady() {
        return world.isReady;
      },
      select: async <T>(_query: string, parameters: object) => {
        world.asked.push(parameters);
        return world.rows as T[];
      },
    },
    ledger: { eachBudget: () => world.budgets },
    approvals: { all: () => [], stateOf: () => "pending" },
    onFired: (firing) => fired.push(firing),
    clock,
    telemetry: new Telemetry({ write: (line) => void lines.push(line), now: () => clock.now() }),
  });
  return world;
}

it("fires once for each agent above its threshold, over its tools, and is over when it is below", async () => {
  const world = watchOf([alert({ metric: "denied", above: 10, over: "5m", agents: ["shop-*"] })]);
  world.rows = [
    { ...ROW, agent: "shop-1", denied: "6" },
    { ...ROW, agent: "shop-1", tool: "u", denied: "5" },
    { ...ROW, agent: "shop-2", denied: "10" },
    { ...ROW, agent: "other", denied: "99" },
  ];
  await world.look();
  await world.look();
  expect(world.fired.map(({ subject }) => subject)).toEqual(["shop-1"]);
  expect(world.warnings()).toEqual(["alert `a`: denied of `shop-1` is 11, above 10"]);
  expect(world.asked[0]).toMatchObject({ since_ms: world.clock.now() - 300_000 });
  world.isReady = false;
  await world.look();
  expect(world.warnings()).toHaveLength(1);
  world.isReady = true;
  world.rows = [];
  await world.look();
  expect(world.warnings()).toEqual([]);
  expect(world.lines.filter((line) => line.includes("no longer above the threshold"))).toHaveLength(1);
});

it("compares dollars exactly, and budgets by what they have used and hold", async () => {
  const cost = alert({ metric: "cost_usd", above: "$90071992.547409930" });
  const used = alert({ name: "b", metric: "budget_used_percent", above: 80 });
  const world = watchOf([cost, used]);
  world.rows = [
    { ...ROW, agent: "at", cost_nano_usd: "90071992547409930" },
    { ...ROW, agent: "above", cost_nano_usd: "90071992547409931" },
  ];
  world.budgets = [
    { ...FLEET, name: "full", limit: 100n, settled: 80n, reserved: 1n },
    { ...FLEET, name: "half", limit: 100n, settled: 50n, reserved: 30n },
    // Of what may not be spent at all there is no share.
    { ...FLEET, name: "none", limit: 0n, settled: 1n, reserved: 0n },
  ];
  await world.look();
  expect(world.fired.map(({ subject }) => subject)).toEqual(["above", "full team=checkout"]);
});

it.each([
  { metric: "cost_usd", above: 5 },
  { metric: "denied", above: "$5" },
  { metric: "denied" },
  { above: 5 },
  { metric: "denied", above: 5, over: "25h" },
  { metric: "budget_used_percent", above: 5, open_incident: true },
])("refuses %j", (rest) => {
  expect(() => alert(rest)).toThrow(/"path"/);
});
