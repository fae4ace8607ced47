/**
 * What one model costs at one moment, and the arithmetic on it. All prices are integers (nano-dollars per million
 * tokens), sums are exact, and there is one division at the end: rounded half up for a cost, up for a worst case.
 *
 * Tiers follow the rule of the price book's library: the tier is chosen by all input tokens of the call (a tier holds
 * above its `start`), and then prices the whole call, not only what lies above the threshold.
 *
 * INVARIANT: worstCase(bound) ≥ cost(usage) for every usage whose parts fit their wholes, with input and output within
 * the bound, no more pieces, without cache writes unless `cacheWrites` and without sound, images and hosted tools unless `media` (fees by
 * the call of hosted tools have no bound and are in none); and it never falls when a bound rises. I2 of the design rests on it.
 */
import { NANO_USD_MAX, NANO_USD_ZERO } from "./money.ts";
import type { NanoUsd } from "./money.ts";
import type { CallBound, HostedCalls, MediaTokens, ModelPrice, TokenUsage } from "./price-book.ts";

/** Prices from an input of more than `above` tokens on. Nano-dollars per million tokens. */
export interface Rates {
  readonly above: number;
  readonly input: bigint;
  readonly cacheRead: bigint;
  readonly cacheWrite: bigint;
  readonly cacheWrite1h: bigint;
  readonly output: bigint;
  readonly reasoning: bigint;
  /** Absent: sound costs what text does. */
  readonly audio?: MediaRates;
  /** Absent: images cost what text does. */
  readonly image?: MediaRates;
  /** Absent: film costs what text does. */
  readonly video?: MediaRates;
}

export interface MediaRates {
  readonly input: bigint;
  readonly cacheRead: bigint;
  readonly output: bigint;
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
  /** Nano-dollars for each search of the web; `undefined`: nobody knows. */
  readonly perWebSearch?: bigint | undefined;
  /** Nano-dollars for each search of the provider's file store. */
  readonly perFileSearch?: bigint | undefined;
  /** Nobody says what sound costs; what `rates` have for it is a guess. Default: false. */
  readonly isSoundGuessed?: boolean;
  /** See `ModelPrice`. Default: false. */
  readonly isEstimate?: boolean;
  /** The prices of tokens are divided by this. Default: 1. */
  readonly divisor?: bigint;
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
  /** How much dearer the dearest medium is than the dearest text. */
  readonly mediaInputMax: bigint;
  readonly mediaOutputMax: bigint;
}

/** A `ModelPrice` over exact integer rates. */
export class RatedModelPrice implements ModelPrice {
  readonly provider: string;
  readonly model: string;
  readonly version: string;
  readonly maxOutputTokens: number | undefined;
  readonly contextTokens: number | undefined;
  readonly isEstimate: boolean;
  readonly #facts: PriceFacts;
  readonly #steps: readonly Step[];
  /** What is divided by it is nano-dollars: prices are by the million tokens. */
  readonly #unit: bigint;
  readonly #halfUnit: bigint;
  readonly #perCall: bigint;
  #estimate: RatedModelPrice | undefined;
  #tenthMore: RatedModelPrice | undefined;

  constructor(facts: PriceFacts) {
    this.#facts = facts;
    this.provider = facts.provider;
    this.model = facts.model;
    this.version = facts.version;
    this.maxOutputTokens = facts.maxOutputTokens;
    this.contextTokens = facts.contextTokens;
    this.isEstimate = facts.isEstimate ?? false;
    this.#steps = facts.rates.map((rates, index) => stepOf(rates, facts.rates[index + 1]?.above));
    this.#unit = MILLION * (facts.divisor ?? 1n);
    this.#halfUnit = this.#unit / 2n;
    this.#perCall = facts.perCall * this.#unit;
  }

  /**
   * Throws `InvalidUsage` for what is no count. Parts are subsets of their wholes; a part that is larger than its whole
   * shows a sender that reports the two apart, so the whole is taken as both together: never too little.
   */
  cost(usage: TokenUsage): NanoUsd {
    const cacheWrite1h = count("cacheWrite1h", usage.cacheWrite1h);
    const cacheWrite = Math.max(count("cacheWrite", usage.cacheWrite), cacheWrite1h);
    const reasoning = count("reasoning", usage.reasoning);
    const audio = mediaParts("audio", usage.audio);
    const image = mediaParts("image", usage.image);
    const video = mediaParts("video", usage.video);
    const mediaRead = audio.cacheRead + image.cacheRead + video.cacheRead;
    const mediaFresh = audio.fresh + image.fresh + video.fresh;
    const mediaMade = audio.output + image.output + video.output;
    const cacheRead = wholeOf(count("cacheRead", usage.cacheRead), mediaRead);
    const input = wholeOf(count("input", usage.input), cacheRead + cacheWrite + mediaFresh);
    const output = wholeOf(count("output", usage.output), reasoning + mediaMade);
    const rates = this.#ratesAt(input);
    let total = this.#fees(usage.pieces);
    if (usage.hostedCalls !== undefined) total += this.#hostedFees(usage.hostedCalls);
    total = plus(total, input - cacheRead - cacheWrite - mediaFresh, rates.input);
    total = plus(total, cacheRead - mediaRead, rates.cacheRead);
    total = plus(total, cacheWrite - cacheWrite1h, rates.cacheWrite);
    total = plus(total, cacheWrite1h, rates.cacheWrite1h);
    total = plus(total, output - reasoning - mediaMade, rates.output);
    total = plus(total, reasoning, rates.reasoning);
    total = plusMedia(total, audio, rates.audio ?? rates);
    total = plusMedia(total, image, rates.image ?? rates);
    total = plusMedia(total, video, rates.video ?? rates);
    return saturate((total + this.#halfUnit) / this.#unit);
  }

  lacksPrice({ audio, hostedCalls }: TokenUsage): boolean {
    const { isSoundGuessed, perWebSearch, perFileSearch } = this.#facts;
    if (isSoundGuessed === true && isSome(audio)) return true;
    if (hostedCalls === undefined) return false;
    return (
      (hostedCalls.others ?? 0) > 0 ||
      (hostedCalls.webSearches > 0 && perWebSearch === undefined) ||
      (hostedCalls.fileSearches > 0 && perFileSearch === undefined)
    );
  }

  atShareOf(divisor: bigint): ModelPrice {
    return new RatedModelPrice({ ...this.#facts, divisor: (this.#facts.divisor ?? 1n) * divisor });
  }

  asEstimate(): ModelPrice {
    if (this.isEstimate) return this;
    return (this.#estimate ??= new RatedModelPrice({ ...this.#facts, isEstimate: true }));
  }

  withTenthMore(): ModelPrice {
    const [first, ...rest] = this.#facts.rates;
    return (this.#tenthMore ??= new RatedModelPrice({
      ...this.#facts,
      rates: [elevenTimes(first), ...rest.map(elevenTimes)],
      divisor: (this.#facts.divisor ?? 1n) * 10n,
      isEstimate: true,
    }));
  }

  worstCase(bound: CallBound): NanoUsd {
    const inputTokens = count("inputTokens", bound.inputTokens);
    const outputTokens = BigInt(count("outputTokens", bound.outputTokens));
    let worst = 0n;
    for (const step of this.#steps) {
      if (!reaches(step, inputTokens)) break;
      const total = inputWorst(step, bound) + outputTokens * outputRate(step, bound);
      if (total > worst) worst = total;
    }
    return saturate((this.#fees(bound.pieces) + worst + this.#unit - 1n) / this.#unit);
  }

  /** 0 when the input and one token do not fit. At most `Number.MAX_SAFE_INTEGER`, for free output. */
  outputTokensWithin(amount: NanoUsd, bound: Omit<CallBound, "outputTokens">): number {
    const inputTokens = count("inputTokens", bound.inputTokens);
    const available = amount * this.#unit - this.#fees(bound.pieces);
    let least = BigInt(Number.MAX_SAFE_INTEGER);
    for (const step of this.#steps) {
      if (!reaches(step, inputTokens)) break;
      const left = available - inputWorst(step, bound);
      if (left < 0n) return 0;
      const rate = outputRate(step, bound);
      const tokens = rate === 0n ? least : left / rate;
      if (tokens < least) least = tokens;
    }
    return Number(least);
  }

  /** An answer without a piece is a call all the same. */
  #fees(pieces = 1): bigint {
    return pieces === 1 ? this.#perCall : this.#perCall * BigInt(Math.max(1, count("pieces", pieces)));
  }

  #hostedFees(hostedCalls: HostedCalls): bigint {
    const { perWebSearch = 0n, perFileSearch = 0n } = this.#facts;
    const webSearches = BigInt(count("webSearches", hostedCalls.webSearches));
    const fileSearches = BigInt(count("fileSearches", hostedCalls.fileSearches));
    return (webSearches * perWebSearch + fileSearches * perFileSearch) * this.#unit;
  }

  #ratesAt(inputTokens: number): Rates {
    // Most prices have one step; every call asks.
    let at = this.#steps.length - 1;
    while (at > 0 && inputTokens <= (this.#steps[at]?.above ?? 0)) at -= 1;
    const step = this.#steps[at];
    if (step === undefined) throw new Error("a price without rates");
    return step.rates;
  }
}

/** Of each of which a tenth is taken. */
function elevenTimes(rates: Rates): Rates {
  const { above, audio, image, video, ...tokens } = rates;
  return {
    above,
    ...eachElevenTimes(tokens),
    ...(audio === undefined ? {} : { audio: eachElevenTimes(audio) }),
    ...(image === undefined ? {} : { image: eachElevenTimes(image) }),
    ...(video === undefined ? {} : { video: eachElevenTimes(video) }),
  };
}

function eachElevenTimes<Prices extends Readonly<Record<keyof Prices, bigint>>>(prices: Prices): Prices {
  const dearer = Object.entries<bigint>(prices).map(([kind, rate]) => [kind, rate * 11n]);
  return Object.fromEntries(dearer) as Prices;
}

function stepOf(rates: Rates, nextAbove: number | undefined): Step {
  const inputMax = larger(rates.input, rates.cacheRead);
  const outputMax = larger(rates.output, rates.reasoning);
  const media = [rates.audio, rates.image, rates.video].filter((medium) => medium !== undefined);
  return {
    above: rates.above,
    upTo: nextAbove ?? Number.MAX_SAFE_INTEGER,
    rates,
    inputMax,
    inputMaxWithWrites: larger(inputMax, larger(rates.cacheWrite, rates.cacheWrite1h)),
    outputMax,
    mediaInputMax: media.map(({ input, cacheRead }) => larger(input, cacheRead)).reduce(larger, inputMax),
    mediaOutputMax: media.map(({ output }) => output).reduce(larger, outputMax),
  };
}

/** Whether a call with at most `inputTokens` can fall into this step. The first holds for an empty input too. */
function reaches(step: Step, inputTokens: number): boolean {
  return step.above === 0 || inputTokens > step.above;
}

function inputWorst(step: Step, bound: Omit<CallBound, "outputTokens">): bigint {
  const text = bound.cacheWrites ? step.inputMaxWithWrites : step.inputMax;
  const rate = bound.media === true ? larger(text, step.mediaInputMax) : text;
  return BigInt(Math.min(bound.inputTokens, step.upTo)) * rate;
}

function outputRate(step: Step, bound: Omit<CallBound, "outputTokens">): bigint {
  return bound.media === true ? step.mediaOutputMax : step.outputMax;
}

/** Tokens of one medium, with the input apart that did not come from a cache. */
interface MediaParts {
  readonly fresh: number;
  readonly cacheRead: number;
  readonly output: number;
}

function isSome(tokens: MediaTokens | undefined): boolean {
  return tokens !== undefined && (tokens.input > 0 || tokens.cacheRead > 0 || tokens.output > 0);
}

const NO_MEDIA: MediaParts = { fresh: 0, cacheRead: 0, output: 0 };

function mediaParts(name: string, tokens: MediaTokens | undefined): MediaParts {
  if (tokens === undefined) return NO_MEDIA;
  const cacheRead = count(`${name}.cacheRead`, tokens.cacheRead);
  const input = wholeOf(count(`${name}.input`, tokens.input), cacheRead);
  return { fresh: input - cacheRead, cacheRead, output: count(`${name}.output`, tokens.output) };
}

function plusMedia(sum: bigint, parts: MediaParts, rates: MediaRates): bigint {
  if (parts === NO_MEDIA) return sum;
  return plus(plus(plus(sum, parts.fresh, rates.input), parts.cacheRead, rates.cacheRead), parts.output, rates.output);
}

/** Of most kinds of tokens a call has none: nothing is added then. */
function plus(sum: bigint, tokens: number, rate: bigint): bigint {
  return tokens === 0 ? sum : sum + BigInt(tokens) * rate;
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
