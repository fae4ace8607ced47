/**
 * What a call cost. Only inference spans cost (the leaves): agents, chains and workflows often carry the sum of their
 * children, which would count twice. The gate's own figure is taken as it is, because it is what the lease was charged;
 * everything else is priced here. Unknown is never zero: a call without a price is `unpriced`, one without usage `missing`.
 */
import {
  isVersionOf,
  type PriceBook,
  parseUsd,
  priceAtTier,
  type TierPrice,
  type TierQuery,
} from "@tollgate/instrumentation/pricing";
import {
  ATTR_SERVER_ADDRESS,
  ATTR_TOLLGATE_COST_NANO_USD,
  ATTR_TOLLGATE_COST_PRICE_VERSION,
  ATTR_TOLLGATE_COST_REPORTED_USD,
  ATTR_TOLLGATE_COST_REPRICED_NANO_USD,
  ATTR_TOLLGATE_COST_REPRICED_VERSION,
  ATTR_TOLLGATE_COST_STATUS,
  ATTR_TOLLGATE_PROVIDER_INFERRED,
  ATTR_TOLLGATE_USAGE_AGGREGATE,
  CostStatus,
  INFERENCE_OPERATIONS,
  Operation,
} from "@tollgate/instrumentation/semconv";
import { AttributeKey } from "../../pdata/attribute-key.ts";
import { countAttribute, hasAttribute, textAttribute } from "../../pdata/attribute-read.ts";
import { isRefusedCall } from "../../pdata/facts.ts";
import type { Attributes, Span, SpanFacts } from "../../pdata/span.ts";
import { startUnixMs } from "../../pdata/span-times.ts";
import type { ToldCalls } from "./told-calls.ts";
import { serviceTier, usageOf } from "./usage.ts";

const OWN_SCOPE = "@tollgate/instrumentation";
/** One call can't cost more than a million dollars: a larger claim is not believed, and sums stay within Int64. */
const CLAIM_NANO_USD_MAX = 1_000_000_000_000_000;
const SERVER_ADDRESS = AttributeKey.of(ATTR_SERVER_ADDRESS);
const PEER_NAME = AttributeKey.of("net.peer.name");
const INFERRED = AttributeKey.of(ATTR_TOLLGATE_PROVIDER_INFERRED);
const STATUSES: ReadonlySet<string> = new Set(Object.values(CostStatus));

interface Cost {
  readonly nanoUsd: bigint;
  readonly status: CostStatus;
  readonly priceVersion: string;
}

/** `price_version` of a cost that only the sender knows. */
const REPORTED_VERSION = "reported";

/**
 * Fills cost, its status and price version. Runs after normalise. `told`: the calls that other spans have told of; a
 * foreign span of such a call gets no cost.
 */
export function applyCost(span: Span, prices: PriceBook, told?: ToldCalls): void {
  if (!INFERENCE_OPERATIONS.has(span.facts.operation)) return;
  if (span.facts.isToldAbove && span.facts.hasUsage) return;
  if (told !== undefined && isForeign(span)) {
    if (!told.countFirst(span)) {
      span.attributes.set(ATTR_TOLLGATE_USAGE_AGGREGATE, true);
      return;
    }
  }
  // Whatever goes wrong below, an inference span never looks like one that costs nothing.
  span.facts.costStatus = CostStatus.missing;
  const cost = isRefusedCall(span.facts) ? REFUSED : costOf(span, prices);
  span.facts.costNanoUsd = cost.nanoUsd;
  span.facts.costStatus = cost.status;
  span.facts.priceVersion = cost.priceVersion;
}

const REFUSED: Cost = { nanoUsd: 0n, status: CostStatus.exact, priceVersion: "" };

function costOf(span: Span, prices: PriceBook): Cost {
  const claimed = claimedByGate(span);
  if (claimed === undefined) return priced(span, prices);
  noteRepriced(span, { claimed, prices });
  return claimed;
}

/** To be called with a batch before its spans are priced: the gate's spans count, whatever others tell of the same calls. */
export function countGatedCalls(spans: readonly Span[], told: ToldCalls): void {
  for (const span of spans) {
    if (INFERENCE_OPERATIONS.has(span.facts.operation) && !isForeign(span)) told.count(span);
  }
}

/** Not from the gate, which makes one span for each call. */
function isForeign(span: Span): boolean {
  return span.facts.leaseId === "" && span.scope.name !== OWN_SCOPE;
}

function claimedByGate(span: Span): Cost | undefined {
  if (isForeign(span)) return undefined;
  const status = textAttribute(span.attributes, ATTR_TOLLGATE_COST_STATUS);
  if (!isCostStatus(status)) return undefined;
  const priceVersion = textAttribute(span.attributes, ATTR_TOLLGATE_COST_PRICE_VERSION);
  const nanoUsd = countAttribute(span.attributes, ATTR_TOLLGATE_COST_NANO_USD, CLAIM_NANO_USD_MAX);
  const isUnknown = status === CostStatus.unpriced || status === CostStatus.missing;
  if (nanoUsd === undefined) return isUnknown ? { nanoUsd: 0n, status, priceVersion } : undefined;
  return { nanoUsd: BigInt(nanoUsd), status, priceVersion };
}

/** When the call was that is being priced: nobody keeps it. */
const at = new Date(0);

function priced(span: Span, prices: PriceBook): Cost {
  const { facts } = span;
  if (!facts.hasUsage) return reported(span) ?? { nanoUsd: 0n, status: CostStatus.missing, priceVersion: "" };
  at.setTime(startUnixMs(span));
  const { provider } = facts;
  const host = hostOf(span.attributes);
  const { name: tier, isCertain: isTierCertain } = serviceTier(span.attributes);
  const { model, requestModel: asked } = facts;
  const found =
    priceAtTier(prices, { provider, model, asked, tier, host, at }) ??
    priceOfAsked(prices, { provider, model, asked, tier, host, at });
  if (found === undefined) return reported(span) ?? { nanoUsd: 0n, status: CostStatus.unpriced, priceVersion: "" };
  const { price, isCertain } = found;
  const usage = usageOf(span);
  const isGuessed =
    hasAttribute(span.attributes, INFERRED) && span.attributes.get(ATTR_TOLLGATE_PROVIDER_INFERRED) === true;
  const isExact = isCertain && isTierCertain && !isGuessed && isWhole(span.facts) && !price.lacksPrice(usage);
  return {
    nanoUsd: price.cost(usage),
    status: isExact ? CostStatus.exact : CostStatus.estimated,
    priceVersion: price.version,
  };
}

/**
 * Of an answer by a model that nobody has a price for: another one may have stood in for the one that was asked for, so that one's price is
 * certain only where the names are of one model, or a house price says what the name costs that the app calls.
 */
function priceOfAsked(prices: PriceBook, query: TierQuery & { readonly asked: string }): TierPrice | undefined {
  const { model, asked } = query;
  const found = priceAtTier(prices, { ...query, model: asked });
  if (found === undefined || found.price.version.startsWith("house:") || isVersionOf(model, asked)) return found;
  return { ...found, isCertain: false };
}

/** An answer without input or without output is one of which a part was not told: what is known is the least that it cost. */
function isWhole({ operation, inputTokens, outputTokens, isUsagePartial }: SpanFacts): boolean {
  if (isUsagePartial) return false;
  return inputTokens > 0 && (outputTokens > 0 || operation === Operation.embeddings || operation === Operation.rerank);
}

/** The API that was called, as the conventions name it: now, and before. */
function hostOf(attributes: Attributes): string {
  return textAttribute(attributes, SERVER_ADDRESS) || textAttribute(attributes, PEER_NAME);
}

/**
 * What the gate charged stays the cost: it is what the lease paid. Where this processor's prices say otherwise (a house
 * price that the agent has not got, an older book), that is kept beside it.
 */
function noteRepriced(span: Span, { claimed, prices }: { readonly claimed: Cost; readonly prices: PriceBook }): void {
  if (claimed.status !== CostStatus.exact || !span.facts.hasUsage) return;
  const own = priced(span, prices);
  if (own.status !== CostStatus.exact || own.nanoUsd === claimed.nanoUsd) return;
  span.attributes.set(ATTR_TOLLGATE_COST_REPRICED_NANO_USD, own.nanoUsd);
  span.attributes.set(ATTR_TOLLGATE_COST_REPRICED_VERSION, own.priceVersion);
}

/** What the sender says it cost, where nothing better is known. A reported zero is no cost: it is how unknown looks. */
function reported(span: Span): Cost | undefined {
  const nanoUsd = parseUsd(textAttribute(span.attributes, ATTR_TOLLGATE_COST_REPORTED_USD));
  if (nanoUsd === undefined || nanoUsd <= 0n || nanoUsd > CLAIM_NANO_USD_MAX) return undefined;
  return { nanoUsd, status: CostStatus.estimated, priceVersion: REPORTED_VERSION };
}

function isCostStatus(text: string): text is CostStatus {
  return STATUSES.has(text);
}
