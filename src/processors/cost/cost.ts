/**
 * What a call cost. Only inference spans cost (the leaves): agents, chains and workflows often carry the sum of their
 * children, which would count twice. The gate's own figure is taken as it is, because it is what the lease was charged;
 * everything else is priced here. Unknown is never zero: a call without a price is `unpriced`, one without usage `missing`.
 */
import type { NanoUsd, PriceBook } from "@tollgate/instrumentation/pricing";
import {
  ATTR_TOLLGATE_COST_NANO_USD,
  ATTR_TOLLGATE_COST_PRICE_VERSION,
  ATTR_TOLLGATE_COST_STATUS,
  ATTR_TOLLGATE_USAGE_CACHE_WRITE_1H_TOKENS,
  CostStatus,
  INFERENCE_OPERATIONS,
} from "@tollgate/instrumentation/semconv";
import { countAttribute, textAttribute } from "../../pdata/attribute-read.ts";
import { isRefusedCall } from "../../pdata/facts.ts";
import type { Span } from "../../pdata/span.ts";

const OWN_SCOPE = "@tollgate/instrumentation";
/** One call can't cost more than a million dollars: a larger claim is not believed, and sums stay within Int64. */
const CLAIM_NANO_USD_MAX = 1_000_000_000_000_000;
const STATUSES: ReadonlySet<string> = new Set(Object.values(CostStatus));

interface Cost {
  readonly nanoUsd: bigint;
  readonly status: CostStatus;
  readonly priceVersion: string;
}

/** Fills cost, its status and price version. Runs after normalise. */
export function applyCost(span: Span, prices: PriceBook): void {
  if (!INFERENCE_OPERATIONS.has(span.facts.operation)) return;
  // Whatever goes wrong below, an inference span never looks like one that costs nothing.
  span.facts.costStatus = CostStatus.missing;
  const cost = isRefusedCall(span.facts) ? REFUSED : (claimedByGate(span) ?? priced(span, prices));
  span.facts.costNanoUsd = cost.nanoUsd;
  span.facts.costStatus = cost.status;
  span.facts.priceVersion = cost.priceVersion;
}

const REFUSED: Cost = { nanoUsd: 0n, status: CostStatus.exact, priceVersion: "" };

function claimedByGate(span: Span): Cost | undefined {
  if (span.facts.leaseId === "" && span.scope.name !== OWN_SCOPE) return undefined;
  const status = textAttribute(span.attributes, ATTR_TOLLGATE_COST_STATUS);
  if (!isCostStatus(status)) return undefined;
  const priceVersion = textAttribute(span.attributes, ATTR_TOLLGATE_COST_PRICE_VERSION);
  const nanoUsd = countAttribute(span.attributes, ATTR_TOLLGATE_COST_NANO_USD, CLAIM_NANO_USD_MAX);
  const isUnknown = status === CostStatus.unpriced || status === CostStatus.missing;
  if (nanoUsd === undefined) return isUnknown ? { nanoUsd: 0n, status, priceVersion } : undefined;
  return { nanoUsd: BigInt(nanoUsd), status, priceVersion };
}

function priced(span: Span, prices: PriceBook): Cost {
  const { facts } = span;
  if (!facts.hasUsage) return { nanoUsd: 0n, status: CostStatus.missing, priceVersion: "" };
  const at = new Date(Number(span.startUnixNano / 1_000_000n));
  const price =
    prices.find({ provider: facts.provider, model: facts.model, at }) ??
    prices.find({ provider: facts.provider, model: facts.requestModel, at });
  if (price === undefined) return { nanoUsd: 0n, status: CostStatus.unpriced, priceVersion: "" };
  const cacheWrite1h = countAttribute(
    span.attributes,
    ATTR_TOLLGATE_USAGE_CACHE_WRITE_1H_TOKENS,
    facts.cacheWriteTokens,
  );
  const nanoUsd: NanoUsd = price.cost({
    input: facts.inputTokens,
    output: facts.outputTokens,
    cacheRead: facts.cacheReadTokens,
    cacheWrite: facts.cacheWriteTokens,
    cacheWrite1h: cacheWrite1h ?? 0,
    reasoning: facts.reasoningTokens,
  });
  return { nanoUsd, status: CostStatus.exact, priceVersion: price.version };
}

function isCostStatus(text: string): text is CostStatus {
  return STATUSES.has(text);
}
