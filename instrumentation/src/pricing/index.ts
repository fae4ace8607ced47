/** Money and prices: pure, without I/O, in exact integers. */
export { formatUsd, NANO_USD_MAX, NANO_USD_ZERO, nanoUsd, parseNanoUsd, parseUsd, usdAsFloat } from "./money.ts";
export type { NanoUsd } from "./money.ts";
export type { CallBound, HostedCalls, MediaTokens, ModelPrice, PriceBook, TokenUsage } from "./price-book.ts";
export { createPriceBook } from "./cached-price-book.ts";
export type { PriceBookOptions } from "./cached-price-book.ts";
export { isPricesDocument, validatePrices } from "./house-prices.ts";
export type { HouseModel, PriceProblem, PricesDocument } from "./house-prices.ts";
export { GENAI_PRICES_VERSION } from "./genai-prices.ts";
export { inferProvider, isVersionOf, searchesOf } from "./model-name.ts";
export { InvalidUsage } from "./rates.ts";
export { isCheaperTier, isUsualTier, priceAtTier } from "./service-tier.ts";
export type { TierPrice, TierQuery } from "./service-tier.ts";
