/** How tables for people show a budget. */
import type { BudgetRow } from "../api/budget-view.ts";

export function scopeText(scope: Readonly<Record<string, string>>): string {
  const parts = Object.entries(scope).map(([key, value]) => `${key}=${value}`);
  return parts.length === 0 ? "everything" : parts.join(" ");
}

/** A hard budget that grants nothing is not `ok`, whatever its figures are. */
export function stateText({ state, mode, closed_until: until }: BudgetRow): string {
  return until !== null && mode === "hard" ? "closed" : state;
}
