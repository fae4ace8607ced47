/** The worst case of a call as an amount of money, tokens and calls, and the output bound that fits into less. */
import { kindsOf } from "../lease/amounts.ts";
import type { Amounts } from "../lease/amounts.ts";
import type { Want } from "../lease/purse.ts";
import type { CallBound, ModelPrice, TokenUsage } from "../pricing/price-book.ts";
import type { RequestFacts } from "./endpoint.ts";

/** For a model of which nobody knows the limits. */
const CONTEXT_TOKENS_DEFAULT = 1_048_576;
const OUTPUT_TOKENS_DEFAULT = 32_768;
/** More than any call makes: what an app asks for beyond that is nothing that could be counted. */
const OUTPUT_TOKENS_MAX = 1e12;
/**
 * What a provider may have generated, and charge for, beyond what an abandoned stream showed: about two seconds of a
 * fast model. Together with one token for each byte seen it is far above what was observed; see decision 0006.
 */
export const ABANDONED_OUTPUT_TOKENS = 256;

/** What an answer without a count was seen to be. */
export interface SeenAnswer {
  readonly bytes: number;
  readonly isAbandoned: boolean;
  readonly input: number | undefined;
}

export class CallBounds {
  /** `undefined`: unpriced. */
  readonly price: ModelPrice | undefined;
  readonly inputTokens: number;
  /** For one answer, before any lowering. */
  readonly outputAsked: number;
  /** The request itself does not bound its output, and neither does what is known of the model. */
  readonly mustSetOutput: boolean;
  readonly #facts: RequestFacts;
  readonly #tellsKinds: boolean;

  /** `tellsKinds`: a budget counts a kind of tokens, so amounts tell them apart. */
  constructor(facts: RequestFacts, price: ModelPrice | undefined, { tellsKinds = false } = {}) {
    this.#tellsKinds = tellsKinds;
    this.#facts = facts;
    this.price = price;
    const context = price?.contextTokens ?? CONTEXT_TOKENS_DEFAULT;
    // The context size only stands in for what can't be counted. It never lowers a counted bound: a book may know 200,000
    // tokens of a model that takes a million for those who ask, and the reservation must hold all the same (I2).
    const counted = countedInput(facts);
    const isCounted = counted !== undefined && Number.isFinite(counted);
    this.inputTokens = (isCounted ? counted : Math.max(context, 1)) * (facts.readings ?? 1);
    const known = facts.outputBound ?? price?.maxOutputTokens;
    this.outputAsked = known ?? Math.min(OUTPUT_TOKENS_DEFAULT, context);
    this.mustSetOutput = known === undefined;
  }

  get tellsKinds(): boolean {
    return this.#tellsKinds;
  }

  want(call?: { readonly signal: AbortSignal | undefined }): Want {
    return new CallWant(this, call);
  }

  /** With the smallest answers that the API lets a request ask for. */
  get least(): Amounts {
    return this.amounts(Math.min(this.outputAsked, this.#facts.outputLeast));
  }

  /** The most that the call can cost with answers of up to `output` tokens. */
  amounts(output: number): Amounts {
    const outputTokens = this.#outputOfAll(output);
    const nanoUsd = this.price?.worstCase({ ...this.#inputBound(), outputTokens }) ?? 0n;
    const input = BigInt(this.inputTokens);
    const out = BigInt(outputTokens);
    if (!this.#tellsKinds) return { nanoUsd, tokens: input + out, calls: 1n };
    const kinds = {
      inputTokens: input,
      outputTokens: out,
      cachedTokens: input,
      reasoningTokens: out,
      toolCalls: 0n,
      ...unpriced(this.price, input + out),
    };
    return { nanoUsd, tokens: input + out, calls: 1n, kinds };
  }

  /** The largest bound of one answer, not above what was asked, with which the call fits; `undefined` when none does. */
  outputWithin(available: Amounts): number | undefined {
    if (available.calls < 1n) return undefined;
    const { choices, outputLeast } = this.#facts;
    const bound = this.#inputBound();
    const byMoney =
      this.price?.outputTokensWithin(
        positive(available.nanoUsd) as Parameters<ModelPrice["outputTokensWithin"]>[0],
        bound,
      ) ?? Number.MAX_SAFE_INTEGER;
    const input = BigInt(this.inputTokens);
    const byTokens = Number(available.tokens - input);
    const output = Math.min(
      this.outputAsked,
      Math.floor(Math.min(byMoney, byTokens, this.#byKinds(available)) / choices),
    );
    return output >= Math.min(outputLeast, this.outputAsked) && output > 0 ? output : undefined;
  }

  /** Output tokens that the kinds leave room for; below 0 when the input itself does not fit. */
  #byKinds(available: Amounts): number {
    if (!this.#tellsKinds) return Number.MAX_SAFE_INTEGER;
    const { inputTokens, outputTokens, cachedTokens, reasoningTokens, unpricedCalls, unpricedTokens } =
      kindsOf(available);
    const input = BigInt(this.inputTokens);
    if (inputTokens < input || cachedTokens < input) return -1;
    const byKind = Number(outputTokens < reasoningTokens ? outputTokens : reasoningTokens);
    if (this.price !== undefined) return byKind;
    return unpricedCalls < 1n ? -1 : Math.min(byKind, Number(unpricedTokens - input));
  }

  #outputOfAll(output: number): number {
    return Math.min(output * this.#facts.choices, OUTPUT_TOKENS_MAX);
  }

  #inputBound(): Required<Omit<CallBound, "outputTokens">> {
    const { cacheWrites, makesMedia, pieces = 1 } = this.#facts;
    const isCounted = countedInput(this.#facts) !== undefined;
    return { inputTokens: this.inputTokens, cacheWrites, media: !isCounted || makesMedia === true, pieces };
  }

  /**
   * The usage that an answer without a count is charged for: what it was seen to be, at one token a byte, within the
   * bounds. Where output is billed unseen, the bounds themselves.
   */
  estimate(seen: SeenAnswer, output: number): TokenUsage {
    const outputMax = this.#outputOfAll(output);
    const slack = seen.isAbandoned ? ABANDONED_OUTPUT_TOKENS * this.#facts.choices : 0;
    const input = Math.min(this.inputTokens, seen.input ?? this.inputTokens);
    const { cacheWrites, pieces } = this.#facts;
    const cacheWrite = cacheWrites ? input : 0;
    return {
      ...NO_USAGE,
      ...(pieces !== undefined && { pieces }),
      input,
      cacheWrite,
      cacheWrite1h: cacheWrite,
      output: this.#facts.hidesOutput ? outputMax : Math.min(outputMax, seen.bytes + slack),
    };
  }
}

/** Its signal and its least are worked out when somebody asks: nobody does while the money is in hand. */
class CallWant implements Want {
  readonly worst: Amounts;
  readonly #bounds: CallBounds;
  readonly #call: { readonly signal: AbortSignal | undefined } | undefined;

  constructor(bounds: CallBounds, call: { readonly signal: AbortSignal | undefined } | undefined) {
    this.worst = bounds.amounts(bounds.outputAsked);
    this.#bounds = bounds;
    this.#call = call;
  }

  get least(): Amounts {
    return this.#bounds.least;
  }

  get signal(): AbortSignal | undefined {
    return this.#call?.signal;
  }

  fitting(available: Amounts): Amounts | undefined {
    const output = this.#bounds.outputWithin(available);
    return output === undefined ? undefined : this.#bounds.amounts(output);
  }
}

export const NO_USAGE: TokenUsage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };

/** `tellsKinds`, and whether there is a price: as the bounds of the call did. */
export function usageAmounts(
  usage: TokenUsage,
  nanoUsd: bigint,
  { tellsKinds, price }: Pick<CallBounds, "tellsKinds" | "price">,
): Amounts {
  const inputTokens = BigInt(usage.input);
  const outputTokens = BigInt(usage.output);
  const base = { nanoUsd, tokens: inputTokens + outputTokens, calls: 1n };
  if (!tellsKinds) return base;
  const [cachedTokens, reasoningTokens] = [BigInt(usage.cacheRead), BigInt(usage.reasoning)];
  const kinds = { inputTokens, outputTokens, cachedTokens, reasoningTokens, toolCalls: 0n };
  return { ...base, kinds: { ...kinds, ...unpriced(price, base.tokens) } };
}

/** What counts as without a price, where nobody knows one. */
function unpriced(
  price: ModelPrice | undefined,
  tokens: bigint,
): { readonly unpricedCalls: bigint; readonly unpricedTokens: bigint } {
  return price === undefined
    ? { unpricedCalls: 1n, unpricedTokens: tokens }
    : { unpricedCalls: 0n, unpricedTokens: 0n };
}

/** All of the input, images too; `undefined` when the request does not tell. Images are the reading model's, which a fallback changes. */
function countedInput({ inputBound, imageTokens, model }: RequestFacts): number | undefined {
  if (inputBound === undefined || imageTokens === undefined) return inputBound;
  const images = imageTokens(model);
  return images === undefined ? undefined : inputBound + images;
}

function positive(value: bigint): bigint {
  return value < 0n ? 0n : value;
}
