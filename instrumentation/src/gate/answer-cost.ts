/**
 * What a call costs before it is made and when its answer is there. A provider may let other models work on one answer (an adviser,
 * one that stands in, one that draws), and may serve it at another tier than the request asked for: the answer says so, and each
 * model's part is charged at its own price.
 */
import { DearestPrice } from "../pricing/dearest-price.ts";
import type { NanoUsd } from "../pricing/money.ts";
import type { ModelPrice, PriceBook, PriceQuery, TokenUsage } from "../pricing/price-book.ts";
import { isHousePrice, namedPrice, priceAtTier } from "../pricing/service-tier.ts";
import type { CostStatus } from "../semconv.ts";
import { addUsage } from "./add-usage.ts";
import { statusOf, worseOf } from "./cost-status.ts";
import type { CountedAnswer, ModelUsage, RequestFacts } from "./endpoint.ts";
import type { Admission } from "./admission.ts";
import type { SeenAnswer } from "./call-bound.ts";
import type { CallOptions } from "./call-options.ts";

/** The only tier that is cheaper by a documented share. */
const BATCH = "batch";

/** A provider by whose names only the API is said. */
const ROUTER = "gateway";

const NO_OTHERS: readonly ModelUsage[] = [];

/** Whose API was called, and where. */
type Called = Pick<CallOptions, "endpoint" | "server">;

/** By which a request is bounded: the dearest of all models that may work on its answer. `undefined`: one of them has no price. */
export function priceOfRequest(book: PriceBook, called: Called, facts: RequestFacts): ModelPrice | undefined {
  const { otherModels, tier } = facts;
  const own = priceOfModel(book, called, facts);
  if (own === undefined || otherModels === undefined || otherModels.length === 0) return own;
  const others = otherModels.map((model) => priceOfOther(book, called, { model, tier }));
  const known = others.filter((price) => price !== undefined);
  return known.length < others.length ? undefined : new DearestPrice([own, ...known]);
}

/** Another maker's model may stand in, and has its maker before its name then. */
function priceOfOther(
  book: PriceBook,
  called: Called,
  asked: Pick<RequestFacts, "model" | "tier">,
): ModelPrice | undefined {
  const own = priceOfModel(book, called, asked);
  if (own !== undefined || !asked.model.includes("/")) return own;
  return priceOfModel(book, { ...called, endpoint: { ...called.endpoint, provider: ROUTER } }, asked);
}

export interface AnswerCost {
  readonly nanoUsd: bigint;
  readonly status: CostStatus;
  /** Of all models. */
  readonly usage: TokenUsage;
  /** It is more than any price makes of the usage: the provider says so. @default false */
  readonly isTold?: boolean;
}

/** Of an attempt of which nobody knows what became: what was reserved. */
export function worstCost({ bounds, output }: Admission): AnswerCost {
  const usage = bounds.estimate({ bytes: Number.MAX_SAFE_INTEGER, isAbandoned: true, input: undefined }, output);
  return { nanoUsd: bounds.amounts(output).nanoUsd, status: statusOf(bounds.price, "estimated"), usage };
}

/** By what was seen of an answer that told no count. */
export function seenCost({ bounds, output }: Admission, seen: SeenAnswer): AnswerCost {
  const usage = bounds.estimate(seen, output);
  return { nanoUsd: bounds.price?.cost(usage) ?? 0n, status: statusOf(bounds.price, "estimated"), usage };
}

/** No less than the provider itself says: it bills fees that no count shows. Where it says otherwise than the prices, neither is exact. */
export function noLessThanTold(cost: AnswerCost, told: NanoUsd | undefined): AnswerCost {
  if (told === undefined || told === cost.nanoUsd) return cost;
  if (told < cost.nanoUsd) return { ...cost, status: worseOf(cost.status, "estimated") };
  return { ...cost, nanoUsd: told, status: "estimated", isTold: true };
}

/** `price`: the one that the request was bounded by. Throws `InvalidUsage`. */
export function costOfAnswer(
  answer: CountedAnswer,
  { price, facts, find }: { readonly price: ModelPrice; readonly facts: RequestFacts; readonly find: FindPrice },
): AnswerCost {
  const { usage, others = NO_OTHERS, tier = facts.tier } = answer;
  const isAsAsked = tier === facts.tier;
  // Bounded by all models, charged by the one that worked.
  const worked = facts.othersAnswerAlone === true && answer.model !== undefined ? answer.model : facts.model;
  const own = isAsAsked && facts.otherModels === undefined ? price : find(worked, tier);
  const served = own ?? price;
  const isWhole = own !== undefined && others.length === 0 && !served.lacksPrice(usage);
  const status = statusOf(served, isWhole ? "exact" : "estimated");
  const asAsked: AnswerCost = { nanoUsd: served.cost(usage), status, usage };
  const sum =
    facts.otherModels === undefined ? noLessThanNamed(asAsked, answer, { price: served, facts, find }) : asAsked;
  if (others.length === 0) return sum;
  return others.reduce<AnswerCost>((so, other) => {
    // One that nobody has a price for is charged at the dearest that was thought of.
    const its = find(other.model, "") ?? price;
    return {
      nanoUsd: so.nanoUsd + its.cost(other.usage),
      status: worseOf(so.status, statusOf(its, "estimated")),
      usage: addUsage(so.usage, other.usage),
    };
  }, sum);
}

/**
 * Gateways let others answer without being asked to, and a deployment is called what its owner likes: where the model that the answer names costs
 * more than the one that was asked, it is charged, and nobody is certain. What a document says of a name holds.
 */
function noLessThanNamed(
  asAsked: AnswerCost,
  { model, tier }: CountedAnswer,
  { price, facts, find }: { readonly price: ModelPrice; readonly facts: RequestFacts; readonly find: FindPrice },
): AnswerCost {
  if (model === undefined || model === facts.model || isHousePrice(price)) return asAsked;
  const named = find(model, tier ?? facts.tier);
  const nanoUsd = named?.cost(asAsked.usage) ?? 0n;
  return nanoUsd > asAsked.nanoUsd ? { ...asAsked, nanoUsd, status: worseOf(asAsked.status, "estimated") } : asAsked;
}

/** What a counted answer is charged. What is wrong with our own reckoning is told to `fail`, and it is charged as reserved. */
export function chargeOf(
  answer: CountedAnswer,
  { bounds: { price }, facts, reserved }: Pick<Admission, "bounds" | "facts" | "reserved">,
  { find, fail }: { readonly find: FindPrice; readonly fail: (problem: unknown) => void },
): AnswerCost {
  let cost: AnswerCost = { nanoUsd: 0n, status: "unpriced", usage: answer.usage };
  try {
    if (price !== undefined) cost = costOfAnswer(answer, { price, facts, find });
  } catch (problem) {
    fail(problem);
    cost = { nanoUsd: reserved, status: "estimated", usage: answer.usage };
  }
  return noLessThanTold(cost, answer.toldCost);
}

export type FindPrice = (model: string, tier: string) => ModelPrice | undefined;

/** The price of a model and a tier as an answer names them. A tier that is dearer and in no book has none. */
export function priceAsServed(
  book: PriceBook,
  called: Called,
  served: Pick<RequestFacts, "model" | "tier">,
): ModelPrice | undefined {
  const found = priceAtTier(book, { ...queryOf(called, served.model), tier: served.tier });
  return found?.isCertain === false ? found.price.asEstimate() : found?.price;
}

function priceOfModel(
  book: PriceBook,
  called: Called,
  asked: Pick<RequestFacts, "model" | "tier">,
): ModelPrice | undefined {
  const { model, tier } = asked;
  const query = queryOf(called, model);
  if (tier === "") return book.find(query);
  return tier === BATCH ? priceAtTier(book, { ...query, tier })?.price : namedPrice(book, { ...query, tier });
}

function queryOf({ endpoint, server }: Called, model: string): PriceQuery {
  return { provider: endpoint.provider, model, host: server?.address, at: new Date() };
}
