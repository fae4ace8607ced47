import type { NanoUsd } from "../pricing/money.ts";
import { RatedModelPrice } from "../pricing/rates.ts";
import type { ModelPrice } from "../pricing/price-book.ts";

/** Nano-dollars per million tokens: dearer than nearly every model on sale, so that an estimate errs upwards. */
const INPUT = 30_000_000_000n as NanoUsd;
const OUTPUT = 180_000_000_000n as NanoUsd;

/** What a call of an unknown model is charged under budgets with `unknown_price: estimate`. */
export function estimatedPrice(provider: string, model: string): ModelPrice {
  return new RatedModelPrice({
    provider,
    model,
    version: "estimate",
    isEstimate: true,
    maxOutputTokens: undefined,
    contextTokens: undefined,
    perCall: 0n,
    rates: [
      {
        above: 0,
        input: INPUT,
        cacheRead: INPUT,
        cacheWrite: INPUT,
        cacheWrite1h: INPUT,
        output: OUTPUT,
        reasoning: OUTPUT,
      },
    ],
  });
}
