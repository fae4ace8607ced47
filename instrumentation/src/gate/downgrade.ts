/** What crossed thresholds of the fleet's budgets make of a call before it is priced: another model, fewer tokens, less effort. */
import type { LeaseBudget, ReasoningEffort } from "../protocol.ts";
import { findBookProvider } from "../pricing/genai-prices.ts";
import type { PriceBook, PriceQuery } from "../pricing/price-book.ts";
import type { Endpoint, RequestFacts } from "./endpoint.ts";

const EFFORTS: readonly string[] = ["none", "minimal", "low", "medium", "high", "xhigh"] satisfies (
  | ReasoningEffort
  | "xhigh"
)[];

export interface Downgraded {
  readonly model: string;
  /** At most so many tokens of output for each answer. */
  readonly maxOutputTokens: number | undefined;
  /** No more effort than this, for a request that names one. */
  readonly reasoningEffort: ReasoningEffort | undefined;
}

/** Over all budgets of the call in their order: the fallbacks one after the other, the lowest of the bounds. */
export function downgradedBy(budgets: readonly LeaseBudget[], model: string): Downgraded {
  let result: Downgraded = { model, maxOutputTokens: undefined, reasoningEffort: undefined };
  for (const { actions } of budgets) {
    for (const action of actions) {
      if (action.do !== "downgrade") continue;
      const { max_output_tokens: tokens, reasoning_effort: effort } = action;
      result = {
        model: action.fallback[result.model] ?? result.model,
        maxOutputTokens:
          tokens === undefined ? result.maxOutputTokens : Math.min(tokens, result.maxOutputTokens ?? tokens),
        reasoningEffort: isLess(effort, result.reasoningEffort) ? effort : result.reasoningEffort,
      };
    }
  }
  return result;
}

/**
 * Whether a call for `query.model` can be made for `model` as it is. Not where the provider has no such model and another one has:
 * the client speaks to its own. At a host that is no provider's (a gateway), and of models that nobody has a price for, whoever wrote
 * the budget knows.
 */
export function canAsk(
  model: string,
  { endpoint, prices, query }: { readonly endpoint: Endpoint; readonly prices: PriceBook; readonly query: PriceQuery },
): boolean {
  if (endpoint.takesModel?.(model, query.model) === false) return false;
  if (prices.find({ ...query, model }) !== undefined || prices.find(query) === undefined) return true;
  if (query.host !== undefined && findBookProvider(query.host) === undefined) return true;
  return prices.find({ provider: "", model, at: query.at }) === undefined;
}

/** The request with what it says of itself lowered. Never below the smallest bound that the API takes. */
export function lowered(facts: RequestFacts, { model, maxOutputTokens }: Downgraded): RequestFacts {
  if (facts.isFixed === true) return facts;
  const asked = facts.outputBound ?? Number.POSITIVE_INFINITY;
  const isCapped = maxOutputTokens !== undefined && maxOutputTokens < asked;
  if (model === facts.model && !isCapped) return facts;
  return { ...facts, model, ...(isCapped && { outputBound: Math.max(maxOutputTokens, facts.outputLeast) }) };
}

/** `effort` where it is less than what the request asks for; `undefined` leaves the request as it is. */
export function lessEffort(asked: unknown, effort: ReasoningEffort | undefined): ReasoningEffort | undefined {
  // A request without one is left alone: models that do not reason refuse the parameter.
  return typeof asked === "string" && isLess(effort, asked) ? effort : undefined;
}

function isLess(effort: string | undefined, than: string | undefined): boolean {
  if (effort === undefined) return false;
  return than === undefined || EFFORTS.indexOf(effort) < EFFORTS.indexOf(than);
}
