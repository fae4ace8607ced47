/**
 * What a compatible server says itself that an answer costs, known by its shape: ticks of xAI's, ten thousand million to the dollar
 * (https://docs.x.ai/developers/cost-tracking); dollars of OpenRouter's, where the price of a key of one's own comes on top of its fee
 * (https://openrouter.ai/docs/use-cases/usage-accounting); a sum of Perplexity's (https://docs.perplexity.ai/getting-started/pricing).
 * A `cost` of no such shape is in a unit that nobody knows.
 */
import { asBody, asCount } from "../gate/endpoint.ts";
import type { AnswerFacts, Body } from "../gate/endpoint.ts";
import { nanoUsd, parseUsd } from "../pricing/money.ts";
import type { NanoUsd } from "../pricing/money.ts";

const TICKS_PER_NANO_USD = 10n;
/** One call can't cost more than a million dollars: a larger claim is not believed. */
const CLAIM_NANO_USD_MAX = 1_000_000_000_000_000n;

export function toldCost(usage: Body | undefined): Pick<AnswerFacts, "toldCost"> {
  if (usage === undefined) return {};
  const told = inTicks(usage["cost_in_usd_ticks"]) ?? ofRouter(usage) ?? inUsd(asBody(usage["cost"])?.["total_cost"]);
  // Nought is also how unknown looks.
  return told === undefined || told <= 0n || told > CLAIM_NANO_USD_MAX ? {} : { toldCost: nanoUsd(told) };
}

function inTicks(value: unknown): bigint | undefined {
  const ticks = asCount(value);
  return ticks === undefined ? undefined : (BigInt(ticks) + TICKS_PER_NANO_USD - 1n) / TICKS_PER_NANO_USD;
}

function ofRouter({ cost, cost_details: details, is_byok: hasOwnKey }: Body): bigint | undefined {
  const parts = asBody(details);
  const fee = inUsd(cost);
  if (fee === undefined || (parts === undefined && typeof hasOwnKey !== "boolean")) return undefined;
  return hasOwnKey === true ? fee + (inUsd(parts?.["upstream_inference_cost"]) ?? 0n) : fee;
}

/** To the nano-dollar, as JSON has it. */
function inUsd(value: unknown): NanoUsd | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? parseUsd(value.toFixed(9)) : undefined;
}
