/**
 * Writes the dashboards' and alert rules' JSON, which is checked in and provisioned as it is: `node dashboards/build.ts`. A test
 * proves it fresh.
 */
import { writeFileSync } from "node:fs";
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { llmCost } from "./llm-cost.ts";
import { grafanaRules, prometheusRules } from "./pipeline-alerts.ts";
import { pipeline } from "./pipeline.ts";

/** Over ClickHouse: file name without ending → dashboard. */
export const DASHBOARDS: Readonly<Record<string, () => Dashboard>> = { "llm-cost": llmCost };

/** Over Prometheus. */
export const PROMETHEUS_DASHBOARDS: Readonly<Record<string, () => Dashboard>> = { pipeline };

/** Alert rules. Not beside the dashboards: Grafana would take them for one. */
export const ALERT_FILES: Readonly<Record<string, () => object>> = {
  "alerts/grafana.json": grafanaRules,
  "alerts/prometheus.json": prometheusRules,
};

/** The JSON of one dashboard as it stands in `dashboards/json/`. */
export function dashboardJson(name: string): string {
  const make = DASHBOARDS[name] ?? PROMETHEUS_DASHBOARDS[name];
  if (make === undefined) throw new Error(`no dashboard named \`${name}\``);
  return jsonText(make());
}

/** One JSON document as it is written here. */
export function jsonText(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

if (process.argv[1] === import.meta.filename) {
  const write = (path: string, text: string): void => writeFileSync(new URL(path, import.meta.url), text);
  for (const name of Object.keys({ ...DASHBOARDS, ...PROMETHEUS_DASHBOARDS })) {
    write(`json/${name}.json`, dashboardJson(name));
  }
  for (const [path, make] of Object.entries(ALERT_FILES)) write(path, jsonText(make()));
}
