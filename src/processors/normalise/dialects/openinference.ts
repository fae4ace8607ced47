/**
 * Arize OpenInference. https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
 * `llm.token_count.prompt` includes its details. `llm.model_name` is the request's model until the answer is there.
 */
import { Operation } from "@tollgate/instrumentation/semconv";
import { textAttribute } from "../../../pdata/attribute-read.ts";
import type { Dialect } from "../dialect.ts";
import { jsonAttribute, textMember } from "../json-attribute.ts";

const OPERATIONS: ReadonlyMap<string, string> = new Map([
  ["LLM", Operation.chat],
  ["EMBEDDING", Operation.embeddings],
  ["TOOL", Operation.executeTool],
  ["AGENT", Operation.invokeAgent],
  ["CHAIN", Operation.invokeWorkflow],
]);

/**
 * In an answer as it is written down: of the provider's own JSON at its beginning, of LangChain's with the message. Only what is
 * the provider's: LangChain makes ids of its own (`run-…`). What a model wrote stands escaped there, and is not met.
 */
const RESPONSE_ID = /"id":"((?:chatcmpl-|cmpl-|resp_|msg_)[\w-]{8,128})"/;

/** Of Bedrock's Converse, whose request begins so: of an inference profile's name the instrumentation keeps the maker only (`us.anthropic.…`). */
const CONVERSE_MODEL = /^\{"modelId":"([^"\\]{1,256})"/;

/** What LlamaIndex does before a call, told as one of a model (recorded): it sends nothing. */
const NO_CALL = "._prepare_chat_with_tools";

export const openinference: Dialect = {
  name: "OpenInference",
  prefixes: ["openinference.span.kind", "llm.token_count."],
  read({ name, attributes }) {
    const text = (key: string): string => textAttribute(attributes, key);
    const kind = text("openinference.span.kind");
    const isModel = kind === "LLM" || kind === "EMBEDDING";
    const isBedrock = text("llm.provider") === "aws";
    const converseModel = isBedrock ? (CONVERSE_MODEL.exec(text("input.value"))?.[1] ?? "") : "";
    const model = converseModel || text("llm.model_name") || text("embedding.model_name");
    return {
      operation: name.endsWith(NO_CALL) ? undefined : OPERATIONS.get(kind),
      // LangChain's spans name the provider in their metadata only.
      provider:
        text("llm.provider") ||
        text("llm.system") ||
        (isModel ? textMember(jsonAttribute(attributes, "metadata"), "ls_provider") : ""),
      requestModel:
        text("llm.request.model_name") ||
        (isModel ? textMember(jsonAttribute(attributes, "llm.invocation_parameters"), "model") : "") ||
        model,
      responseModel: text("llm.response.model_name") || model,
      responseId: isModel ? (RESPONSE_ID.exec(text("output.value"))?.[1] ?? "") : "",
      tool: text("tool.name"),
      agent: text("agent.name"),
      session: text("session.id"),
      user: text("user.id"),
      inputTokens: attributes.get("llm.token_count.prompt"),
      outputTokens: attributes.get("llm.token_count.completion"),
      cacheReadTokens: attributes.get("llm.token_count.prompt_details.cache_read"),
      cacheWriteTokens: attributes.get("llm.token_count.prompt_details.cache_write"),
      reasoningTokens: attributes.get("llm.token_count.completion_details.reasoning"),
      inputAudioTokens: attributes.get("llm.token_count.prompt_details.audio"),
      outputAudioTokens: attributes.get("llm.token_count.completion_details.audio"),
      reportedUsd: attributes.get("llm.cost.total"),
    };
  },
};
