/**
 * The kept price book: @pydantic/genai-prices, read offline. Only its data is used, never its arithmetic, which is in
 * floats: each price is read by its decimal text into integers. Its rules are followed exactly, and a test compares the
 * results: which model a name means, which dated price holds, how tiers work, and that tokens without a price of their
 * own cost what the next wider kind costs (cache reads without a price cost the input price), but for what a Claude's cache keeps for an hour.
 * Sound, images, film and searches have prices of their own in the same data; pages and hours are not used.
 */
import type * as GenaiPrices from "@pydantic/genai-prices";
import type { ConditionalPrice, ModelInfo, ModelPrice as BookPrices, TieredPrices } from "@pydantic/genai-prices";
import { loadPackage } from "../own-package.ts";
import { nanoFromDecimal } from "./decimal.ts";
import { documentedMaxOutputTokens } from "./max-output-tokens.ts";
import type { ModelPrice } from "./price-book.ts";
import { bookProviderId } from "./provider-id.ts";
import { RatedModelPrice } from "./rates.ts";
import type { MediaRates, Rates } from "./rates.ts";
import { soundPriceOf } from "./sound-prices.ts";

/** The version of the data. A test holds it equal to the dependency. */
export const GENAI_PRICES_VERSION = "genai-prices@0.1.8";

/** All prices of one model over time. `undefined` entries: the book knows the model, but not what it costs. */
export interface BookModel {
  readonly priceAt: (at: Date) => ModelPrice | undefined;
}

/** Looks a model up in the kept book. `provider` "" looks it up by the model's name alone. */
export function findBookModel(provider: string, model: string): BookModel | undefined {
  const providerId = bookProviderId(provider);
  const info = lookUp(providerId, model);
  if (info === undefined) return undefined;
  const { prices } = info.model;
  if (!Array.isArray(prices)) {
    const price = toModelPrice(info, model, prices);
    return { priceAt: () => price };
  }
  const dated = prices.map((entry) => toModelPrice(info, model, entry.prices));
  return { priceAt: (at) => dated[conditionAt(prices, at)] };
}

/** The book's id of the provider whose API is at a host; `undefined`: none that it knows. */
export function findBookProvider(host: string): string | undefined {
  try {
    return library().findProvider({ providerApiUrl: `https://${host}/` })?.id;
  } catch {
    return undefined;
  }
}

let loaded: typeof GenaiPrices | undefined;

/** 800 kB of prices, loaded with the first look-up: registration has to be quick. */
function library(): typeof GenaiPrices {
  loaded ??= loadPackage("@pydantic/genai-prices") as typeof GenaiPrices;
  return loaded;
}

interface BookEntry {
  readonly providerId: string;
  readonly model: ModelInfo;
}

function lookUp(providerId: string, model: string): BookEntry | undefined {
  try {
    const found = library().calcPrice({}, model, providerId === "" ? {} : { providerId });
    // The library also takes a provider whose name only contains one that it knows: that would be a guess.
    if (found === null || (providerId !== "" && found.provider.id !== providerId)) return undefined;
    return { providerId: found.provider.id, model: found.model };
  } catch {
    // It throws for price data that it can't make sense of. Such a model has no price.
    return undefined;
  }
}

/** The index of the prices that hold at a moment: the last one whose condition is met, else the first. */
function conditionAt(prices: readonly ConditionalPrice[], at: Date): number {
  const index = prices.findLastIndex(({ constraint }) => {
    if (constraint === undefined) return true;
    if (constraint.type === "start_date") return at.getTime() >= Date.parse(constraint.start_date);
    return isWithin(at, constraint.start_time, constraint.end_time);
  });
  return Math.max(index, 0);
}

const DAY_MS = 86_400_000;

/** Whether a time of day lies in a span that may pass midnight. */
function isWithin(at: Date, start: string, end: string): boolean {
  const now = at.getTime() % DAY_MS;
  const from = timeOfDayMs(start);
  const to = timeOfDayMs(end);
  return to < from ? now >= from || now < to : now >= from && now < to;
}

function timeOfDayMs(time: string): number {
  return ((Date.parse(`1970-01-01T${time}`) % DAY_MS) + DAY_MS) % DAY_MS;
}

function toModelPrice(entry: BookEntry, model: string, prices: BookPrices): ModelPrice | undefined {
  const rates = toRates(entry.model.id, prices, model);
  const perCall = eachOfThousand(prices["requests_kcount"] ?? 0);
  if (rates === undefined || perCall === undefined) return undefined;
  return new RatedModelPrice({
    provider: entry.providerId,
    model,
    version: GENAI_PRICES_VERSION,
    maxOutputTokens:
      documentedMaxOutputTokens(model) ?? documentedMaxOutputTokens(entry.model.id) ?? entry.model.context_window,
    contextTokens: entry.model.context_window,
    rates,
    perCall,
    perWebSearch: eachOfThousand(prices["web_searches_kcount"]),
    perFileSearch: eachOfThousand(prices["storage_searches_kcount"]),
    isSoundGuessed: entry.providerId !== SAYS_WHERE_SOUND_DIFFERS && !hasOwnPrices("audio", prices),
  });
}

/** The price of one call from that of a thousand, rounded up. */
function eachOfThousand(price: number | TieredPrices | undefined): bigint | undefined {
  const perThousand = priceAbove(price, 0);
  return perThousand === undefined ? undefined : (perThousand + 999n) / 1000n;
}

/** `undefined` when input or output has no price: a price that is not said is never zero. */
function toRates(modelId: string, prices: BookPrices, named: string): [Rates, ...Rates[]] | undefined {
  const starts = new Set([0]);
  for (const price of Object.values(prices)) {
    if (typeof price === "object") for (const tier of price.tiers) starts.add(tier.start);
  }
  const [first, ...rest] = [...starts]
    .sort((left, right) => left - right)
    .map((above) => ratesAbove(modelId, prices, above))
    .map((rates) => withSound(rates, named));
  if (first === undefined || rest.includes(undefined)) return undefined;
  return [first, ...rest.filter((rates) => rates !== undefined)];
}

/**
 * What a cache keeps for an hour costs twice the input, wherever a Claude is served; the book says so only of Anthropic itself.
 * https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing, https://aws.amazon.com/bedrock/pricing
 */
const CLAUDE = /claude/;
/** Models of embeddings, also those whose names do not say so: all that the book has of Voyage AI, and the Academy's `bge`, not its rerankers. */
const EMBEDS = /embed|^voyage-|(?:^|\/)bge-(?!reranker)/i;
const CLAUDE_HOUR_TIMES = 2n;

function ratesAbove(modelId: string, prices: BookPrices, above: number): Rates | undefined {
  const input = priceAbove(prices["input_mtok"], above);
  // Embeddings have no output, so the book has no price for it; should a sender report some, it costs as much as input.
  const output = priceAbove(prices["output_mtok"], above) ?? (EMBEDS.test(modelId) ? input : undefined);
  if (input === undefined || output === undefined) return undefined;
  const cacheWrite = priceAbove(prices["cache_write_mtok"], above);
  return {
    above,
    input,
    cacheRead: priceAbove(prices["cache_read_mtok"], above) ?? input,
    cacheWrite: cacheWrite ?? input,
    cacheWrite1h:
      priceAbove(prices["cache_write_1h_mtok"], above) ??
      (cacheWrite !== undefined && CLAUDE.test(modelId) ? CLAUDE_HOUR_TIMES * input : (cacheWrite ?? input)),
    output,
    reasoning: priceAbove(prices["output_reasoning_mtok"], above) ?? output,
    ...mediaRates("audio", { prices, above, input, output }),
    ...mediaRates("image", { prices, above, input, output }),
    ...mediaRates("video", { prices, above, input, output }),
  };
}

/** Models of Google's have one price for all media unless the book has others. */
const SAYS_WHERE_SOUND_DIFFERS = "google";

/** With what is known of sound beside the book. */
function withSound(rates: Rates | undefined, model: string): Rates | undefined {
  if (rates === undefined || rates.audio !== undefined) return rates;
  const sound = soundPriceOf(model);
  return sound === undefined ? rates : { ...rates, audio: { ...sound, cacheRead: sound.input } };
}

interface TextRates {
  readonly prices: BookPrices;
  readonly above: number;
  readonly input: bigint;
  readonly output: bigint;
}

/** The rates of a medium that has prices of its own; what is missing among them costs what the next wider kind costs. */
function mediaRates<Medium extends "audio" | "image" | "video">(
  medium: Medium,
  { prices, above, input: textInput, output }: TextRates,
): { readonly [Key in Medium]?: MediaRates } {
  if (!hasOwnPrices(medium, prices)) return {};
  const [inputKey, cacheKey, outputKey] = keysOf(medium);
  const input = priceAbove(prices[inputKey], above) ?? textInput;
  const rates: MediaRates = {
    input,
    cacheRead: priceAbove(prices[cacheKey], above) ?? input,
    output: priceAbove(prices[outputKey], above) ?? output,
  };
  return { [medium]: rates } as { readonly [Key in Medium]?: MediaRates };
}

function hasOwnPrices(medium: "audio" | "image" | "video", prices: BookPrices): boolean {
  return keysOf(medium).some((key) => prices[key] !== undefined);
}

function keysOf(medium: "audio" | "image" | "video") {
  return [`input_${medium}_mtok`, `cache_${medium}_read_mtok`, `output_${medium}_mtok`] as const;
}

/** The price for an input just above `above`: the highest tier that starts there or below. */
function priceAbove(price: number | TieredPrices | undefined, above: number): bigint | undefined {
  if (price === undefined) return undefined;
  if (typeof price === "number") return nanoFromDecimal(price);
  const reached = price.tiers.filter((tier) => tier.start <= above).sort((left, right) => left.start - right.start);
  return nanoFromDecimal(reached.at(-1)?.price ?? price.base);
}
