import type { Budget } from "../../src/budget/budget.ts";

/** Five budgets that every call of the benchmark falls under at once, none of which ever ends. */
export function hotTree(): readonly Budget[] {
  return ["organisation", "team", "agent", "model", "day"].map((name) => ({
    name,
    scope: { team: "*" },
    each: name === "agent" ? "agent" : undefined,
    measure: "usd",
    limit: 10n ** 18n,
    window: name === "day" ? { kind: "calendar", unit: "day" } : { kind: "lifetime" },
    timeZone: "Europe/Berlin",
    mode: "hard",
    unknownPrice: "deny",
    thresholds: [],
  }));
}
