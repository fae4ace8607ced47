/** Writes the dashboards' JSON, which is checked in and provisioned as it is: `node dashboards/build.ts`. A test proves it fresh. */
import { writeFileSync } from "node:fs";
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { llmCost } from "./llm-cost.ts";

/** File name without ending → dashboard. */
export const DASHBOARDS: Readonly<Record<string, () => Dashboard>> = { "llm-cost": llmCost };

/** The JSON of one dashboard as it stands in `dashboards/json/`. */
export function dashboardJson(name: string): string {
  const make = DASHBOARDS[name];
  if (make === undefined) throw new Error(`no dashboard named \`${name}\``);
  return `${JSON.stringify(make(), null, 2)}\n`;
}

if (process.argv[1] === import.meta.filename) {
  for (const name of Object.keys(DASHBOARDS)) {
    writeFileSync(new URL(`json/${name}.json`, import.meta.url), dashboardJson(name));
  }
}
