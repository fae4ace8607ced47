import type { Span } from "../../pdata/span.ts";
import type { SpendEntry } from "../../pdata/spend.ts";

/** The spend of some spans, added up over those with the same labels and lease: what a block carries for the ledger. */
export function sumSpend(spans: readonly Pick<Span, "facts">[]): SpendEntry[] {
  const sums = new Map<string, SpendEntry>();
  for (const { facts } of spans) {
    const entry = facts.spend;
    if (entry === undefined) continue;
    const key = spendKey(entry);
    const sum = sums.get(key);
    sums.set(key, sum === undefined ? entry : added(sum, entry));
  }
  return [...sums.values()];
}

function spendKey(entry: SpendEntry): string {
  const labels = Object.entries(entry.labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([entry.leaseId, labels]);
}

function added(a: SpendEntry, b: SpendEntry): SpendEntry {
  return {
    labels: a.labels,
    leaseId: a.leaseId,
    amounts: {
      nanoUsd: a.amounts.nanoUsd + b.amounts.nanoUsd,
      tokens: a.amounts.tokens + b.amounts.tokens,
      calls: a.amounts.calls + b.amounts.calls,
    },
  };
}
