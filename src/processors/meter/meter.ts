import { CostStatus, Operation } from "@tollgate/instrumentation/semconv";
import { isRefusedCall } from "../../pdata/facts.ts";
import type { Span } from "../../pdata/span.ts";
import type { SpanSpend } from "../../pdata/spend.ts";

/**
 * What a span adds to the budgets: every call to a model that was made, with or without a lease (the ledger knows which
 * leases it has settled already). `undefined` for spans that are no calls, and for calls that were refused.
 */
export function spendOf({ facts }: Pick<Span, "facts">): SpanSpend | undefined {
  const { labels, leaseId, costNanoUsd: nanoUsd, costStatus } = facts;
  if (facts.tool !== "" && !facts.hasUsage && facts.operation === Operation.executeTool) {
    // A tool that ran. What it was refused for counts nothing.
    return isRefusedCall(facts) ? undefined : toolCall(labels, leaseId);
  }
  if (costStatus === "") return undefined;
  // A refused call that cost something after all (an approval that came late) still counts.
  if (isRefusedCall(facts) && nanoUsd === 0n) return undefined;
  const { inputTokens, outputTokens, cacheReadTokens: cachedTokens, reasoningTokens } = facts;
  const of = isUnpriced(facts) ? "unpriced_call" : "call";
  return { labels, leaseId, nanoUsd, inputTokens, outputTokens, cachedTokens, reasoningTokens, of };
}

/** Each by its name, in the order of a call to a model: spread from a constant, they were copied one by one at run time. */
function toolCall(labels: SpanSpend["labels"], leaseId: string): SpanSpend {
  return {
    labels,
    leaseId,
    nanoUsd: 0n,
    inputTokens: 0,
    outputTokens: 0,
    cachedTokens: 0,
    reasoningTokens: 0,
    of: "tool_call",
  };
}

/** Whether nobody knows what it cost. A gate reserves by what it knows of a price, and bounds what is not counted. */
function isUnpriced({ costStatus, leaseId }: Span["facts"]): boolean {
  return costStatus === CostStatus.unpriced || (costStatus === CostStatus.missing && leaseId === "");
}
