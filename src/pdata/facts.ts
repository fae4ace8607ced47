import type { SpanFacts } from "./span.ts";

const NO_LABELS: SpanFacts["labels"] = Object.freeze({});

/** The facts of a span that no processor has looked at yet. */
export function emptyFacts(): SpanFacts {
  return {
    agent: "",
    agentVerified: false,
    owner: "",
    team: "",
    role: "",
    session: "",
    workflow: "",
    user: "",
    operation: "",
    provider: "",
    requestModel: "",
    model: "",
    tool: "",
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    hasUsage: false,
    isUsagePartial: false,
    isToldAbove: false,
    costNanoUsd: 0n,
    costStatus: "",
    priceVersion: "",
    decision: "",
    decisionRule: "",
    decisionReason: "",
    policy: "",
    budget: "",
    leaseId: "",
    dataLabel: "",
    labels: NO_LABELS,
    spend: undefined,
  };
}

/** A call that the gate did not let through: it has a decision that is not `allow`, and no usage. */
export function isRefusedCall(facts: SpanFacts): boolean {
  return facts.decision !== "" && facts.decision !== "allow" && !facts.hasUsage;
}
