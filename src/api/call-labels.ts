import type { Labels } from "../budget/ledger.ts";

/** Only what budgets look at: the rest would only tell leases apart that are the same to every budget. */
export function projected(labels: Labels, keys: readonly string[]): Labels {
  // Own keys only: a budget on a label named `constructor` must not see the prototype's.
  const kept: Record<string, string> = {};
  for (const key of keys) {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (value !== undefined) kept[key] = value;
  }
  return kept;
}
