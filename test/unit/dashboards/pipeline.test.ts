/**
 * Goal: no panel and no alert asks for what the service does not tell. There is no Prometheus on the machines that build
 * this, so the queries are held against the reference by their words: metric names, labels, brackets.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { ALERT_FILES, dashboardJson, jsonText, PROMETHEUS_DASHBOARDS } from "../../../dashboards/build.ts";
import { ALERTS, grafanaRules, prometheusRules } from "../../../dashboards/pipeline-alerts.ts";
import { type DescribedMetric, describedMetrics } from "../../support/metrics-reference.ts";

const file = (path: string): string => readFileSync(new URL(`../../../dashboards/${path}`, import.meta.url), "utf8");

const FUNCTIONS = new Set([
  "absent",
  "abs",
  "and",
  "by",
  "histogram_quantile",
  "increase",
  "max",
  "min",
  "on",
  "rate",
  "sum",
]);
const RESOURCE_LABELS = new Set(["instance", "job", "le"]);

let metrics: ReadonlyMap<string, DescribedMetric>;
beforeAll(async () => {
  metrics = new Map((await describedMetrics()).map((metric) => [metric.name, metric]));
});

/** What is wrong with a query, as far as words tell. */
function faults(expr: string): readonly string[] {
  const found: string[] = [];
  const labels = new Set(RESOURCE_LABELS);
  const bare = expr.replaceAll(/"[^"]*"/g, '""').replaceAll(/\[[^\]]*\]/g, "");
  const words = [...bare.matchAll(/[A-Za-z_][A-Za-z0-9_]*/g)].map(([word]) => word);
  const names = words.filter((word) => /^(tollgate|process|nodejs)_/.test(word));
  for (const name of names) {
    const metric = metrics.get(name) ?? metrics.get(name.replace(/_(bucket|sum|count)$/, ""));
    if (metric === undefined) found.push(`no metric ${name}`);
    for (const label of metric?.labelNames ?? []) labels.add(label);
    if (metric?.type === "counter" && !new RegExp(`(rate|increase)\\(${name}`).test(expr))
      found.push(`${name} without a rate`);
    if (metric?.type === "histogram" && metric.name === name) found.push(`${name} without _bucket or _count`);
  }
  if (names.length === 0) found.push("no metric");
  for (const word of words)
    if (!names.includes(word) && !FUNCTIONS.has(word) && !labels.has(word)) found.push(`what is ${word}?`);
  for (const [open, close] of ["()", "{}", "[]"]) {
    if (expr.split(open ?? "").length !== expr.split(close ?? "").length) found.push(`unbalanced ${open}`);
  }
  return found;
}

describe.each(Object.keys(PROMETHEUS_DASHBOARDS))("dashboard %s", (name) => {
  const built = JSON.parse(dashboardJson(name)) as {
    panels: {
      id: number;
      type: string;
      title: string;
      description?: string;
      gridPos: { x: number; w: number };
      targets?: { refId: string; expr: string; datasource: unknown }[];
    }[];
  };
  const panels = built.panels.filter(({ type }) => type !== "row");

  it("stands in dashboards/json as it is built (node dashboards/build.ts)", () => {
    expect(file(`json/${name}.json`)).toBe(dashboardJson(name));
  });

  it("asks for what the service tells, by the data source of its variable", () => {
    expect(panels.length).toBeGreaterThan(10);
    for (const { title, targets = [] } of panels) {
      expect(targets.length, title).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
      for (const { expr, datasource } of targets) {
        expect(faults(expr), `${title}: ${expr}`).toEqual([]);
        expect(datasource, title).toEqual({ type: "prometheus", uid: "${prometheus}" });
      }
    }
  });

  it("gives each panel an id of its own, a description, and a place within the screen", () => {
    expect(new Set(built.panels.map(({ id }) => id)).size).toBe(built.panels.length);
    for (const { title, description, gridPos } of panels) {
      expect(description, title).toBeTruthy();
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    }
  });
});

describe("alert rules", () => {
  it.each(Object.entries(ALERT_FILES))("stand in dashboards/%s as they are built", (path, make) => {
    expect(file(path)).toBe(jsonText(make()));
  });

  it.each(ALERTS)("$name asks for what the service tells, and says what to do", ({ query, summary, description }) => {
    expect(faults(query)).toEqual([]);
    expect(summary).toMatch(/^[a-zA-Z].*[^.]$/);
    expect(description).toMatch(/\.$/);
  });

  it("have names of their own, in both forms", () => {
    const [group] = (grafanaRules() as { groups: [{ rules: { uid: string }[] }] }).groups;
    const uids = group.rules.map(({ uid }) => uid);
    expect(new Set(uids).size).toBe(ALERTS.length);
    for (const uid of uids) expect(uid).toMatch(/^[a-z-]{1,40}$/);
    const [prometheus] = (prometheusRules() as { groups: [{ rules: { alert: string; expr: string }[] }] }).groups;
    expect(prometheus.rules.map(({ alert }) => alert)).toEqual(ALERTS.map(({ name }) => name));
    for (const { expr } of prometheus.rules) expect(expr).toMatch(/ [<>] [\d.]+$/);
  });
});
