import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import { BigValueColorMode, BigValueGraphMode, ReduceDataOptionsBuilder } from "@grafana/grafana-foundation-sdk/common";
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  type Panel,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from "@grafana/grafana-foundation-sdk/dashboard";
import * as stat from "@grafana/grafana-foundation-sdk/stat";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";
import { VISIBILITY_SLO } from "../src/telemetry/lag.ts";
import { NOW, SERIES } from "./pipeline-queries.ts";
import { PROMETHEUS_REF, PROMETHEUS_TYPE, prometheusTarget } from "./prometheus-target.ts";

const COLUMNS = 24;
const STAT_HEIGHT = 4;
const PANEL_HEIGHT = 8;
const COUNT = "short";

interface StatOptions {
  readonly title: string;
  readonly description: string;
  readonly expr: string;
  readonly unit: string;
  /** Red from here on; with `isBadBelow`, below it. */
  readonly bad?: number;
  readonly isBadBelow?: boolean;
}

function figureNow({ title, description, expr, unit, bad, isBadBelow = false }: StatOptions): Builder<Panel> {
  const panel = new stat.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(PROMETHEUS_REF)
    .unit(unit)
    .height(STAT_HEIGHT)
    .span(Math.floor(COLUMNS / Object.keys(NOW).length))
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false))
    .withTarget(prometheusTarget({ refId: "A", expr, legend: title, isInstant: true }));
  if (bad === undefined) return panel;
  const [low, high] = isBadBelow ? ["red", "green"] : ["green", "red"];
  return panel.thresholds(
    new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
      { value: null, color: low ?? "green" },
      { value: bad, color: high ?? "red" },
    ]),
  );
}

function overTime(options: {
  readonly title: string;
  readonly description: string;
  readonly series: Readonly<Record<string, string>>;
  readonly unit: string;
}): Builder<Panel> {
  const panel = new timeseries.PanelBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(PROMETHEUS_REF)
    .unit(options.unit)
    .min(0)
    .height(PANEL_HEIGHT)
    .span(COLUMNS / 2);
  for (const [index, [legend, expr]] of Object.entries(options.series).entries()) {
    panel.withTarget(prometheusTarget({ refId: String.fromCharCode(65 + index), expr, legend }));
  }
  return panel;
}

const STATS: readonly StatOptions[] = [
  {
    title: "Visible in time",
    description: `Share of calls that were visible within ${VISIBILITY_SLO.seconds} s of their end, over 5 minutes.`,
    expr: NOW.withinObjective,
    unit: "percentunit",
    bad: VISIBILITY_SLO.share,
    isBadBelow: true,
  },
  {
    title: "Visible after (p99)",
    description: "Call end to visible in ClickHouse, over 5 minutes.",
    expr: NOW.lagP99,
    unit: "s",
    bad: VISIBILITY_SLO.seconds,
  },
  { title: "Received", description: "Spans and log records a second.", expr: NOW.received, unit: "cps" },
  {
    title: "Oldest block",
    description: "How long the oldest block on disk has waited for its delivery.",
    expr: NOW.oldestBlock,
    unit: "s",
    bad: 60,
  },
  {
    title: "Not accounted for",
    description: "received + recovered - (sent + refused + dropped + in flight), of the worst component. 0, always.",
    expr: NOW.imbalance,
    unit: COUNT,
    bad: 1,
  },
  {
    title: "Engine restarts",
    description: "In the last hour, unasked.",
    expr: NOW.restarts,
    unit: COUNT,
    bad: 1,
  },
];

/** In pairs, two to a row of the screen. */
const ROWS: Readonly<Record<string, readonly Parameters<typeof overTime>[0][]>> = {
  Flow: [
    {
      title: "Received and stored",
      description:
        "Items a second. The lines lie on each other while nothing is behind; copies of known spans are received only.",
      series: SERIES.flow,
      unit: "cps",
    },
    {
      title: "Dropped and refused",
      description: "By component and reason. Refused: the sender still has them and comes again.",
      series: SERIES.dropped,
      unit: "cps",
    },
  ],
  Lag: [
    {
      title: "Call end → visible in ClickHouse",
      description: "What an incident's question can see.",
      series: SERIES.visibility,
      unit: "s",
    },
    {
      title: "Call end → counted in the ledger",
      description: "How long a budget does not know of a call that no lease covers.",
      series: SERIES.enforcement,
      unit: "s",
    },
  ],
  Delivery: [
    { title: "Age of the oldest block", description: "By spool.", series: SERIES.queueAge, unit: "s" },
    {
      title: "Spool",
      description: "Bytes on disk; at the limit senders are answered 503.",
      series: SERIES.queueBytes,
      unit: "bytes",
    },
    { title: "Insert latency", description: "Blocks into ClickHouse.", series: SERIES.inserts, unit: "s" },
    {
      title: "Answers",
      description: "Requests a second by transport and status.",
      series: SERIES.answers,
      unit: "reqps",
    },
  ],
  "Engine and process": [
    {
      title: "Memory",
      description: "The embedded engine's and the processor's. Tracked above the limit: queries are refused.",
      series: SERIES.engineMemory,
      unit: "bytes",
    },
    { title: "CPU", description: "Cores in use.", series: SERIES.cpu, unit: COUNT },
    {
      title: "Engine queries",
      description: "Running and waiting for a place, by lane; merges in progress.",
      series: SERIES.engineQueries,
      unit: COUNT,
    },
    {
      title: "Event-loop delay (p99)",
      description: "How long the processor keeps everything else waiting.",
      series: SERIES.eventLoop,
      unit: "s",
    },
  ],
  Ledger: [
    { title: "Leases", description: "Money held by agent processes.", series: SERIES.ledger, unit: COUNT },
    {
      title: "Budgets by state",
      description: "Instances, one for each value of `each`.",
      series: SERIES.budgets,
      unit: COUNT,
    },
  ],
};

/** "Tollgate pipeline": is everything received also stored, how late, and what is in the way. */
export function pipeline(): Dashboard {
  const builder = new DashboardBuilder("Tollgate pipeline")
    .uid("tollgate-pipeline")
    .description(
      "Whether all that is received is stored, how late, and what is in the way. Made by Tollgate from dashboards/pipeline.ts.",
    )
    .tags(["tollgate", "pipeline"])
    .readonly()
    .refresh("30s")
    .time({ from: "now-6h", to: "now" })
    .timezone("browser")
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder("prometheus").label("Prometheus").type(PROMETHEUS_TYPE))
    .withRow(new RowBuilder("Now"));
  for (const options of STATS) builder.withPanel(figureNow(options));
  for (const [title, panels] of Object.entries(ROWS)) {
    builder.withRow(new RowBuilder(title));
    for (const options of panels) builder.withPanel(overTime(options));
  }
  const dashboard = builder.build();
  // Grafana gives panels without an id one at load; links to a panel (`viewPanel=7`) would then change with every edit.
  for (const [index, panel] of (dashboard.panels ?? []).entries()) panel.id = index + 1;
  return dashboard;
}
