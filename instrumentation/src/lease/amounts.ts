import { parseNanoUsd } from "../pricing/money.ts";

/** What a budget may count. Cached tokens are among the input tokens, reasoning tokens among the output tokens. */
export type Measure =
  | "usd"
  | "tokens"
  | "input_tokens"
  | "output_tokens"
  | "cached_tokens"
  | "reasoning_tokens"
  | "calls"
  | "tool_calls"
  /** Of calls of which nobody knows the price. */
  | "unpriced_calls"
  | "unpriced_tokens"
  | "concurrent_runs";

/**
 * Amounts of the measures a budget may have. Each a string of digits (nano-dollars, tokens, calls). The kinds come all five
 * or not at all; absent, they are taken at the most they can be: `tokens` in each kind of token, and no tool call. What has no price
 * comes with them.
 */
export interface WireAmounts {
  readonly nano_usd: string;
  readonly tokens: string;
  readonly calls: string;
  readonly input_tokens?: string | undefined;
  readonly output_tokens?: string | undefined;
  readonly cached_tokens?: string | undefined;
  readonly reasoning_tokens?: string | undefined;
  readonly tool_calls?: string | undefined;
  /** With the kinds; absent: nothing without a price. */
  readonly unpriced_calls?: string | undefined;
  readonly unpriced_tokens?: string | undefined;
}

/**
 * Amounts of the measures, added and compared together, by the gate and by the ledger. Integers: nano-dollars, tokens, calls.
 *
 * Who does not tell kinds is taken at the most they can be: `tokens` in each kind of token, no tool call, and nothing without
 * a price. That is linear, so sums and differences of amounts with and without kinds stay exact, and no kind is ever counted too low.
 */
export interface Amounts {
  readonly nanoUsd: bigint;
  readonly tokens: bigint;
  readonly calls: bigint;
  readonly kinds?: Kinds;
}

/**
 * Cached tokens are among the input tokens, reasoning tokens among the output tokens. Calls and tokens of which nobody knows the price
 * are among all calls and tokens.
 */
export interface Kinds {
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly cachedTokens: bigint;
  readonly reasoningTokens: bigint;
  readonly toolCalls: bigint;
  readonly unpricedCalls: bigint;
  readonly unpricedTokens: bigint;
}

export const NO_AMOUNTS: Amounts = { nanoUsd: 0n, tokens: 0n, calls: 0n };

/** One run of a tool. */
export const ONE_TOOL_CALL: Amounts = {
  ...NO_AMOUNTS,
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

const NO_KINDS_OF = (tokens: bigint): Kinds => ({
  inputTokens: tokens,
  outputTokens: tokens,
  cachedTokens: tokens,
  reasoningTokens: tokens,
  toolCalls: 0n,
  unpricedCalls: 0n,
  unpricedTokens: 0n,
});

/** The kinds, told or taken at the most they can be. */
export function kindsOf({ kinds, tokens }: Pick<Amounts, "kinds" | "tokens">): Kinds {
  return kinds ?? NO_KINDS_OF(tokens);
}

/** The part of the amounts that a budget of this measure counts. */
export function amountIn(measure: Measure, amounts: Amounts): bigint {
  switch (measure) {
    case "usd":
      return amounts.nanoUsd;
    case "tokens":
      return amounts.tokens;
    case "calls":
      return amounts.calls;
    case "input_tokens":
      return kindsOf(amounts).inputTokens;
    case "output_tokens":
      return kindsOf(amounts).outputTokens;
    case "cached_tokens":
      return kindsOf(amounts).cachedTokens;
    case "reasoning_tokens":
      return kindsOf(amounts).reasoningTokens;
    case "tool_calls":
      return kindsOf(amounts).toolCalls;
    case "unpriced_calls":
      return kindsOf(amounts).unpricedCalls;
    case "unpriced_tokens":
      return kindsOf(amounts).unpricedTokens;
    case "concurrent_runs":
      return 1n;
  }
}

/** Applies `fn` to each measure of both. */
function combine(left: Amounts, right: Amounts, fn: (left: bigint, right: bigint) => bigint): Amounts {
  const base = {
    nanoUsd: fn(left.nanoUsd, right.nanoUsd),
    tokens: fn(left.tokens, right.tokens),
    calls: fn(left.calls, right.calls),
  };
  if (left.kinds === undefined && right.kinds === undefined) return base;
  const [a, b] = [kindsOf(left), kindsOf(right)];
  const kinds: Kinds = {
    inputTokens: fn(a.inputTokens, b.inputTokens),
    outputTokens: fn(a.outputTokens, b.outputTokens),
    cachedTokens: fn(a.cachedTokens, b.cachedTokens),
    reasoningTokens: fn(a.reasoningTokens, b.reasoningTokens),
    toolCalls: fn(a.toolCalls, b.toolCalls),
    unpricedCalls: fn(a.unpricedCalls, b.unpricedCalls),
    unpricedTokens: fn(a.unpricedTokens, b.unpricedTokens),
  };
  return { ...base, kinds };
}

export function add(left: Amounts, right: Amounts): Amounts {
  if (left === NO_AMOUNTS) return right;
  // Every call adds and subtracts a few times.
  if (left.kinds === undefined && right.kinds === undefined) {
    return {
      nanoUsd: left.nanoUsd + right.nanoUsd,
      tokens: left.tokens + right.tokens,
      calls: left.calls + right.calls,
    };
  }
  return combine(left, right, (a, b) => a + b);
}

/** May go below zero. */
export function subtract(left: Amounts, right: Amounts): Amounts {
  if (left.kinds === undefined && right.kinds === undefined) {
    return {
      nanoUsd: left.nanoUsd - right.nanoUsd,
      tokens: left.tokens - right.tokens,
      calls: left.calls - right.calls,
    };
  }
  return combine(left, right, (a, b) => a - b);
}

export function largest(left: Amounts, right: Amounts): Amounts {
  return combine(left, right, (a, b) => (a > b ? a : b));
}

export function smallest(left: Amounts, right: Amounts): Amounts {
  return combine(left, right, (a, b) => (a < b ? a : b));
}

export function scale(amounts: Amounts, factor: bigint): Amounts {
  return combine(amounts, amounts, (a) => a * factor);
}

/** True when `wanted` fits into `available` in every measure. */
export function covers(available: Amounts, wanted: Amounts): boolean {
  if (wanted.nanoUsd > available.nanoUsd || wanted.tokens > available.tokens || wanted.calls > available.calls) {
    return false;
  }
  if (available.kinds === undefined && wanted.kinds === undefined) return true;
  return everyKind(wanted, available, (a, b) => a <= b);
}

export function areEqual(left: Amounts, right: Amounts): boolean {
  if (left.nanoUsd !== right.nanoUsd || left.tokens !== right.tokens || left.calls !== right.calls) return false;
  if (left.kinds === undefined && right.kinds === undefined) return true;
  return everyKind(left, right, (a, b) => a === b);
}

function everyKind(left: Amounts, right: Amounts, holds: (left: bigint, right: bigint) => boolean): boolean {
  const [a, b] = [kindsOf(left), kindsOf(right)];
  return (
    holds(a.inputTokens, b.inputTokens) &&
    holds(a.outputTokens, b.outputTokens) &&
    holds(a.cachedTokens, b.cachedTokens) &&
    holds(a.reasoningTokens, b.reasoningTokens) &&
    holds(a.toolCalls, b.toolCalls) &&
    holds(a.unpricedCalls, b.unpricedCalls) &&
    holds(a.unpricedTokens, b.unpricedTokens)
  );
}

export function toWire({ nanoUsd, tokens, calls, kinds }: Amounts): WireAmounts {
  const base = { nano_usd: nanoUsd.toString(), tokens: tokens.toString(), calls: calls.toString() };
  if (kinds === undefined) return base;
  return {
    ...base,
    input_tokens: kinds.inputTokens.toString(),
    output_tokens: kinds.outputTokens.toString(),
    cached_tokens: kinds.cachedTokens.toString(),
    reasoning_tokens: kinds.reasoningTokens.toString(),
    tool_calls: kinds.toolCalls.toString(),
    unpriced_calls: kinds.unpricedCalls.toString(),
    unpriced_tokens: kinds.unpricedTokens.toString(),
  };
}

/** `undefined` for anything but digits within Int64: what a wrong ledger says is never taken for money. */
export function fromWire(wire: WireAmounts | undefined): Amounts | undefined {
  const nanoUsd = integer(wire?.nano_usd);
  const tokens = integer(wire?.tokens);
  const calls = integer(wire?.calls);
  if (wire === undefined || nanoUsd === undefined || tokens === undefined || calls === undefined) return undefined;
  const base = { nanoUsd, tokens, calls };
  if (wire.input_tokens === undefined) return base;
  const inputTokens = integer(wire.input_tokens);
  const outputTokens = integer(wire.output_tokens);
  const cachedTokens = integer(wire.cached_tokens);
  const reasoningTokens = integer(wire.reasoning_tokens);
  const toolCalls = integer(wire.tool_calls);
  if (inputTokens === undefined || outputTokens === undefined || cachedTokens === undefined) return undefined;
  const unpricedCalls = integer(wire.unpriced_calls ?? "0");
  const unpricedTokens = integer(wire.unpriced_tokens ?? "0");
  if (reasoningTokens === undefined || toolCalls === undefined) return undefined;
  if (unpricedCalls === undefined || unpricedTokens === undefined) return undefined;
  const kinds = { inputTokens, outputTokens, cachedTokens, reasoningTokens, toolCalls, unpricedCalls, unpricedTokens };
  return { ...base, kinds };
}

function integer(text: unknown): bigint | undefined {
  return typeof text === "string" ? parseNanoUsd(text) : undefined;
}
