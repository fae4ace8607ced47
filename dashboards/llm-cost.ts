import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
} from "@grafana/grafana-foundation-sdk/common";
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
} from "@grafana/grafana-foundation-sdk/dashboard";
import * as stat from "@grafana/grafana-foundation-sdk/stat";
import * as table from "@grafana/grafana-foundation-sdk/table";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";
import { clickhouseTarget, DATASOURCE_REF, DATASOURCE_TYPE } from "./clickhouse-target.ts";
import * as queries from "./llm-cost-queries.ts";

const USD = "currencyUSD";
const COLUMNS = 24;
const STAT_HEIGHT = 4;
const PANEL_HEIGHT = 9;

/** Green at 0, red from 1 on: for counts that should be nothing. */
const redAboveZero = (): ThresholdsConfigBuilder =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
    { value: null, color: "green" },
    { value: 1, color: "red" },
  ]);

function total(options: {
  title: string;
  description: string;
  sql: string;
  unit: string;
  bad?: boolean;
}): Builder<Panel> {
  const panel = new stat.PanelBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(DATASOURCE_REF)
    .unit(options.unit)
    .height(STAT_HEIGHT)
    .span(Math.floor(COLUMNS / Object.keys(queries.TOTALS).length))
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false))
    .withTarget(clickhouseTarget({ shape: "table", sql: options.sql }));
  return options.bad === true ? panel.thresholds(redAboveZero()) : panel;
}

function overTime(options: {
  title: string;
  description: string;
  sql: string;
  unit: string;
  stacked?: boolean;
}): Builder<Panel> {
  const panel = new timeseries.PanelBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(DATASOURCE_REF)
    .unit(options.unit)
    .min(0)
    .height(PANEL_HEIGHT)
    .span(COLUMNS / 2)
    .withTarget(clickhouseTarget({ shape: "time-series", sql: options.sql }));
  if (options.stacked !== true) return panel;
  return panel
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(80)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
}

function rows(options: {
  title: string;
  description: string;
  sql: string;
  units: Readonly<Record<string, string>>;
  span?: number;
}): Builder<Panel> {
  const panel = new table.PanelBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(DATASOURCE_REF)
    .height(PANEL_HEIGHT)
    .span(options.span ?? COLUMNS)
    .withTarget(clickhouseTarget({ shape: "table", sql: options.sql }));
  for (const [column, unit] of Object.entries(options.units))
    panel.overrideByName(column, [{ id: "unit", value: unit }]);
  return panel;
}

function variable(label: "agent" | "team" | "model"): QueryVariableBuilder {
  return new QueryVariableBuilder(label)
    .label(label)
    .datasource(DATASOURCE_REF)
    .query(queries.valuesOf(label))
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ["All"], value: ["$__all"] });
}

const USD_COLUMNS = { limit_usd: USD, settled_usd: USD, reserved_usd: USD, remaining_usd: USD };

/** "LLM cost": who spends what on which model, what was refused, and whether the budgets hold. */
export function llmCost(): Dashboard {
  const dashboard = new DashboardBuilder("LLM cost")
    .uid("tollgate-llm-cost")
    .description(
      "What the agents' model calls cost, by agent, team and model; budgets; refusals. Made by Tollgate from dashboards/llm-cost.ts.",
    )
    .tags(["tollgate", "llm", "cost"])
    .readonly()
    .refresh("30s")
    .time({ from: "now-24h", to: "now" })
    .timezone("browser")
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder("datasource").label("ClickHouse").type(DATASOURCE_TYPE))
    .withVariable(variable("team"))
    .withVariable(variable("agent"))
    .withVariable(variable("model"))
    .withRow(new RowBuilder("Now"))
    .withPanel(
      total({
        title: "Spend",
        description:
          "Sum of the costs in the range, exact and estimated. Calls without a price are not in it: they are counted beside.",
        sql: queries.TOTALS.spend,
        unit: USD,
      }),
    )
    .withPanel(
      total({
        title: "Calls",
        description: "Model calls that were made; denied ones are counted apart.",
        sql: queries.TOTALS.calls,
        unit: "short",
      }),
    )
    .withPanel(
      total({
        title: "Cost per call",
        description: "Spend divided by the calls that have a price.",
        sql: queries.TOTALS.costPerCall,
        unit: USD,
      }),
    )
    .withPanel(
      total({
        title: "Calls without a price",
        description: "Not in the spend: nobody knows what these cost. Add a `kind: prices` document.",
        sql: queries.TOTALS.unpriced,
        unit: "short",
        bad: true,
      }),
    )
    .withPanel(
      total({
        title: "Denied",
        description: "Calls and tools that the gate refused.",
        sql: queries.TOTALS.denied,
        unit: "short",
      }),
    )
    .withRow(new RowBuilder("Over time"))
    .withPanel(
      overTime({
        title: "Cost by model",
        description: "USD per interval.",
        sql: queries.costOverTime("model"),
        unit: USD,
        stacked: true,
      }),
    )
    .withPanel(
      overTime({
        title: "Cost by agent",
        description: "USD per interval.",
        sql: queries.costOverTime("agent"),
        unit: USD,
        stacked: true,
      }),
    )
    .withPanel(
      overTime({
        title: "Tokens",
        description: "Input includes cached, output includes reasoning.",
        sql: queries.TOKENS_OVER_TIME,
        unit: "short",
      }),
    )
    .withPanel(
      overTime({
        title: "Latency p95 by model",
        description: "From the spans.",
        sql: queries.LATENCY_OVER_TIME,
        unit: "ms",
      }),
    )
    .withRow(new RowBuilder("Who and what"))
    .withPanel(
      rows({
        title: "Budgets",
        description: "As the ledger last said; reserved money is set aside for running processes.",
        sql: queries.BUDGETS,
        units: { ...USD_COLUMNS, used: "percentunit" },
      }),
    )
    .withPanel(
      rows({
        title: "Who spends",
        description: "The 50 dearest combinations.",
        sql: queries.WHO_SPENDS,
        units: { cost: USD },
      }),
    )
    .withPanel(
      rows({
        title: "Dearest traces",
        description: "`tollgate trace ID` shows one.",
        sql: queries.DEAREST_TRACES,
        units: { cost: USD },
        span: COLUMNS / 2,
      }),
    )
    .withPanel(
      rows({ title: "Refused", description: "The last 50.", sql: queries.DENIALS, units: {}, span: COLUMNS / 2 }),
    )
    .build();
  // Grafana gives panels without an id one at load; links to a panel (`viewPanel=7`) would then change with every edit.
  for (const [index, panel] of (dashboard.panels ?? []).entries()) panel.id = index + 1;
  return dashboard;
}
