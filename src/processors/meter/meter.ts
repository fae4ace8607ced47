import { CostStatus, Operation } from "@tollgate/instrumentation/semconv";
import { isRefusedCall } from "../../pdata/facts.ts";
import type { Span } from "../../pdata/span.ts";
import type { SpendEntry } from "../../pdata/spend.ts";

/**
 * What a span adds to the budgets: every call to a model that was made, with or without a lease (the ledger knows which
 * leases it has settled already). `undefined` for spans that are no calls, and for calls that were refused.
 */
export function spendOf(span: Pick<Span, "facts">): SpendEntry | undefined {
  const { facts } = span;
  if (facts.tool !== "" && !facts.hasUsage && facts.operation === Operation.executeTool) return toolSpend(span);
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
      kinds: {
        inputTokens: BigInt(facts.inputTokens),
        outputTokens: BigInt(facts.outputTokens),
        cachedTokens: BigInt(facts.cacheReadTokens),
        reasoningTokens: BigInt(facts.reasoningTokens),
        toolCalls: 0n,
        unpricedCalls: isUnpriced(facts) ? 1n : 0n,
        unpricedTokens: isUnpriced(facts) ? BigInt(facts.inputTokens + facts.outputTokens) : 0n,
      },
    },
  };
}

/** Whether nobody knows what it cost. A gate reserves by what it knows of a price, and bounds what is not counted. */
function isUnpriced({ costStatus, leaseId }: Span["facts"]): boolean {
  return costStatus === CostStatus.unpriced || (costStatus === CostStatus.missing && leaseId === "");
}

/** A tool that ran. What it was refused for counts nothing. */
function toolSpend({ facts }: Pick<Span, "facts">): SpendEntry | undefined {
  if (isRefusedCall(facts)) return undefined;
  return { labels: facts.labels, leaseId: facts.leaseId, amounts: ONE_TOOL_CALL };
}

const ONE_TOOL_CALL: SpendEntry["amounts"] = {
  nanoUsd: 0n,
  tokens: 0n,
  calls: 0n,
  kinds: {
    inputTokens: 0n,
    outputTokens: 0n,
    cachedTokens: 0n,
    reasoningTokens: 0n,
    toolCalls: 1n,
    unpricedCalls: 0n,
    unpricedTokens: 0n,
  },
};
