/** Usage as the AI SDK's models tell it: the provider's own words where they are kept, else the SDK's common ones (v2 to v4). */
import { messages } from "../anthropic/messages.ts";
import { asBody, asCount } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import { generateContent } from "../google/generate-content.ts";
import { chatCompletions } from "../openai/chat-completions.ts";
import { responses } from "../openai/responses.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import type { Api } from "./model-provider.ts";

const gemini = generateContent({ provider: "", hasExtraBody: false, isStreamed: false });

/** `undefined`: the answer does not say. */
export function readUsage(api: Api, answer: Body): TokenUsage | undefined {
  const usage = asBody(answer["usage"]);
  return readRaw(api, asBody(usage?.["raw"]) ?? rawOfMetadata(answer["providerMetadata"])) ?? readCommon(api, usage);
}

function readRaw(api: Api, raw: Body | undefined): TokenUsage | undefined {
  if (raw === undefined) return undefined;
  switch (api) {
    case "openai.chat":
      return chatCompletions.readAnswer({ usage: raw }).usage;
    case "openai.responses":
      return responses.readAnswer({ usage: raw }).usage;
    case "anthropic":
      return messages.readAnswer({ usage: raw }).usage;
    case "google":
      return gemini.readAnswer({ usageMetadata: raw }).usage;
    case "other":
      return undefined;
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
