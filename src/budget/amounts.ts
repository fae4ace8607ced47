import type { Measure } from "./budget.ts";

/** Amounts of the three measures, added and compared together. Integers: nano-dollars, tokens, calls. */
export interface Amounts {
  readonly nanoUsd: bigint;
  readonly tokens: bigint;
  readonly calls: bigint;
}

export const NO_AMOUNTS: Amounts = { nanoUsd: 0n, tokens: 0n, calls: 0n };

/** The largest amount that the wire, the journal and ClickHouse hold. */
export const AMOUNT_MAX = 9_223_372_036_854_775_807n;

/** The part of the amounts that a budget of this measure counts. */
export function amountIn(measure: Measure, amounts: Amounts): bigint {
  switch (measure) {
    case "usd":
      return amounts.nanoUsd;
    case "tokens":
      return amounts.tokens;
    case "calls":
      return amounts.calls;
  }
}

/** Applies `fn` to each measure of `a` and `b`. */
export function combine(a: Amounts, b: Amounts, fn: (a: bigint, b: bigint) => bigint): Amounts {
  return { nanoUsd: fn(a.nanoUsd, b.nanoUsd), tokens: fn(a.tokens, b.tokens), calls: fn(a.calls, b.calls) };
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
  return a.nanoUsd <= b.nanoUsd && a.tokens <= b.tokens && a.calls <= b.calls;
}

export function isNothing(a: Amounts): boolean {
  return a.nanoUsd === 0n && a.tokens === 0n && a.calls === 0n;
}

/** Whether every measure is an integer from 0 to Int64. */
export function isValidAmounts(a: Amounts): boolean {
  return [a.nanoUsd, a.tokens, a.calls].every((value) => value >= 0n && value <= AMOUNT_MAX);
}
