/**
 * Vercel AI SDK, `ai.*`. https://ai-sdk.dev/docs/ai-sdk-core/telemetry
 * The outer span (`ai.generateText`) carries the sum of its steps; only the `do…` spans are calls of a model. Version 7
 * writes the GenAI conventions and keeps some `ai.usage.*` beside them; its `agent_step` spans carry copies. Versions 4 and 5
 * leave what was cached (and, in 4, reasoning) to the words of the provider, in `ai.response.providerMetadata`.
 */
import { Operation } from "@tollgate/instrumentation/semconv";
import { textAttribute } from "../../../pdata/attribute-read.ts";
import type { Attributes } from "../../../pdata/span.ts";
import type { Dialect, Reading } from "../dialect.ts";
import { jsonAttribute, numberMember, objectMember, textMember } from "../json-attribute.ts";

const METADATA = "ai.response.providerMetadata";
const OPERATIONS: ReadonlyMap<string, string> = new Map([
  ["ai.generateText.doGenerate", Operation.chat],
  ["ai.streamText.doStream", Operation.chat],
  ["ai.generateObject.doGenerate", Operation.chat],
  ["ai.streamObject.doStream", Operation.chat],
  ["ai.embed.doEmbed", Operation.embeddings],
  ["ai.embedMany.doEmbed", Operation.embeddings],
  ["ai.toolCall", Operation.executeTool],
  ["ai.generateText", Operation.invokeAgent],
  ["ai.streamText", Operation.invokeAgent],
  ["ai.generateObject", Operation.invokeAgent],
  ["ai.streamObject", Operation.invokeAgent],
]);

export const vercelAi: Dialect = {
  name: "Vercel AI SDK",
  prefixes: ["ai."],
  read({ attributes }) {
    const text = (key: string): string => textAttribute(attributes, key);
    return {
      operation: OPERATIONS.get(text("ai.operationId")),
      provider: text("ai.model.provider"),
      requestModel: text("ai.model.id"),
      responseModel: text("ai.response.model"),
      tool: text("ai.toolCall.name"),
      toolCallId: text("ai.toolCall.id"),
      agent: text("ai.telemetry.functionId"),
      session: text("ai.telemetry.metadata.sessionId") || text("ai.telemetry.metadata.session_id"),
      user: text("ai.telemetry.metadata.userId") || text("ai.telemetry.metadata.user_id"),
      inputTokens:
        attributes.get("ai.usage.inputTokens") ??
        attributes.get("ai.usage.promptTokens") ??
        attributes.get("ai.usage.tokens"),
      outputTokens: attributes.get("ai.usage.outputTokens") ?? attributes.get("ai.usage.completionTokens"),
      cacheReadTokens:
        attributes.get("ai.usage.inputTokenDetails.cacheReadTokens") ?? attributes.get("ai.usage.cachedInputTokens"),
      cacheWriteTokens: attributes.get("ai.usage.inputTokenDetails.cacheWriteTokens"),
      reasoningTokens:
        attributes.get("ai.usage.outputTokenDetails.reasoningTokens") ?? attributes.get("ai.usage.reasoningTokens"),
      ...toldByProvider(attributes),
    };
  },
};

type Parts = Pick<
  Reading,
  | "cacheReadTokens"
  | "cacheWriteTokens"
  | "cacheWrite1hTokens"
  | "reasoningTokens"
  | "isCacheBeside"
  | "serviceTier"
  | "webSearches"
>;

/** What has a price of its own, in the provider's words: nobody else's tell it. */
function toldByProvider(attributes: Attributes): Parts {
  if (!attributes.has(METADATA)) return {};
  const metadata = jsonAttribute(attributes, METADATA);
  const anthropic = objectMember(metadata, "anthropic");
  const usage = objectMember(anthropic, "usage");
  const openai = objectMember(metadata, "openai");
  const parts: Parts = {
    serviceTier: textMember(openai, "serviceTier") || textMember(usage, "service_tier"),
    cacheWrite1hTokens: numberMember(objectMember(usage, "cache_creation"), "ephemeral_1h_input_tokens"),
    webSearches: numberMember(objectMember(usage, "server_tool_use"), "web_search_requests"),
  };
  return attributes.has("ai.usage.inputTokenDetails.noCacheTokens")
    ? parts
    : { ...parts, ...cachesToldByProvider({ metadata, anthropic, usage, openai }) };
}

type Told = Readonly<Record<"metadata" | "anthropic" | "usage" | "openai", Readonly<Record<string, unknown>>>>;

/** What was cached. Anthropic counts it beside the input, on Bedrock too, and versions 4 and 5 pass that on. */
function cachesToldByProvider({ metadata, anthropic, usage, openai }: Told): Parts {
  const bedrock = objectMember(objectMember(metadata, "bedrock"), "usage");
  const cacheWriteTokens =
    numberMember(anthropic, "cacheCreationInputTokens") ?? numberMember(bedrock, "cacheWriteInputTokens");
  const cacheReadBeside =
    numberMember(anthropic, "cacheReadInputTokens") ??
    numberMember(usage, "cache_read_input_tokens") ??
    numberMember(bedrock, "cacheReadInputTokens");
  const cacheReadTokens = cacheReadBeside ?? numberMember(openai, "cachedPromptTokens");
  const reasoningTokens = numberMember(openai, "reasoningTokens");
  return {
    ...(cacheReadTokens === undefined ? {} : { cacheReadTokens }),
    ...(cacheWriteTokens === undefined ? {} : { cacheWriteTokens }),
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
    isCacheBeside: cacheReadBeside !== undefined || cacheWriteTokens !== undefined,
  };
}
