import { isRefusedCall } from "../../pdata/facts.ts";
import type { Span } from "../../pdata/span.ts";
import type { SpendEntry } from "../../pdata/spend.ts";

/**
 * What a span adds to the budgets: every call to a model that was made, with or without a lease (the ledger knows which
 * leases it has settled already). `undefined` for spans that are no calls, and for calls that were refused.
 */
export function spendOf(span: Pick<Span, "facts">): SpendEntry | undefined {
  const { facts } = span;
  if (facts.costStatus === "") return undefined;
  // A refused call that cost something after all (an approval that came late) still counts.
  if (isRefusedCall(facts) && facts.costNanoUsd === 0n) return undefined;
  return {
    labels: facts.labels,
    leaseId: facts.leaseId,
    amounts: {
      nanoUsd: facts.costNanoUsd,
      tokens: BigInt(facts.inputTokens + facts.outputTokens),
      calls: 1n,
    },
  };
}
