import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import type { BudgetState } from "../../../src/budget/ledger.ts";
import type { FlowStats } from "../../../src/component/flow.ts";
import { FlowSources } from "../../../src/service/flow-sources.ts";
import { flowFamilies } from "../../../src/service/metrics/flow-metrics.ts";
import { BUDGET_SERIES_MAX, ledgerFamilies } from "../../../src/service/metrics/ledger-metrics.ts";
import { queueFamilies } from "../../../src/service/metrics/queue-metrics.ts";
import { queueOf } from "../../../src/service/queues.ts";
import { type MetricFamily, registerFamily } from "../../../src/telemetry/metric-family.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { describedMetrics, METRICS_FILE, metricsPage } from "../../support/metrics-reference.ts";
import { FLEET } from "../api/rig.ts";

async function linesOf(families: readonly MetricFamily[]): Promise<readonly string[]> {
  const registry = new Registry();
  for (const family of families) registerFamily(registry, family);
  return (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

const FLOW: FlowStats = {
  received: 10,
  recovered: 2,
  stored: 5,
  refused: 1,
  dropped: { duplicate: 2, malformed: 1 },
  inFlight: 3,
};

describe("the metrics", () => {
  it("stand in docs/metrics.md as they are registered (node scripts/generate-metrics.ts)", async () => {
    expect(readFileSync(new URL(`../../../${METRICS_FILE}`, import.meta.url), "utf8")).toBe(await metricsPage());
  });

  it("have names in Prometheus' manner, a sentence each, and each a type that its name promises", async () => {
    const ours = (await describedMetrics()).filter(({ name }) => name.startsWith("tollgate_"));
    expect(ours.length).toBeGreaterThan(40);
    for (const { name, help, type, labelNames } of ours) {
      expect(name, name).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(help.endsWith("."), name).toBe(true);
      expect(name.endsWith("_total"), name).toBe(type === "counter");
      expect(type !== "histogram" || name.endsWith("_seconds"), name).toBe(true);
      for (const label of labelNames) expect(label, name).toMatch(/^[a-z]+(_[a-z]+)*$/);
    }
  });
});

describe("components", () => {
  it("show both sides of their count equation, and 0 as the difference", async () => {
    const flows = new FlowSources();
    flows.add("processors.cost", { stats: () => FLOW });
    expect(await linesOf(flowFamilies(() => flows.inOrder()))).toEqual(
      [
        ["received_items_total", 10],
        ["recovered_items_total", 2],
        ["sent_items_total", 5],
        ["refused_items_total", 1],
        ["dropped_items_total", 2, ',reason="duplicate"'],
        ["dropped_items_total", 1, ',reason="malformed"'],
        ["in_flight_items", 3],
        ["imbalance_items", 0],
      ].map(
        ([name, value, extra = ""]) =>
          `tollgate_component_${name}{component="processors.cost",signal="traces"${extra}} ${value}`,
      ),
    );
  });

  it("show a lost item as a difference", async () => {
    const flows = new FlowSources();
    flows.add("exporters.clickhouse", { stats: () => ({ ...FLOW, stored: 4 }) }, { signal: "logs" });
    const lines = await linesOf(flowFamilies(() => flows.inOrder()));
    expect(lines).toContain('tollgate_component_imbalance_items{component="exporters.clickhouse",signal="logs"} 1');
  });

  it("come in the order in which an item passes them, although they are built from the end", () => {
    const flows = new FlowSources();
    const built = ["exporters.clickhouse", "processors.meter", "processors.cost", "receivers.otlp"];
    for (const name of built) flows.add(name, { stats: () => FLOW });
    expect(flows.inOrder().map(({ component }) => component)).toEqual(built.toReversed());
  });
});

describe("a queue", () => {
  it("says how old its oldest block is, and never less than nothing when the clock went back", async () => {
    const clock = new ManualClock();
    const figures = { inFlight: 7, blocks: 2, bytes: 9, oldestUnixMs: clock.now() - 1_500 };
    const age = async (oldestUnixMs: number) => {
      const read = () => queueOf({ ...figures, oldestUnixMs }, clock);
      return linesOf(queueFamilies(() => [{ component: "exporters.clickhouse", signal: "traces", read }]));
    };
    expect(await age(clock.now() - 1_500)).toContain(
      'tollgate_spool_oldest_block_age_seconds{component="exporters.clickhouse",signal="traces"} 1.5',
    );
    expect(await age(clock.now() + 60_000)).toContain(
      'tollgate_spool_oldest_block_age_seconds{component="exporters.clickhouse",signal="traces"} 0',
    );
  });
});

describe("budgets", () => {
  it("of 100,000 values of a label are not 100,000 series, and those in trouble are shown", async () => {
    const budgets = Array.from({ length: 100_000 }, (_, index): BudgetState => ({
      ...FLEET,
      scope: { user: `u${index}` },
      state: index === 99_999 ? "exhausted" : "ok",
    }));
    const lines = await linesOf(
      ledgerFamilies({
        ledger: () => ({
          leasesActive: 0,
          leasesExpired: 0,
          acquiresWaiting: 0,
          journalBytes: 0,
          journalFlushes: 0,
          journalEvents: 0,
        }),
        isGranting: () => false,
        budgets: () => budgets,
      }),
    );
    expect(lines).toContain("tollgate_ledger_granting 0");
    const amounts = lines.filter((line) => line.startsWith("tollgate_budget_amount"));
    expect(amounts).toHaveLength(BUDGET_SERIES_MAX * 4);
    expect(amounts.filter((line) => line.includes("user=u99999"))).toHaveLength(4);
    expect(lines).toContain('tollgate_budgets{state="ok"} 99999');
    expect(lines).toContain('tollgate_budgets{state="exhausted"} 1');
  });
});
