import { NANO_USD_ZERO } from "./money.ts";
import type { NanoUsd } from "./money.ts";
import type { CallBound, ModelPrice, TokenUsage } from "./price-book.ts";

/** The price of a call of which nobody can tell which of several prices it has: never less than any of them. */
export class DearestPrice implements ModelPrice {
  readonly provider: string;
  readonly model: string;
  readonly version: string;
  readonly maxOutputTokens: number | undefined;
  readonly contextTokens: number | undefined;
  readonly isEstimate = true;
  readonly #prices: readonly [ModelPrice, ...ModelPrice[]];

  constructor(prices: readonly [ModelPrice, ...ModelPrice[]]) {
    this.#prices = prices;
    const [first] = prices;
    this.provider = first.provider;
    this.model = first.model;
    this.version = first.version;
    this.maxOutputTokens = largest(prices.map((price) => price.maxOutputTokens));
    this.contextTokens = largest(prices.map((price) => price.contextTokens));
  }

  cost(usage: TokenUsage): NanoUsd {
    return dearest(this.#prices.map((price) => price.cost(usage)));
  }

  lacksPrice(usage: TokenUsage): boolean {
    return this.#prices.some((price) => price.lacksPrice(usage));
  }

  asEstimate(): ModelPrice {
    return this;
  }

  atShareOf(divisor: bigint): ModelPrice {
    const [first, ...rest] = this.#prices;
    return new DearestPrice([first.atShareOf(divisor), ...rest.map((price) => price.atShareOf(divisor))]);
  }

  withTenthMore(): ModelPrice {
    const [first, ...rest] = this.#prices;
    return new DearestPrice([first.withTenthMore(), ...rest.map((price) => price.withTenthMore())]);
  }

  worstCase(bound: CallBound): NanoUsd {
    return dearest(this.#prices.map((price) => price.worstCase(bound)));
  }

  outputTokensWithin(amount: NanoUsd, bound: Omit<CallBound, "outputTokens">): number {
    return Math.min(...this.#prices.map((price) => price.outputTokensWithin(amount, bound)));
  }
}

function dearest(amounts: readonly NanoUsd[]): NanoUsd {
  return amounts.reduce((most, amount) => (amount > most ? amount : most), NANO_USD_ZERO);
}

function largest(counts: readonly (number | undefined)[]): number | undefined {
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
