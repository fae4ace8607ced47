/**
 * Hosts that serve models by APIs of their own, as data. What is sent to them as OpenAI's or Anthropic's APIs have it is read, named and priced as
 * on any host; everything else that runs a model there is a call that nobody can read (opaque.ts), so that a budget knows of it. Without
 * this table such a call is a request like any other. The paths are those of the providers' own packages and references (read 2026-11).
 */
import type { ProviderHost } from "./providers.ts";

export const VERCEL = "vercel";

export const OTHER_HOSTS: readonly ProviderHost[] = [
  { provider: "azure.ai.inference", hosts: ["*.models.ai.azure.com", "*.inference.ai.azure.com", "models.github.ai"] },
  {
    provider: "huggingface",
    hosts: ["router.huggingface.co", "api-inference.huggingface.co", "*.endpoints.huggingface.cloud"],
    model: /\/models\/([^/]+\/[^/]+)/,
  },
  {
    provider: VERCEL,
    hosts: ["ai-gateway.vercel.sh"],
    // Which of them it is stands in the last word. https://github.com/vercel/ai/tree/main/packages/gateway
    modelHeaders: ["ai-language-model-id", "ai-embedding-model-id", "ai-image-model-id", "ai-model-id"],
  },
  {
    provider: "cloudflare",
    hosts: ["api.cloudflare.com"],
    paths: /\/accounts\/[^/]+\/ai\/(?:run|v1)\//,
    model: /\/ai\/run\/(.+)$/,
  },
  { provider: "cloudflare", hosts: ["gateway.ai.cloudflare.com"] },
  {
    provider: "databricks",
    hosts: ["*.cloud.databricks.com", "*.azuredatabricks.net", "*.gcp.databricks.com"],
    paths: /\/serving-endpoints\/[^/]+\/invocations$/,
    model: /\/serving-endpoints\/([^/]+)\//,
    servesOthers: true,
  },
  {
    provider: "aws.sagemaker",
    hosts: ["runtime.sagemaker*.amazonaws.com", "runtime.sagemaker*.amazonaws.com.cn"],
    model: /\/endpoints\/([^/]+)\//,
    servesOthers: true,
  },
  {
    provider: "snowflake",
    hosts: ["*.snowflakecomputing.com"],
    paths: /\/cortex\/(?:inference:|v1\/|agent:run$|analyst\/)|\/agents\/[^/]+:run$/,
  },
  {
    provider: "ibm.watsonx.ai",
    hosts: ["*.ml.cloud.ibm.com"],
    paths: /\/ml\/v\d+\/(?:text|deployments\/[^/]+\/(?:text|ai_service)|audio)\b/,
  },
  { provider: "nvidia", hosts: ["integrate.api.nvidia.com", "ai.api.nvidia.com"] },
  { provider: "alibaba_cloud", hosts: ["dashscope*.aliyuncs.com"] },
  { provider: "minimax", hosts: ["api.minimax.io", "api.minimaxi.com", "api.minimax.chat"] },
  { provider: "tencent_cloud", hosts: ["hunyuan*.tencentcloudapi.com"] },
  { provider: "zai", hosts: ["api.z.ai"] },
  { provider: "zhipuai", hosts: ["open.bigmodel.cn"] },
  { provider: "siliconflow", hosts: ["api.siliconflow.cn", "api.siliconflow.com"] },
  { provider: "deepinfra", hosts: ["api.deepinfra.com"], model: /\/inference\/(.+)$/ },
  { provider: "novita", hosts: ["api.novita.ai"] },
  { provider: "baseten", hosts: ["inference.baseten.co"] },
  // Anything can be served there, and nearly always it is a model.
  { provider: "baseten", hosts: ["*.api.baseten.co"], paths: /\/(?:async_)?(?:predict|run_remote)$|\/v1\// },
  { provider: "runpod", hosts: ["api.runpod.ai"], paths: /\/v2\/[^/]+\/(?:run|runsync|openai\/.+)$/ },
  { provider: "ai21", hosts: ["api.ai21.com"] },
  {
    provider: "writer",
    hosts: ["api.writer.com"],
    paths: /\/v1\/(?:chat|completions|applications\/[^/]+(?:\/jobs)?|graphs\/question|tools\/.+|translation|vision)$/,
  },
  { provider: "v0", hosts: ["api.v0.dev"], paths: /\/v1\/(?:chats(?:\/[^/]+\/messages)?|chat\/completions)$/ },
  { provider: "voyageai", hosts: ["api.voyageai.com"] },
  { provider: "jina", hosts: ["api.jina.ai", "deepsearch.jina.ai"] },
  {
    provider: "replicate",
    hosts: ["api.replicate.com"],
    paths: /\/(?:predictions|trainings)$/,
    model: /\/models\/([^/]+\/[^/]+)\//,
  },
  { provider: "fal", hosts: ["fal.run", "*.fal.run"], model: /^\/(.+)$/ },
  { provider: "black_forest_labs", hosts: ["api.bfl.ai", "api.*.bfl.ai", "api.bfl.ml"], model: /\/v1\/([^/]+)$/ },
  { provider: "stability", hosts: ["api.stability.ai"] },
  {
    provider: "elevenlabs",
    hosts: ["api.elevenlabs.io", "api.*.elevenlabs.io"],
    paths:
      /\/v\d+\/(?:text-to-|speech-to-|sound-generation|audio-isolation|dubbing|music|forced-alignment|voice-generation|convai\/(?:conversation$|twilio|sip))/,
  },
  {
    provider: "deepgram",
    hosts: ["api.deepgram.com", "api.*.deepgram.com", "agent.deepgram.com"],
    paths: /\/v\d+\/(?:listen|speak|read|agent\/converse)$/,
  },
  {
    provider: "assemblyai",
    hosts: ["api.assemblyai.com", "api.*.assemblyai.com", "*llm-gateway*.assemblyai.com", "streaming.*assemblyai.com"],
    paths: /\/(?:transcript|generate\/.+|chat\/completions|ws)$/,
  },
];
