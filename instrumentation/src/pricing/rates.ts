/**
 * What one model costs at one moment, and the arithmetic on it. All prices are integers (nano-dollars per million
 * tokens), sums are exact, and there is one division at the end: rounded half up for a cost, up for a worst case.
 *
 * Tiers follow the rule of the price book's library: the tier is chosen by all input tokens of the call (a tier holds
 * above its `start`), and then prices the whole call, not only what lies above the threshold.
 *
 * INVARIANT: worstCase(bound) ≥ cost(usage) for every usage whose parts fit their wholes, with input and output within
 * the bound, and without cache writes unless `cacheWrites`; and it never falls when a bound rises. I2 of the design rests on it.
 */
import { NANO_USD_MAX, NANO_USD_ZERO } from "./money.ts";
import type { NanoUsd } from "./money.ts";
import type { CallBound, ModelPrice, TokenUsage } from "./price-book.ts";

/** Prices from an input of more than `above` tokens on. Nano-dollars per million tokens. */
export interface Rates {
  readonly above: number;
  readonly input: bigint;
  readonly cacheRead: bigint;
  readonly cacheWrite: bigint;
  readonly cacheWrite1h: bigint;
  readonly output: bigint;
  readonly reasoning: bigint;
}

export interface PriceFacts {
  readonly provider: string;
  readonly model: string;
  readonly version: string;
  readonly maxOutputTokens: number | undefined;
  readonly contextTokens: number | undefined;
  /** At least one, by rising `above`, the first with `above` 0. */
  readonly rates: readonly [Rates, ...Rates[]];
  /** Nano-dollars for each call, whatever its tokens. */
  readonly perCall: bigint;
}

/** Token counts that are no counts: negative, fractional, NaN, infinite. */
export class InvalidUsage extends RangeError {
  override readonly name = "InvalidUsage";
  readonly code = "invalid_usage";
}

const MILLION = 1_000_000n;

/** A stretch of input sizes with one set of prices, and the dearest of them. */
interface Step {
  readonly above: number;
  readonly upTo: number;
  readonly rates: Rates;
  readonly inputMax: bigint;
  readonly inputMaxWithWrites: bigint;
  readonly outputMax: bigint;
}

/** A `ModelPrice` over exact integer rates. */
export class RatedModelPrice implements ModelPrice {
  readonly provider: string;
  readonly model: string;
  readonly version: string;
  readonly maxOutputTokens: number | undefined;
  readonly contextTokens: number | undefined;
  readonly #steps: readonly Step[];
  readonly #perCall: bigint;

  constructor(facts: PriceFacts) {
    this.provider = facts.provider;
    this.model = facts.model;
    this.version = facts.version;
    this.maxOutputTokens = facts.maxOutputTokens;
    this.contextTokens = facts.contextTokens;
    this.#steps = facts.rates.map((rates, index) => stepOf(rates, facts.rates[index + 1]?.above));
    this.#perCall = facts.perCall * MILLION;
  }

  /**
   * Throws `InvalidUsage` for what is no count. Parts are subsets of their wholes; a part that is larger than its whole
   * shows a sender that reports the two apart, so the whole is taken as both together: never too little.
   */
  cost(usage: TokenUsage): NanoUsd {
    const cacheRead = count("cacheRead", usage.cacheRead);
    const cacheWrite1h = count("cacheWrite1h", usage.cacheWrite1h);
    const cacheWrite = Math.max(count("cacheWrite", usage.cacheWrite), cacheWrite1h);
    const reasoning = count("reasoning", usage.reasoning);
    const input = wholeOf(count("input", usage.input), cacheRead + cacheWrite);
    const output = wholeOf(count("output", usage.output), reasoning);
    const rates = this.#ratesAt(input);
    const total =
      this.#perCall +
      BigInt(input - cacheRead - cacheWrite) * rates.input +
      BigInt(cacheRead) * rates.cacheRead +
      BigInt(cacheWrite - cacheWrite1h) * rates.cacheWrite +
      BigInt(cacheWrite1h) * rates.cacheWrite1h +
      BigInt(output - reasoning) * rates.output +
      BigInt(reasoning) * rates.reasoning;
    return saturate((total + MILLION / 2n) / MILLION);
  }

  worstCase(bound: CallBound): NanoUsd {
    const inputTokens = count("inputTokens", bound.inputTokens);
    const outputTokens = BigInt(count("outputTokens", bound.outputTokens));
    let worst = 0n;
    for (const step of this.#steps) {
      if (!reaches(step, inputTokens)) break;
      const total = inputWorst(step, inputTokens, bound.cacheWrites) + outputTokens * step.outputMax;
      if (total > worst) worst = total;
    }
    return saturate((this.#perCall + worst + MILLION - 1n) / MILLION);
  }

  /** 0 when the input and one token do not fit. At most `Number.MAX_SAFE_INTEGER`, for free output. */
  outputTokensWithin(amount: NanoUsd, bound: Omit<CallBound, "outputTokens">): number {
    const inputTokens = count("inputTokens", bound.inputTokens);
    const available = amount * MILLION - this.#perCall;
    let least = BigInt(Number.MAX_SAFE_INTEGER);
    for (const step of this.#steps) {
      if (!reaches(step, inputTokens)) break;
      const left = available - inputWorst(step, inputTokens, bound.cacheWrites);
      if (left < 0n) return 0;
      const tokens = step.outputMax === 0n ? least : left / step.outputMax;
      if (tokens < least) least = tokens;
    }
    return Number(least);
  }

  #ratesAt(inputTokens: number): Rates {
    const step = this.#steps.findLast((candidate) => inputTokens > candidate.above) ?? this.#steps[0];
    if (step === undefined) throw new Error("a price without rates");
    return step.rates;
  }
}

function stepOf(rates: Rates, nextAbove: number | undefined): Step {
  const inputMax = larger(rates.input, rates.cacheRead);
  return {
    above: rates.above,
    upTo: nextAbove ?? Number.MAX_SAFE_INTEGER,
    rates,
    inputMax,
    inputMaxWithWrites: larger(inputMax, larger(rates.cacheWrite, rates.cacheWrite1h)),
    outputMax: larger(rates.output, rates.reasoning),
  };
}

/** Whether a call with at most `inputTokens` can fall into this step. The first holds for an empty input too. */
function reaches(step: Step, inputTokens: number): boolean {
  return step.above === 0 || inputTokens > step.above;
}

function inputWorst(step: Step, inputTokens: number, cacheWrites: boolean): bigint {
  return BigInt(Math.min(inputTokens, step.upTo)) * (cacheWrites ? step.inputMaxWithWrites : step.inputMax);
}

function wholeOf(whole: number, part: number): number {
  return part > whole ? whole + part : whole;
}

function count(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidUsage(`\`${name}\` is no count of tokens: ${value}`);
  return value;
}

function larger(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}

function saturate(amount: bigint): NanoUsd {
  if (amount <= 0n) return NANO_USD_ZERO;
  return amount > NANO_USD_MAX ? NANO_USD_MAX : (amount as NanoUsd);
}
