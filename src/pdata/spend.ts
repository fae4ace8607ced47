/**
 * What one or more calls used, as the meter saw it, with the labels that budgets match on. The shape is that of the
 * ledger's `ObservedSpend`: the data path does not import the ledger, the service joins the two.
 */
export interface SpendEntry {
  readonly labels: Readonly<Record<string, string>>;
  /** "" for spend that no lease covers. */
  readonly leaseId: string;
  readonly amounts: {
    readonly nanoUsd: bigint;
    readonly tokens: bigint;
    readonly calls: bigint;
    /** Absent in blocks of before there was such a thing: then `tokens` counts as each kind. */
    readonly kinds?: SpendKinds;
  };
}

export interface SpendKinds {
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly cachedTokens: bigint;
  readonly reasoningTokens: bigint;
  readonly toolCalls: bigint;
  /** Of calls of which nobody knows the price. */
  readonly unpricedCalls: bigint;
  readonly unpricedTokens: bigint;
}

/**
 * The same of one span, as numbers: a call's tokens are far below 2^53, and so are the sums of a block. Money stays what the
 * span's facts say.
 */
export interface SpanSpend {
  readonly labels: Readonly<Record<string, string>>;
  /** "" for spend that no lease covers. */
  readonly leaseId: string;
  readonly nanoUsd: bigint;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
  readonly of: "call" | "unpriced_call" | "tool_call";
}
