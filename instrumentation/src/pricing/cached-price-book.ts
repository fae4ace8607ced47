import { nanoFromDecimal } from "./decimal.ts";
import { findBookModel, findBookProvider } from "./genai-prices.ts";
import type { BookModel } from "./genai-prices.ts";
import { DearestPrice } from "./dearest-price.ts";
import { parseValidFrom, validatePrices } from "./house-prices.ts";
import type { HouseModel, PricesDocument } from "./house-prices.ts";
import { documentedMaxOutputTokens } from "./max-output-tokens.ts";
import { isSpoken, isVersionOf, readModelName } from "./model-name.ts";
import type { NamedModel, NameReading } from "./model-name.ts";
import type { ModelPrice, PriceBook, PriceQuery } from "./price-book.ts";
import { bookProviderId } from "./provider-id.ts";
import { RatedModelPrice } from "./rates.ts";
import { isDearerByRegion } from "./region.ts";
import type { MediaRates, Rates } from "./rates.ts";

export interface PriceBookOptions {
  /** House prices: they win over the kept book, and a later document wins over an earlier one. */
  readonly house?: readonly PricesDocument[];
}

/** Models that are remembered, unknown ones too, so that a sender of made-up names costs no memory. */
const REMEMBERED_MAX = 2048;
/** How the version of a house price begins. Its author knows where the model is served. */
const HOUSE = "house:";
/** Of a name that is looked up: of a model, a provider or a host. */
const NAME_LENGTH_MAX = 512;
/** Stands for a provider whose name is longer: nobody knows it, and to look for it in the book takes milliseconds. */
const UNKNOWN_PROVIDER = "(unknown)";

/** A price book over house documents and the kept data. Throws `RangeError` for a document that `validatePrices` refuses. */
export function createPriceBook(options: PriceBookOptions = {}): PriceBook {
  return new CachedPriceBook(options.house ?? []);
}

/** What the kept book knows of a name: as it is, and as what else it may mean. */
interface KnownName {
  readonly itself: BookModel | undefined;
  readonly reading: NameReading | undefined;
  /** One for each meaning. */
  readonly meant: readonly (BookModel | undefined)[];
}

interface HouseEntry {
  readonly validFromMs: number;
  readonly price: ModelPrice;
}

class CachedPriceBook implements PriceBook {
  /** By provider and model; each by falling `validFromMs`, the later document first on a tie. */
  readonly #house = new Map<string, HouseEntry[]>();
  /** By provider and model as they were asked for, so that asking again makes no text. */
  readonly #found = new Map<string, Map<string, KnownName>>();
  #foundCount = 0;
  /** The kept book's provider by host. */
  readonly #hosts = new Map<string, string | undefined>();

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

  find(query: PriceQuery): ModelPrice | undefined {
    const price = this.#findUsual(query);
    if (price === undefined || price.version.startsWith(HOUSE)) return price;
    const { provider: named, model, host = "" } = query;
    return isDearerByRegion({ provider: price.provider, named, model, host }) ? price.withTenthMore() : price;
  }

  #findUsual({ provider: named, model, asked = "", host, at }: PriceQuery): ModelPrice | undefined {
    const provider = named.length > NAME_LENGTH_MAX ? UNKNOWN_PROVIDER : named;
    if (model === "" || model.length > NAME_LENGTH_MAX || Number.isNaN(at.getTime())) return undefined;
    if (this.#house.size > 0 && asked.length <= NAME_LENGTH_MAX && isVersionOf(model, asked)) {
      const house = this.#findHouse({ provider, model }, at) ?? this.#findHouse({ provider, model: asked }, at);
      if (house !== undefined) return house;
    }
    const served = host === undefined || host === "" || !isSpoken(provider) ? undefined : this.#providerAt(host);
    if (served === undefined || served === bookProviderId(provider)) return this.#find(provider, model, at);
    // A document that says what its author calls the provider is believed; else who was called serves, not whose SDK it is.
    return (
      this.#findHouse({ provider, model }, at) ??
      this.#find(served, model, at) ??
      this.#find(provider, model, at)?.asEstimate()
    );
  }

  #find(provider: string, model: string, at: Date): ModelPrice | undefined {
    const house = this.#findHouse({ provider, model }, at);
    if (house !== undefined) return house;
    const known = this.#remember(provider, model);
    const { reading } = known;
    const isHouse = reading?.meanings.some((meaning) => this.#findHouse(meaning, at) !== undefined) === true;
    const itself = isHouse ? undefined : known.itself?.priceAt(at);
    // Found by its name alone, which others may use as well.
    if (itself !== undefined) return provider.trim() === "" ? itself.asEstimate() : itself;
    return reading === undefined ? undefined : this.#dearest(reading, known, at);
  }

  #dearest({ meanings, isGuess }: NameReading, { meant }: KnownName, at: Date): ModelPrice | undefined {
    const prices = meanings.map((meaning, index) => this.#findHouse(meaning, at) ?? meant[index]?.priceAt(at));
    const [first, ...rest] = prices.filter((price) => price !== undefined);
    if (first === undefined) return undefined;
    if (rest.length > 0) return new DearestPrice([first, ...rest]);
    return isGuess ? first.asEstimate() : first;
  }

  #findHouse({ provider, model }: NamedModel, at: Date): ModelPrice | undefined {
    if (this.#house.size === 0) return undefined;
    const entries = this.#house.get(keyOf(provider, model));
    return entries?.find((entry) => entry.validFromMs <= at.getTime())?.price;
  }

  #remember(provider: string, model: string): KnownName {
    let models = this.#found.get(provider);
    const known = models?.get(model);
    if (known !== undefined) return known;
    const found = lookUp(provider, model);
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

  #providerAt(host: string): string | undefined {
    if (host.length > NAME_LENGTH_MAX) return undefined;
    const known = this.#hosts.get(host);
    if (known !== undefined || this.#hosts.has(host)) return known;
    if (this.#hosts.size >= REMEMBERED_MAX) this.#hosts.clear();
    const found = findBookProvider(host);
    this.#hosts.set(host, found);
    return found;
  }
}

function lookUp(provider: string, model: string): KnownName {
  const reading = readModelName(provider, model);
  const meant = reading?.meanings.map((meaning) => findBookModel(meaning.provider, meaning.model)) ?? [];
  return { itself: findBookModel(provider, model), reading, meant };
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
    version: `${HOUSE}${document}`,
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
