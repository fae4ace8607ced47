/**
 * Ways of serving a call that cost another price than the model's. Batches, and OpenAI's flex, are documented at half the
 * price of every kind of token; dearer tiers are in no book, and need a `kind: prices` document that names them
 * (`priority/gpt-5`). Sources, read 2026-11: platform.openai.com/docs/pricing, docs.claude.com/en/docs/build-with-claude/
 * batch-processing, ai.google.dev/gemini-api/docs/batch-mode, docs.mistral.ai/capabilities/batch, aws.amazon.com/bedrock/pricing.
 */
import type { ModelPrice, PriceBook } from "./price-book.ts";
import { bookProviderId } from "./provider-id.ts";

const HALF = 2n;
const BATCH = "batch";
const FLEX = "flex";
/** By the price book's ids. */
const BATCH_AT_HALF: ReadonlySet<string> = new Set(["openai", "azure", "anthropic", "google", "mistral", "aws"]);
const FLEX_AT_HALF: ReadonlySet<string> = new Set(["openai"]);
/** Served at the model's own price, prepaid or not. */
const USUAL: ReadonlySet<string> = new Set(["", "auto", "default", "standard", "standard_only", "on_demand", "scale"]);
const DEARER: ReadonlySet<string> = new Set(["priority", "fast", "performance"]);

/** Whether a tier, as anybody writes it, costs what the model costs. */
export function isUsualTier(tier: string): boolean {
  return USUAL.has(tier.toLowerCase());
}

/** Whether it may cost less. */
export function isCheaperTier(tier: string): boolean {
  return tier.toLowerCase() === BATCH || tier.toLowerCase() === FLEX;
}

export interface TierQuery {
  readonly provider: string;
  readonly model: string;
  /** As the sender wrote it: `batch`, `flex`, `priority`; "" for none. */
  readonly tier: string;
  /** See `PriceQuery`. */
  readonly asked?: string | undefined;
  readonly host?: string | undefined;
  readonly at: Date;
}

/** A price, and whether the tier's part in it is certain. */
export interface TierPrice {
  readonly price: ModelPrice;
  readonly isCertain: boolean;
}

/**
 * The price of a model at a tier. A house price of the tier's own (`batch/our-llm`) comes first. `undefined` when nobody
 * knows: a dearer tier without such a document, or a model without a price. A tier that nobody has heard of is priced as
 * usual, and not certain.
 */
export function priceAtTier(book: PriceBook, query: TierQuery): TierPrice | undefined {
  const { provider, model, asked, host, at } = query;
  const tier = query.tier.toLowerCase();
  if (USUAL.has(tier)) return certain(book.find({ provider, model, asked, host, at }));
  const named = namedPrice(book, { ...query, tier });
  if (named !== undefined) return certain(named);
  if (DEARER.has(tier)) return undefined;
  const usual = book.find({ provider, model, asked, host, at });
  if (usual === undefined) return undefined;
  const id = bookProviderId(provider);
  const isHalf = (tier === BATCH && BATCH_AT_HALF.has(id)) || (tier === FLEX && FLEX_AT_HALF.has(id));
  return isHalf ? certain(usual.atShareOf(HALF)) : { price: usual, isCertain: false };
}

/** The price that a house document gives a model at a tier. The kept book matches by parts of names: it never means a tier. */
export function namedPrice(book: PriceBook, query: TierQuery): ModelPrice | undefined {
  const { provider, model, tier, host, at } = query;
  const asked = query.asked === undefined ? undefined : `${tier}/${query.asked}`;
  const found = book.find({ provider, model: `${tier}/${model}`, asked, host, at });
  return found !== undefined && isHousePrice(found) ? found : undefined;
}

/** Whether a document of the users' own says so. */
export function isHousePrice({ version }: ModelPrice): boolean {
  return version.startsWith("house:");
}

function certain(price: ModelPrice | undefined): TierPrice | undefined {
  return price === undefined ? undefined : { price, isCertain: !price.isEstimate };
}
