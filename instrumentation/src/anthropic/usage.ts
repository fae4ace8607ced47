/**
 * What an answer says it used. Anthropic counts cache reads and writes apart from `input_tokens`; the conventions count them in. The
 * counts at the top leave out what the list of iterations has beside them: summaries of a conversation that grew too long, and other
 * models, one that advises and one that stands in. https://platform.claude.com/docs/en/build-with-claude/compaction#understanding-usage,
 * https://platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool
 */
import { addUsage } from "../gate/add-usage.ts";
import { NO_USAGE } from "../gate/call-bound.ts";
import { asArray, asBody, asCount, asText } from "../gate/endpoint.ts";
import type { Body, CountedAnswer, ModelUsage } from "../gate/endpoint.ts";
import type { HostedCalls, TokenUsage } from "../pricing/price-book.ts";
import { dearerTier } from "./tier.ts";

/** `undefined`: it says nothing. `runsCode`: in a container, whose hours are in no count. */
export function readUsage(
  usage: Body | undefined,
  { runsCode = false }: { readonly runsCode?: boolean } = {},
): CountedAnswer | undefined {
  const top = tokensOf(usage);
  if (usage === undefined || top === undefined) return undefined;
  const tier = dearerTier(usage);
  const { own, others } = byModel(top, asArray(usage["iterations"]));
  return {
    usage: { ...own, ...hostedCalls(asBody(usage["server_tool_use"]), runsCode) },
    ...(others.length > 0 && { others }),
    ...(tier !== "" && { tier }),
  };
}

/** The model's own part, and what others did. */
function byModel(
  top: TokenUsage,
  iterations: readonly unknown[],
): { readonly own: TokenUsage; readonly others: readonly ModelUsage[] } {
  let summaries = NO_USAGE;
  let answered = NO_USAGE;
  let stoodIn = NO_USAGE;
  const others: ModelUsage[] = [];
  for (const value of iterations) {
    const iteration = asBody(value);
    const used = tokensOf(iteration);
    if (iteration === undefined || used === undefined) continue;
    const model = asText(iteration["model"]);
    if (iteration["type"] === "compaction") summaries = addUsage(summaries, used);
    else if (iteration["type"] === "message") answered = addUsage(answered, used);
    else if (model !== undefined) others.push({ model, usage: used });
    if (iteration["type"] === "fallback_message") stoodIn = addUsage(stoodIn, used);
  }
  // The counts at the top are those of the answer, so of the one that stood in: what the asked model did is in the list alone then.
  const isInList = stoodIn.output >= top.output && stoodIn.input + answered.input >= top.input && stoodIn !== NO_USAGE;
  return { own: addUsage(summaries, isInList ? answered : top), others };
}

function tokensOf(usage: Body | undefined): TokenUsage | undefined {
  const input = asCount(usage?.["input_tokens"]);
  const output = asCount(usage?.["output_tokens"]);
  if (usage === undefined || input === undefined || output === undefined) return undefined;
  const cacheRead = asCount(usage["cache_read_input_tokens"]) ?? 0;
  const cacheWrite = asCount(usage["cache_creation_input_tokens"]) ?? 0;
  return {
    input: input + cacheRead + cacheWrite,
    output,
    cacheRead,
    cacheWrite,
    cacheWrite1h: asCount(asBody(usage["cache_creation"])?.["ephemeral_1h_input_tokens"]) ?? 0,
    reasoning: asCount(asBody(usage["output_tokens_details"])?.["thinking_tokens"]) ?? 0,
  };
}

/** https://docs.claude.com/en/docs/agents-and-tools/tool-use/web-search-tool#usage-and-pricing */
function hostedCalls(serverToolUse: Body | undefined, runsCode: boolean): { readonly hostedCalls?: HostedCalls } {
  const webSearches = asCount(serverToolUse?.["web_search_requests"]) ?? 0;
  if (webSearches === 0 && !runsCode) return {};
  return { hostedCalls: { webSearches, fileSearches: 0, ...(runsCode && { others: 1 }) } };
}
