import {
  covers,
  kindsOf,
  NO_AMOUNTS,
  type Amounts,
  type Kinds,
  type Measure,
} from "@tollgate/instrumentation/protocol";

export {
  add as addAmounts,
  kindsOf,
  largest as maxAmounts,
  NO_AMOUNTS,
  smallest as minAmounts,
  subtract as subtractAmounts,
  type Amounts,
  type Kinds,
} from "@tollgate/instrumentation/protocol";

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

/** A sum in the making, for many amounts: what `addAmounts` would come to, without one more of them for each. */
export class AmountsSum {
  readonly #base = { nanoUsd: 0n, tokens: 0n, calls: 0n };
  readonly #kinds: { -readonly [K in keyof Kinds]: Kinds[K] } = { ...kindsOf(NO_AMOUNTS) };
  /** Those without kinds are taken at the most they can be, which is so for their sum as well. */
  #hasKinds = false;

  add(amounts: Amounts): void {
    const base = this.#base;
    const sums = this.#kinds;
    const kinds = kindsOf(amounts);
    this.#hasKinds ||= amounts.kinds !== undefined;
    base.nanoUsd += amounts.nanoUsd;
    base.tokens += amounts.tokens;
    base.calls += amounts.calls;
    // Each by its name, and only what is there: most amounts are of a few kinds.
    if (kinds.inputTokens !== 0n) sums.inputTokens += kinds.inputTokens;
    if (kinds.outputTokens !== 0n) sums.outputTokens += kinds.outputTokens;
    if (kinds.cachedTokens !== 0n) sums.cachedTokens += kinds.cachedTokens;
    if (kinds.reasoningTokens !== 0n) sums.reasoningTokens += kinds.reasoningTokens;
    if (kinds.toolCalls !== 0n) sums.toolCalls += kinds.toolCalls;
    if (kinds.unpricedCalls !== 0n) sums.unpricedCalls += kinds.unpricedCalls;
    if (kinds.unpricedTokens !== 0n) sums.unpricedTokens += kinds.unpricedTokens;
  }

  amounts(): Amounts {
    return this.#hasKinds ? { ...this.#base, kinds: { ...this.#kinds } } : { ...this.#base };
  }
}

/** Whether `a` ≤ `b` in every measure. */
export function fitsWithin(a: Amounts, b: Amounts): boolean {
  return covers(b, a);
}

export function isNothing(a: Amounts): boolean {
  const { nanoUsd, tokens, calls, kinds } = a;
  if (nanoUsd !== 0n || tokens !== 0n || calls !== 0n) return false;
  if (kinds === undefined) return true;
  for (const kind of KINDS) if (kinds[kind] !== 0n) return false;
  return true;
}

/** Whether every measure is an integer from 0 to Int64. */
export function isValidAmounts(a: Amounts): boolean {
  const { nanoUsd, tokens, calls, kinds } = a;
  if (!isValid(nanoUsd) || !isValid(tokens) || !isValid(calls)) return false;
  if (kinds === undefined) return true;
  for (const kind of KINDS) if (!isValid(kinds[kind])) return false;
  return true;
}

function isValid(value: bigint): boolean {
  return value >= 0n && value <= AMOUNT_MAX;
}

const KINDS = Object.values(KIND_OF);
