/**
 * What an answer of a chat shows, beside its tokens, of work that is billed apart. Compatible servers count it in their usage: searches and
 * citations of Perplexity's (https://docs.perplexity.ai/getting-started/pricing), sources and tools of xAI's (https://docs.x.ai/docs/models),
 * pages, sound and connectors of Mistral's (https://docs.mistral.ai/api), searches of OpenRouter's. Others say nothing there: a model of
 * OpenAI's that searches each time, the web that a message cites, tools that Groq or Moonshot run for it.
 */
import { asArray, asBody, asCount } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import { searchesOf } from "../pricing/model-name.ts";
import type { HostedCalls, TokenUsage } from "../pricing/price-book.ts";

/** Billed in a unit that nobody here has a price for. */
const UNPRICED = [
  "citation_tokens",
  "num_sources_used",
  "num_server_side_tools_used",
  "num_pages",
  "prompt_audio_seconds",
] as const;
const NO_FEES = {};

export function sideFees(usage: Body): { readonly hostedCalls?: HostedCalls } {
  const ofTools = asBody(usage["server_tool_use"])?.["web_search_requests"];
  const webSearches = asCount(usage["num_search_queries"]) ?? asCount(ofTools) ?? 0;
  const isMore = hasUnpriced(usage);
  if (webSearches === 0 && !isMore) return NO_FEES;
  return { hostedCalls: { webSearches, fileSearches: 0, ...(isMore && { others: 1 }) } };
}

/** Every answer is asked this, and nearly none has any of it. */
function hasUnpriced(usage: Body): boolean {
  for (const name of UNPRICED) if (isSome(usage[name])) return true;
  const connectors = asBody(usage["connectors"]);
  return connectors !== undefined && Object.values(connectors).some(isSome);
}

function isSome(value: unknown): boolean {
  return (asCount(value) ?? 0) > 0;
}

/** Gathers what the messages of an answer show, whole or piece by piece. */
export class ShownWork {
  #hasSearched = false;
  #hasRunTools = false;

  read(message: Body): void {
    this.#hasSearched ||= asArray(message["annotations"]).some(isCitation);
    this.#hasRunTools ||=
      asArray(message["executed_tools"]).length > 0 || asArray(message["tool_calls"]).some(isBuiltIn);
  }

  /** `usage`, with what it does not count itself. */
  addTo(usage: TokenUsage | undefined, model: string | undefined): TokenUsage | undefined {
    if (usage === undefined) return undefined;
    const { webSearches = 0, fileSearches = 0, others = 0 } = usage.hostedCalls ?? {};
    const hasSearched = this.#hasSearched || searchesOf(model ?? "") === "one";
    const searches = Math.max(webSearches, hasSearched ? 1 : 0);
    const more = Math.max(others, this.#hasRunTools ? 1 : 0);
    if (searches === webSearches && more === others) return usage;
    return { ...usage, hostedCalls: { webSearches: searches, fileSearches, ...(more > 0 && { others: more }) } };
  }
}

function isCitation(entry: unknown): boolean {
  return asBody(entry)?.["type"] === "url_citation";
}

function isBuiltIn(call: unknown): boolean {
  return asBody(call)?.["type"] === "builtin_function";
}
