import { asBody, asCount } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import type { TokenUsage } from "../pricing/price-book.ts";

/**
 * What Cohere charges for: `billed_units`, which leaves out what it puts around a prompt itself, or else all tokens.
 * https://docs.cohere.com/docs/how-does-cohere-pricing-work
 */
export function readBilled(usage: Body | undefined): TokenUsage | undefined {
  return readTokens(asBody(usage?.["billed_units"])) ?? readTokens(asBody(usage?.["tokens"]));
}

function readTokens(units: Body | undefined): TokenUsage | undefined {
  const input = asCount(units?.["input_tokens"]);
  if (input === undefined) return undefined;
  const output = asCount(units?.["output_tokens"]) ?? 0;
  return { input, output, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
}
