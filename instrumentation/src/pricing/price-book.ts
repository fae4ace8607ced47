import type { NanoUsd } from "./money.ts";

/** Tokens of one call by kind. `input` includes cache reads and writes, `output` includes reasoning (GenAI conventions). Whole numbers. */
export interface TokenUsage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  /** All cache writes, whatever their life. */
  readonly cacheWrite: number;
  /** The part of `cacheWrite` that lives an hour (Anthropic), where it has a price of its own. */
  readonly cacheWrite1h: number;
  readonly reasoning: number;
  /** The parts of input, cache reads and output that are sound; absent: none. */
  readonly audio?: MediaTokens;
  /** The parts that are images; absent: none. */
  readonly image?: MediaTokens;
  /** The parts that are film; absent: none. */
  readonly video?: MediaTokens;
  /** Calls of tools that the provider runs and bills by the call; absent: none. */
  readonly hostedCalls?: HostedCalls;
  /** What is billed by the piece, where one call makes several (pictures): each costs what a call costs. Absent: one. */
  readonly pieces?: number;
}

/** Tokens of one medium, as parts of the call's tokens: `input` includes `cacheRead`. */
export interface MediaTokens {
  readonly input: number;
  readonly cacheRead: number;
  readonly output: number;
}

export interface HostedCalls {
  readonly webSearches: number;
  readonly fileSearches: number;
  /** Of tools whose fee is in no count and no book: code that runs in the provider's containers. Absent: none. */
  readonly others?: number;
}

/** What one model costs at one moment, with all prices as exact integers (nano-dollars per million tokens). */
export interface ModelPrice {
  readonly provider: string;
  readonly model: string;
  /** Which data said so: `genai-prices@0.1.8`, or `house:<document name>`. Goes on spans as tollgate.cost.price_version. */
  readonly version: string;
  readonly maxOutputTokens: number | undefined;
  readonly contextTokens: number | undefined;
  /** Nobody said for certain who served the model at which price: what it costs is an estimate, and never too little where two can be meant. */
  readonly isEstimate: boolean;
  /** Exact cost of a call, rounded half up to the nano-dollar once, at the end. */
  cost(usage: TokenUsage): NanoUsd;
  /** Whether the usage has parts that nobody knows the price of: then `cost` is less than the truth. */
  lacksPrice(usage: TokenUsage): boolean;
  /** The same price, not certain. */
  asEstimate(): ModelPrice;
  /** The same model at a documented share of its prices (a batch at half): all tokens, not the fees by the call. */
  atShareOf(divisor: bigint): ModelPrice;
  /** The same model where its tokens cost a tenth more, not certain. */
  withTenthMore(): ModelPrice;
  /** The most a call can cost: `cacheWrites` when the request may write to the cache. Rounded up. Never below `cost` of any usage within the bounds. */
  worstCase(bound: CallBound): NanoUsd;
  /** The largest output bound whose worst case fits into `amount`; below 1 when not even the input fits. */
  outputTokensWithin(amount: NanoUsd, bound: Omit<CallBound, "outputTokens">): number;
}

export interface CallBound {
  readonly inputTokens: number;
  /** Over all choices. */
  readonly outputTokens: number;
  readonly cacheWrites: boolean;
  /** The request may read or make sound or images, which can have dearer tokens. Default: text only. */
  readonly media?: boolean;
  /** See {@link TokenUsage}. Default: 1. */
  readonly pieces?: number;
}

export interface PriceQuery {
  /** `gen_ai.provider.name`, or an older spelling; "" when nobody said. */
  readonly provider: string;
  /** As the sender wrote it. */
  readonly model: string;
  /** What was asked for, where `model` is what answered: a house price of it holds for all versions of it. */
  readonly asked?: string | undefined;
  /** The host that was called, where it is known: SDKs of one provider are used with the APIs of others. */
  readonly host?: string | undefined;
  readonly at: Date;
}

export interface PriceBook {
  /** The price of `model` at `at`; `undefined` when nobody knows: such a call is unpriced, never free. */
  find(query: PriceQuery): ModelPrice | undefined;
}
