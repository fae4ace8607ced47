import { nanoFromDecimal } from "./decimal.ts";
import { findBookModel } from "./genai-prices.ts";
import type { BookModel } from "./genai-prices.ts";
import { parseValidFrom, validatePrices } from "./house-prices.ts";
import type { HouseModel, PricesDocument } from "./house-prices.ts";
import { documentedMaxOutputTokens } from "./max-output-tokens.ts";
import type { ModelPrice, PriceBook } from "./price-book.ts";
import { bookProviderId } from "./provider-id.ts";
import { RatedModelPrice } from "./rates.ts";
import type { MediaRates, Rates } from "./rates.ts";

export interface PriceBookOptions {
  /** House prices: they win over the kept book, and a later document wins over an earlier one. */
  readonly house?: readonly PricesDocument[];
}

/** Models that are remembered, unknown ones too, so that a sender of made-up names costs no memory. */
const REMEMBERED_MAX = 2048;
const MODEL_NAME_LENGTH_MAX = 512;

/** A price book over house documents and the kept data. Throws `RangeError` for a document that `validatePrices` refuses. */
export function createPriceBook(options: PriceBookOptions = {}): PriceBook {
  return new CachedPriceBook(options.house ?? []);
}

interface HouseEntry {
  readonly validFromMs: number;
  readonly price: ModelPrice;
}

class CachedPriceBook implements PriceBook {
  /** By provider and model; each by falling `validFromMs`, the later document first on a tie. */
  readonly #house = new Map<string, HouseEntry[]>();
  /** By provider and model as they were asked for, so that asking again makes no text. */
  readonly #found = new Map<string, Map<string, BookModel | undefined>>();
  #foundCount = 0;

  constructor(documents: readonly PricesDocument[]) {
    for (const document of documents) {
      const [problem] = validatePrices(document);
      if (problem !== undefined) throw new RangeError(`invalid prices: \`${problem.path}\` ${problem.message}`);
      for (const [model, prices] of Object.entries(document.models)) {
        const key = keyOf(prices.provider, model);
        const entry = { validFromMs: validFromOf(prices), price: toHousePrice(document.name, model, prices) };
        this.#house.set(
          key,
          [entry, ...(this.#house.get(key) ?? [])].toSorted((left, right) => right.validFromMs - left.validFromMs),
        );
      }
    }
  }

  find(query: { readonly provider: string; readonly model: string; readonly at: Date }): ModelPrice | undefined {
    if (query.model === "" || query.model.length > MODEL_NAME_LENGTH_MAX || Number.isNaN(query.at.getTime()))
      return undefined;
    if (this.#house.size > 0) {
      const entries = this.#house.get(keyOf(query.provider, query.model));
      const house = entries?.find((entry) => entry.validFromMs <= query.at.getTime());
      if (house !== undefined) return house.price;
    }
    return this.#remember(query.provider, query.model)?.priceAt(query.at);
  }

  #remember(provider: string, model: string): BookModel | undefined {
    let models = this.#found.get(provider);
    const known = models?.get(model);
    if (known !== undefined || models?.has(model) === true) return known;
    const found = findBookModel(provider, model);
    // Whoever asks for so many names makes them up; those in use are found again at once.
    if (this.#foundCount >= REMEMBERED_MAX) {
      this.#found.clear();
      this.#foundCount = 0;
      models = undefined;
    }
    if (models === undefined) this.#found.set(provider, (models = new Map()));
    models.set(model, found);
    this.#foundCount += 1;
    return found;
  }
}

function keyOf(provider: string, model: string): string {
  return `${bookProviderId(provider)}\n${model.trim().toLowerCase()}`;
}

function validFromOf(prices: HouseModel): number {
  return prices.valid_from === undefined
    ? Number.NEGATIVE_INFINITY
    : (parseValidFrom(prices.valid_from) ?? Number.POSITIVE_INFINITY);
}

function toHousePrice(document: string, model: string, prices: HouseModel): ModelPrice {
  const input = exactly(prices.input);
  const output = exactly(prices.output);
  const cacheWrite = optional(prices.cache_write) ?? input;
  return new RatedModelPrice({
    provider: prices.provider,
    model,
    version: `house:${document}`,
    maxOutputTokens: prices.max_output_tokens ?? documentedMaxOutputTokens(model) ?? prices.context_tokens,
    contextTokens: prices.context_tokens,
    rates: [
      {
        above: 0,
        input,
        cacheRead: optional(prices.cached_input) ?? input,
        cacheWrite,
        cacheWrite1h: optional(prices.cache_write_1h) ?? cacheWrite,
        output,
        reasoning: optional(prices.reasoning) ?? output,
        ...audioRates(prices, { input, output }),
      },
    ],
    perCall: exactly(prices.per_call ?? 0),
    perWebSearch: optional(prices.per_web_search),
    perFileSearch: optional(prices.per_file_search),
  });
}

function audioRates(
  { audio_input, audio_cached_input, audio_output }: HouseModel,
  text: Pick<MediaRates, "input" | "output">,
): Pick<Rates, "audio"> {
  if (audio_input === undefined && audio_cached_input === undefined && audio_output === undefined) return {};
  const input = optional(audio_input) ?? text.input;
  return {
    audio: { input, cacheRead: optional(audio_cached_input) ?? input, output: optional(audio_output) ?? text.output },
  };
}

function optional(decimal: string | number | undefined): bigint | undefined {
  return decimal === undefined ? undefined : exactly(decimal);
}

function exactly(decimal: string | number): bigint {
  const value = nanoFromDecimal(decimal);
  if (value === undefined) throw new RangeError(`not a price: ${decimal}`);
  return value;
}
