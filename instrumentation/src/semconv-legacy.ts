/**
 * Names of older drafts of the conventions, and what each is called now. Data only: the processor's normaliser applies
 * it, and never lets an old name overwrite a current one that is there. What other instrumentations say in words of
 * their own is in the processor's `normalise/dialects`. Read 2026-11: GenAI conventions up to v1.41.
 */

/** Old name → current name. Values are unchanged but for the provider, see `LEGACY_PROVIDERS`. */
export const LEGACY_ATTRIBUTES: Readonly<Record<string, string>> = {
  "gen_ai.system": "gen_ai.provider.name",
  "gen_ai.usage.prompt_tokens": "gen_ai.usage.input_tokens",
  "gen_ai.usage.completion_tokens": "gen_ai.usage.output_tokens",
  "gen_ai.usage.cache_creation.input_tokens": "gen_ai.usage.cache_write.input_tokens",
  "gen_ai.usage.cache_creation_input_tokens": "gen_ai.usage.cache_write.input_tokens",
  "gen_ai.usage.cache_read_input_tokens": "gen_ai.usage.cache_read.input_tokens",
  "gen_ai.usage.cached_tokens": "gen_ai.usage.cache_read.input_tokens",
  "gen_ai.usage.reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
  "gen_ai.usage.details.cached_tokens": "gen_ai.usage.cache_read.input_tokens",
  "gen_ai.usage.details.reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
  "gen_ai.openai.request.seed": "gen_ai.request.seed",
  "gen_ai.openai.request.response_format": "gen_ai.output.type",
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
  "anthropic.completions": "anthropic",
  "azure-openai.chat": "azure.ai.openai",
  "azure-openai.responses": "azure.ai.openai",
  "openai.completion": "openai",
  "openai.embedding": "openai",
  amazon_bedrock: "aws.bedrock",
  google_genai: "gcp.gemini",
  google_vertexai: "gcp.vertex_ai",
  mistralai: "mistral_ai",
  mistral: "mistral_ai",
  xai: "x_ai",
};
