import type { Measure } from "./budget.ts";

/**
 * Amounts of the measures, added and compared together. Integers: nano-dollars, tokens, calls.
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

/** The largest amount that the wire, the journal and ClickHouse hold. */
export const AMOUNT_MAX = 9_223_372_036_854_775_807n;

/** Every measure that a budget may have, in the order of the documentation. */
export const MEASURES = [
  "usd",
  "tokens",
  "input_tokens",
  "output_tokens",
  "cached_tokens",
  "reasoning_tokens",
  "calls",
  "tool_calls",
  "unpriced_calls",
  "unpriced_tokens",
  "concurrent_runs",
] as const satisfies readonly Measure[];

const KIND_OF = {
  input_tokens: "inputTokens",
  output_tokens: "outputTokens",
  cached_tokens: "cachedTokens",
  reasoning_tokens: "reasoningTokens",
  tool_calls: "toolCalls",
  unpriced_calls: "unpricedCalls",
  unpriced_tokens: "unpricedTokens",
} as const satisfies Partial<Record<Measure, keyof Kinds>>;

/** The kinds, told or taken at the most they can be. */
export function kindsOf({ tokens, kinds }: Pick<Amounts, "tokens" | "kinds">): Kinds {
  return (
    kinds ?? {
      inputTokens: tokens,
      outputTokens: tokens,
      cachedTokens: tokens,
      reasoningTokens: tokens,
      toolCalls: 0n,
      unpricedCalls: 0n,
      unpricedTokens: 0n,
    }
  );
}

/** Whether a measure is of what nobody knows the price of. */
export function isUnpricedMeasure(measure: Measure): boolean {
  return measure === "unpriced_calls" || measure === "unpriced_tokens";
}

/** Whether a measure is told by `Amounts.kinds`. */
export function isKindMeasure(measure: Measure): measure is keyof typeof KIND_OF {
  return measure in KIND_OF;
}

/** The part of the amounts that a budget of this measure counts. Runs are no amount: leases themselves are counted. */
export function amountIn(measure: Measure, amounts: Amounts): bigint {
  switch (measure) {
    case "usd":
      return amounts.nanoUsd;
    case "tokens":
      return amounts.tokens;
    case "calls":
      return amounts.calls;
    case "concurrent_runs":
      return 0n;
    case "tool_calls":
    case "unpriced_calls":
    case "unpriced_tokens":
      return amounts.kinds?.[KIND_OF[measure]] ?? 0n;
    default:
      return amounts.kinds?.[KIND_OF[measure]] ?? amounts.tokens;
  }
}

/** Amounts made of each measure's own; with kinds where `hasKinds`. */
export function amountsBy(of: (measure: Measure) => bigint, hasKinds: boolean): Amounts {
  const base = { nanoUsd: of("usd"), tokens: of("tokens"), calls: of("calls") };
  if (!hasKinds) return base;
  const kinds: Kinds = {
    inputTokens: of("input_tokens"),
    outputTokens: of("output_tokens"),
    cachedTokens: of("cached_tokens"),
    reasoningTokens: of("reasoning_tokens"),
    toolCalls: of("tool_calls"),
    unpricedCalls: of("unpriced_calls"),
    unpricedTokens: of("unpriced_tokens"),
  };
  return { ...base, kinds };
}

/** Applies `fn` to each measure of `a` and `b`. */
export function combine(a: Amounts, b: Amounts, fn: (a: bigint, b: bigint) => bigint): Amounts {
  const base = { nanoUsd: fn(a.nanoUsd, b.nanoUsd), tokens: fn(a.tokens, b.tokens), calls: fn(a.calls, b.calls) };
  if (a.kinds === undefined && b.kinds === undefined) return base;
  const [left, right] = [kindsOf(a), kindsOf(b)];
  const kinds: Kinds = {
    inputTokens: fn(left.inputTokens, right.inputTokens),
    outputTokens: fn(left.outputTokens, right.outputTokens),
    cachedTokens: fn(left.cachedTokens, right.cachedTokens),
    reasoningTokens: fn(left.reasoningTokens, right.reasoningTokens),
    toolCalls: fn(left.toolCalls, right.toolCalls),
    unpricedCalls: fn(left.unpricedCalls, right.unpricedCalls),
    unpricedTokens: fn(left.unpricedTokens, right.unpricedTokens),
  };
  return { ...base, kinds };
}

export function addAmounts(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (x, y) => x + y);
}

/** May go below 0 in a measure. */
export function subtractAmounts(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (x, y) => x - y);
}

export function maxAmounts(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (x, y) => (x > y ? x : y));
}

export function minAmounts(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (x, y) => (x < y ? x : y));
}

/** Whether `a` ≤ `b` in every measure. */
export function fitsWithin(a: Amounts, b: Amounts): boolean {
  if (a.nanoUsd > b.nanoUsd || a.tokens > b.tokens || a.calls > b.calls) return false;
  if (a.kinds === undefined && b.kinds === undefined) return true;
  const [left, right] = [kindsOf(a), kindsOf(b)];
  return KINDS.every((kind) => left[kind] <= right[kind]);
}

export function isNothing(a: Amounts): boolean {
  const { nanoUsd, tokens, calls, kinds } = a;
  if (nanoUsd !== 0n || tokens !== 0n || calls !== 0n) return false;
  return kinds === undefined || KINDS.every((kind) => kinds[kind] === 0n);
}

/** Whether every measure is an integer from 0 to Int64. */
export function isValidAmounts(a: Amounts): boolean {
  const { nanoUsd, tokens, calls, kinds } = a;
  if (!isValid(nanoUsd) || !isValid(tokens) || !isValid(calls)) return false;
  return kinds === undefined || KINDS.every((kind) => isValid(kinds[kind]));
}

function isValid(value: bigint): boolean {
  return value >= 0n && value <= AMOUNT_MAX;
}

const KINDS = Object.values(KIND_OF);
