import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DASHBOARDS, dashboardJson } from "../../../dashboards/build.ts";
import { expandGrafanaSql, type GrafanaContext } from "../../support/grafana-macros.ts";

const CONTEXT: GrafanaContext = {
  fromUnixSeconds: 1_700_000_000,
  toUnixSeconds: 1_700_003_600,
  intervalSeconds: 30,
  variables: { agent: undefined, team: ["red", "o'blue"] },
};

describe.each(Object.keys(DASHBOARDS))("dashboard %s", (name) => {
  const built = JSON.parse(dashboardJson(name)) as {
    uid: string;
    panels: {
      id: number;
      title: string;
      type: string;
      description?: string;
      targets?: { refId: string; rawSql: string; datasource: unknown }[];
    }[];
  };
  const panels = built.panels.filter((panel) => panel.type !== "row");

  it("stands in dashboards/json as it is built (node dashboards/build.ts)", () => {
    expect(readFileSync(new URL(`../../../dashboards/json/${name}.json`, import.meta.url), "utf8")).toBe(
      dashboardJson(name),
    );
  });

  it("gives each panel an id of its own, a description and a query with a limit or an aggregate", () => {
    expect(new Set(built.panels.map((panel) => panel.id)).size).toBe(built.panels.length);
    for (const panel of panels) {
      expect(panel.description, panel.title).toBeTruthy();
      expect(panel.targets?.length, panel.title).toBeGreaterThan(0);
      for (const target of panel.targets ?? [])
        expect(target.rawSql, panel.title).toMatch(/\b(LIMIT \d+|sum|count|quantile[A-Za-z]*)\b/);
    }
  });

  it("asks the data source that the dashboard's variable names", () => {
    for (const panel of panels) {
      for (const target of panel.targets ?? []) {
        expect(target.datasource).toEqual({ type: "grafana-clickhouse-datasource", uid: "${datasource}" });
      }
    }
  });
});

describe("expandGrafanaSql", () => {
  it("expands the time macros as the plugin's backend does", () => {
    expect(expandGrafanaSql("SELECT $__timeInterval(t) WHERE $__timeFilter(t)", CONTEXT)).toBe(
      "SELECT toStartOfInterval(toDateTime(t), INTERVAL 30 second) WHERE t >= toDateTime(1700000000) AND t <= toDateTime(1700003600)",
    );
  });

  it("drops a conditional filter whose variable stands on All and keeps the others, quoted", () => {
    const sql =
      "$__conditionalAll(agent IN (${agent:singlequote}), $agent) AND $__conditionalAll(team IN (${team:singlequote}), $team)";
    expect(expandGrafanaSql(sql, CONTEXT)).toBe(String.raw`1=1 AND team IN ('red','o\'blue')`);
  });

  it("refuses what would reach ClickHouse unexpanded", () => {
    expect(() => expandGrafanaSql("SELECT $__nothing(t)", CONTEXT)).toThrow("$__nothing");
    expect(() => expandGrafanaSql("$__conditionalAll(a = 1, $who)", CONTEXT)).toThrow("who");
  });
});
