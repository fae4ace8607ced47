/** Usage as the AI SDK's models tell it: the provider's own words where they are kept, else the SDK's common ones (v2 to v4). */
import { messages } from "../anthropic/messages.ts";
import { asBody, asCount } from "../gate/endpoint.ts";
import type { AnswerFacts, Body } from "../gate/endpoint.ts";
import { generateContent } from "../google/generate-content.ts";
import { chatCompletions } from "../openai/chat-completions.ts";
import { responses } from "../openai/responses.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import { servedTier } from "../openai/tier.ts";
import type { HostedTools } from "./hosted-tools.ts";
import type { Api } from "./model-provider.ts";

const gemini = generateContent({ provider: "", hasExtraBody: false, isStreamed: false });

type Counted = Pick<AnswerFacts, "usage" | "others" | "tier">;

/** Of a whole answer, or of the last part of a stream; `tools`: of all its parts. */
export function readUsage(api: Api, answer: Body, tools: HostedTools): Counted {
  const usage = asBody(answer["usage"]);
  const metadata = asBody(answer["providerMetadata"]);
  const raw = asBody(usage?.["raw"]) ?? rawOfMetadata(metadata);
  const own = readRaw(api, { raw, container: asBody(metadata?.["anthropic"])?.["container"] });
  const counted: Counted = own.usage === undefined ? { usage: readCommon(api, usage) } : own;
  const tier = servedTier({ service_tier: asBody(metadata?.["openai"])?.["serviceTier"] });
  const hostedCalls = counted.usage?.hostedCalls ?? tools.calls(metadata);
  if (counted.usage === undefined || hostedCalls === undefined) return { ...counted, ...tier };
  return { ...counted, ...tier, usage: { ...counted.usage, hostedCalls } };
}

function readRaw(
  api: Api,
  { raw, container }: { readonly raw: Body | undefined; readonly container: unknown },
): Counted {
  if (raw === undefined) return { usage: undefined };
  switch (api) {
    case "openai.chat":
      return { usage: chatCompletions.readAnswer({ usage: raw }).usage };
    case "openai.responses":
      return { usage: responses.readAnswer({ usage: raw }).usage };
    case "anthropic": {
      const { usage, others, tier } = messages.readAnswer({ usage: raw, container });
      return { usage, ...(others && { others }), ...(tier !== undefined && { tier }) };
    }
    case "google":
      return { usage: gemini.readAnswer({ usageMetadata: raw }).usage };
    case "other":
      return { usage: undefined };
  }
}

/** Models of the v2 specification keep it there. */
function rawOfMetadata(metadata: unknown): Body | undefined {
  const own = asBody(metadata);
  return asBody(asBody(own?.["anthropic"])?.["usage"]) ?? asBody(asBody(own?.["google"])?.["usageMetadata"]);
}

function readCommon(api: Api, usage: Body | undefined): TokenUsage | undefined {
  if (usage === undefined) return undefined;
  const input = asBody(usage["inputTokens"]);
  const output = asBody(usage["outputTokens"]);
  // v2 told Anthropic's input without what was read from its cache or written to it.
  const isPartial = api === "anthropic" && input === undefined;
  const inputTotal = asCount(input?.["total"] ?? usage["inputTokens"]);
  const outputTotal = asCount(output?.["total"] ?? usage["outputTokens"]);
  if (isPartial || inputTotal === undefined || outputTotal === undefined) return undefined;
  return {
    input: inputTotal,
    output: outputTotal,
    cacheRead: asCount(input?.["cacheRead"] ?? usage["cachedInputTokens"]) ?? 0,
    cacheWrite: asCount(input?.["cacheWrite"]) ?? 0,
    cacheWrite1h: 0,
    reasoning: asCount(output?.["reasoning"] ?? usage["reasoningTokens"]) ?? 0,
  };
}
