/** What a reservation asks for and what a commit reports, in the ledger's measures. Pure but for the price book. */
import type { ModelPrice, PriceBook } from "@tollgate/instrumentation/pricing";
import { type Amounts, fitsWithin, kindsOf } from "../budget/amounts.ts";
import { ApiProblem } from "./problem.ts";
import type { CommitRequest, CreateRequest } from "./reservation-schemas.ts";

export interface Wanted {
  /** Less than this is a refusal. */
  readonly need: Amounts;
  readonly target: Amounts;
  /** `undefined`: the amount was given in USD, or there is no model. */
  readonly price: ModelPrice | undefined;
}

export interface Pricing {
  readonly prices: PriceBook;
  /** The prices of which moment. */
  readonly at: Date;
  /** Whether any budget counts kinds of tokens: what nobody counts is not told. */
  readonly tellsKinds: boolean;
}

/** Throws `price_unknown`. */
export function wantedBy(body: CreateRequest, { prices, at, tellsKinds }: Pricing): Wanted {
  const { tokens, estimate_usd: estimate } = body;
  if (estimate !== undefined || tokens === undefined) {
    const amount = amounts(estimate ?? 0n, (tokens?.input ?? 0) + (tokens?.output ?? 0));
    return { need: amount, target: amount, price: undefined };
  }
  const price = priceOf(prices, body, at);
  const bounded = (output: number): Amounts => {
    const bound = { inputTokens: tokens.input, outputTokens: output, cacheWrites: tokens.cache_writes };
    // All of the input may come from a cache, and all of the output may be reasoning.
    const cost = price.worstCase(bound);
    if (!tellsKinds) return amounts(cost, tokens.input + output);
    return toldAmounts(cost, { ...tokens, output, cached: tokens.input, reasoning: output });
  };
  return { need: bounded(tokens.min_output ?? tokens.output), target: bounded(tokens.output), price };
}

/** The output bound that goes with a smaller grant; `undefined` when all was granted. */
export function outputCap(body: CreateRequest, { target, price }: Wanted, granted: Amounts): number | undefined {
  const { tokens } = body;
  if (tokens === undefined || price === undefined) return undefined;
  if (fitsWithin(target, granted)) return undefined;
  const bound = { inputTokens: tokens.input, cacheWrites: tokens.cache_writes };
  const byMoney = price.outputTokensWithin(granted.nanoUsd as Parameters<ModelPrice["outputTokensWithin"]>[0], bound);
  const { outputTokens, reasoningTokens } = kindsOf(granted);
  const byKind = Number(outputTokens < reasoningTokens ? outputTokens : reasoningTokens);
  return Math.min(tokens.output, byMoney, Number(granted.tokens) - tokens.input, byKind);
}

/** What a commit reports. `reservedTokens` stand in for tokens that it does not tell. Throws `price_unknown`. */
export function reportedBy(
  { actual_usd: actual, usage, tokens }: CommitRequest,
  { prices, at, tellsKinds, reservedTokens }: Pricing & { readonly reservedTokens: bigint },
): { readonly amounts: Amounts; readonly priceVersion: string | undefined } {
  if (usage === undefined) {
    const told = tokens === undefined ? reservedTokens : BigInt(tokens);
    return { amounts: { nanoUsd: actual ?? 0n, tokens: told, calls: 1n }, priceVersion: undefined };
  }
  const price = priceOf(prices, usage, at);
  const cost = price.cost({
    input: usage.input_tokens,
    output: usage.output_tokens,
    cacheRead: usage.cache_read_tokens,
    cacheWrite: usage.cache_write_tokens,
    cacheWrite1h: usage.cache_write_1h_tokens,
    reasoning: usage.reasoning_tokens,
  });
  if (!tellsKinds) {
    return { amounts: amounts(cost, usage.input_tokens + usage.output_tokens), priceVersion: price.version };
  }
  const told = {
    input: usage.input_tokens,
    output: usage.output_tokens,
    cached: usage.cache_read_tokens,
    reasoning: usage.reasoning_tokens,
  };
  return { amounts: toldAmounts(cost, told), priceVersion: price.version };
}

function priceOf(
  prices: PriceBook,
  { provider = "", model = "" }: { readonly provider?: string | undefined; readonly model?: string | undefined },
  at: Date,
): ModelPrice {
  const price = prices.find({ provider, model, at });
  if (price !== undefined) return price;
  const of = provider === "" ? "" : ` of \`${provider}\``;
  throw new ApiProblem("price_unknown", `no price is known for \`${model}\`${of}: say the amount in USD`);
}

function amounts(nanoUsd: bigint, tokens: number): Amounts {
  return { nanoUsd, tokens: BigInt(tokens), calls: 1n };
}

interface Told {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly reasoning: number;
}

function toldAmounts(nanoUsd: bigint, { input, output, cached, reasoning }: Told): Amounts {
  const kinds = {
    inputTokens: BigInt(input),
    outputTokens: BigInt(output),
    cachedTokens: BigInt(cached),
    reasoningTokens: BigInt(reasoning),
    toolCalls: 0n,
    // What has no price is refused, or priced by who asks.
    unpricedCalls: 0n,
    unpricedTokens: 0n,
  };
  return { ...amounts(nanoUsd, input + output), kinds };
}
