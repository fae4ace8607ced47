/**
 * What compatible servers say beside the tokens of a chat, of work that they bill apart: searches and citations of Perplexity's
 * (https://docs.perplexity.ai/getting-started/pricing), sources and tools of xAI's (https://docs.x.ai/docs/models), connectors of Mistral's
 * conversations (https://docs.mistral.ai/agents/connectors).
 */
import { asBody, asCount } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import type { HostedCalls } from "../pricing/price-book.ts";

/** Billed in a unit that nobody here has a price for. */
const UNPRICED = ["citation_tokens", "num_sources_used", "num_server_side_tools_used"] as const;

export function sideFees(usage: Body): { readonly hostedCalls?: HostedCalls } {
  const webSearches = asCount(usage["num_search_queries"]) ?? 0;
  const connectors = Object.values(asBody(usage["connectors"]) ?? {});
  const isMore = [...UNPRICED.map((name) => usage[name]), ...connectors].some((value) => (asCount(value) ?? 0) > 0);
  if (webSearches === 0 && !isMore) return {};
  return { hostedCalls: { webSearches, fileSearches: 0, ...(isMore && { others: 1 }) } };
}
