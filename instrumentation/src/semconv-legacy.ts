/**
 * Names that other instrumentations and older drafts of the conventions send, and what each is called now. Data only:
 * the processor's normaliser applies it, and never lets an old name overwrite a current one that is there.
 * Sources, read 2026-11: GenAI conventions up to v1.41, OpenLLMetry, OpenInference, Vercel AI SDK, Langfuse, OpenLIT.
 */

/** Old name → current name. Values are unchanged but for the provider, see `LEGACY_PROVIDERS`. */
export const LEGACY_ATTRIBUTES: Readonly<Record<string, string>> = {
  // older gen_ai drafts
  "gen_ai.system": "gen_ai.provider.name",
  "gen_ai.usage.prompt_tokens": "gen_ai.usage.input_tokens",
  "gen_ai.usage.completion_tokens": "gen_ai.usage.output_tokens",
  "gen_ai.usage.cache_creation.input_tokens": "gen_ai.usage.cache_write.input_tokens",
  "gen_ai.usage.cache_creation_input_tokens": "gen_ai.usage.cache_write.input_tokens",
  "gen_ai.usage.cache_read_input_tokens": "gen_ai.usage.cache_read.input_tokens",
  "gen_ai.usage.cached_tokens": "gen_ai.usage.cache_read.input_tokens",
  "gen_ai.usage.reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
  "gen_ai.openai.request.seed": "gen_ai.request.seed",
  "gen_ai.openai.request.response_format": "gen_ai.output.type",
  // OpenLLMetry
  "llm.request.model": "gen_ai.request.model",
  "llm.response.model": "gen_ai.response.model",
  "llm.usage.prompt_tokens": "gen_ai.usage.input_tokens",
  "llm.usage.completion_tokens": "gen_ai.usage.output_tokens",
  "llm.usage.cache_read_input_tokens": "gen_ai.usage.cache_read.input_tokens",
  "llm.usage.cache_creation_input_tokens": "gen_ai.usage.cache_write.input_tokens",
  "traceloop.entity.name": "gen_ai.tool.name",
  "traceloop.association.properties.session_id": "session.id",
  "traceloop.association.properties.user_id": "user.id",
  // OpenInference
  "llm.model_name": "gen_ai.request.model",
  "llm.provider": "gen_ai.provider.name",
  "llm.system": "gen_ai.provider.name",
  "llm.token_count.prompt": "gen_ai.usage.input_tokens",
  "llm.token_count.completion": "gen_ai.usage.output_tokens",
  "llm.token_count.prompt_details.cache_read": "gen_ai.usage.cache_read.input_tokens",
  "llm.token_count.prompt_details.cache_write": "gen_ai.usage.cache_write.input_tokens",
  "llm.token_count.completion_details.reasoning": "gen_ai.usage.reasoning.output_tokens",
  "tool.name": "gen_ai.tool.name",
  // Vercel AI SDK
  "ai.model.id": "gen_ai.request.model",
  "ai.model.provider": "gen_ai.provider.name",
  "ai.response.model": "gen_ai.response.model",
  "ai.response.id": "gen_ai.response.id",
  "ai.usage.inputTokens": "gen_ai.usage.input_tokens",
  "ai.usage.promptTokens": "gen_ai.usage.input_tokens",
  "ai.usage.outputTokens": "gen_ai.usage.output_tokens",
  "ai.usage.completionTokens": "gen_ai.usage.output_tokens",
  "ai.usage.cachedInputTokens": "gen_ai.usage.cache_read.input_tokens",
  "ai.usage.reasoningTokens": "gen_ai.usage.reasoning.output_tokens",
  "ai.toolCall.name": "gen_ai.tool.name",
  "ai.toolCall.id": "gen_ai.tool.call.id",
  // Langfuse
  "langfuse.observation.model.name": "gen_ai.request.model",
  "langfuse.session.id": "session.id",
  "langfuse.user.id": "user.id",
};

/** Old spellings of a provider → its current name. A spelling that is not here stays as it is. */
export const LEGACY_PROVIDERS: Readonly<Record<string, string>> = {
  "az.ai.openai": "azure.ai.openai",
  "az.ai.inference": "azure.ai.inference",
  azure: "azure.ai.openai",
  azure_openai: "azure.ai.openai",
  "openai.chat": "openai",
  "openai.responses": "openai",
  "anthropic.messages": "anthropic",
  vertex_ai: "gcp.vertex_ai",
  vertexai: "gcp.vertex_ai",
  gemini: "gcp.gemini",
  "google.generative-ai": "gcp.gemini",
  "google.vertex.chat": "gcp.vertex_ai",
  google: "gcp.gen_ai",
  aws_bedrock: "aws.bedrock",
  bedrock: "aws.bedrock",
  "amazon-bedrock": "aws.bedrock",
  mistralai: "mistral_ai",
  mistral: "mistral_ai",
  xai: "x_ai",
};
