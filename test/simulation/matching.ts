/** Which budgets a call counts into, worked out apart from the rules. */
import type { Budget } from "../../src/budget/budget.ts";
import type { Labels } from "../../src/budget/ledger.ts";

/** The scopes of the simulation are names and `*`. */
export function isInScope(budget: Budget, labels: Labels): boolean {
  return Object.entries(budget.scope).every(([label, glob]) =>
    valuesOf(labels, label).some((value) => glob === "*" || glob.toLowerCase() === value),
  );
}

/** A call counts for its agent and for all who started it. */
function valuesOf(labels: Labels, label: string): string[] {
  const own = labels[label];
  const names = label === "agent" ? [own, ...(labels["ancestors"]?.split(",") ?? [])] : [own];
  return [...new Set(names.filter((name) => name !== undefined).map((name) => name.toLowerCase()))];
}

export function keysOf(budget: Budget, labels: Labels): string[] {
  const run = budget.window.kind === "run" ? (labels[budget.window.label] ?? "").toLowerCase() : null;
  if (budget.each === undefined) return [JSON.stringify([budget.name, null, run])];
  const values = valuesOf(labels, budget.each);
  return (values.length === 0 ? [""] : values).map((each) => JSON.stringify([budget.name, each, run]));
}
