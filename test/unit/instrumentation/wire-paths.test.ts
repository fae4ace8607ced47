/** Which requests are calls of a model, by where they go: hosts and paths as they are spelt in the field. */
import { expect, it } from "vitest";
import { modelPath } from "../../../instrumentation/src/wire/model-path.ts";
import { isFree, providerOf } from "../../../instrumentation/src/wire/providers.ts";

it.each([
  ["/v1/chat/completions", "/v1/chat/completions"],
  ["/V1/Chat/Completions/", "/v1/chat/completions"],
  ["//v1///ch%61t/completions", "/v1/chat/completions"],
  ["/model/arn%3Aaws%2Fx/converse", "/model/arn%3Aaws%2Fx/converse"],
  ["/v1beta/models/gemini-2.5-flash:generateContent", "/v1beta/models/gemini-2.5-flash:generateContent"],
  ["/", "/"],
])("a path is read as servers read it: %s", (path, read) => {
  expect(modelPath(path)).toBe(read);
});

it.each([
  ["openai", "/v1/files", true],
  ["openai", "/v1/threads", true],
  ["openai", "/v1/threads/t1", true],
  ["openai", "/v1/threads/t1/messages", true],
  ["openai", "/v1/threads/runs", false],
  ["openai", "/v1/threads/t1/runs", false],
  ["openai", "/v1/evals", true],
  ["openai", "/v1/evals/e1", true],
  ["openai", "/v1/evals/e1/runs", false],
  ["openai", "/v1/evals/e1/runs/r1", true],
  ["openai", "/v1/realtime/sessions", true],
  ["openai", "/v1/realtime/transcription_sessions", true],
  ["openai", "/v1/chatkit/sessions", true],
  ["openai", "/v1/live/sessions", false],
  ["openai", "/v1/agents/sessions", false],
  ["openai", "/v1/skills", true],
  ["openai", "/v1/organization/projects", true],
  ["openai", "/v1/agents/automations", false],
  ["openai", "/v1/containers", false],
  ["openai", "/v1/containers/c1/files", true],
  ["openai", "/v1/realtime/calls", false],
  ["openai", "/v1/realtime/calls/c1/accept", false],
  ["openai", "/v1/live/sessions/s1/fork", false],
  ["openai", "/v1/fine_tuning/jobs/j1/resume", false],
  ["openai", "/v1/fine_tuning/alpha/graders/run", false],
  ["openai", "/v1/agents/automations/a1/resume", false],
  // A server that takes whatever comes after its path.
  ["openai", "/v1/chat/completions/x", false],
  ["openai", "/v1/audio/voices", false],
  ["azure.ai.openai", "/openai/deployments/files/chat/completions", false],
  ["anthropic", "/v1/sessions", false],
  ["anthropic", "/v1/sessions/s1/events", false],
  ["anthropic", "/v1/sessions/s1/threads/t1/events", false],
  ["anthropic", "/v1/deployments/d1/unpause", false],
  ["anthropic", "/v1/skills", true],
  ["anthropic", "/v1/memory_stores/m1/memories", true],
  ["anthropic", "/v1/organizations/webhooks", true],
  ["anthropic", "/v1/deployments/d1/run", false],
  ["anthropic", "/v1/dreams", false],
  ["anthropic", "/v1/messages/count_tokens", true],
  ["mistral_ai", "/v1/conversations", false],
  ["mistral_ai", "/v1/conversations/c1", false],
  ["mistral_ai", "/v1/conversations/c1/restart", false],
  ["mistral_ai", "/v1/moderations", false],
  ["mistral_ai", "/v1/files", true],
  ["mistral_ai", "/v1/agents", true],
  ["mistral_ai", "/v1/agents/completions", false],
  ["aws.bedrock", "/agents/A/agentAliases/B/sessions/s1/text", false],
  // An agent that is described in the request, by a session with a name of one's choice.
  ["aws.bedrock", "/agents/files", false],
  ["aws.bedrock", "/retrieveAndGenerateStream", false],
  ["aws.bedrock", "/optimize-prompt", false],
  ["aws.bedrock", "/flows/F/aliases/A", false],
  ["aws.bedrock", "/sessions", true],
  ["aws.bedrock", "/sessions/s1/invocationSteps", true],
  ["aws.bedrock", "/model/amazon.nova-pro-v1:0/count-tokens", true],
  ["gcp.gemini", "/upload/v1beta/files", true],
  ["gcp.gemini", "/v1beta/cachedContents", false],
  ["gcp.gemini", "/v1beta/fileSearchStores/s1:importFile", false],
  ["gcp.gemini", "/upload/v1beta/fileSearchStores/s1:uploadToFileSearchStore", false],
  ["gcp.vertex_ai", "/v1/projects/uploads/locations/us/publishers/google/models/m:predict", false],
  ["house", "/v1/files", true],
])("what costs nothing is told from what runs a model: %s %s", (provider, path, free) => {
  expect(isFree({ method: "POST", path, provider, isUpgrade: false })).toBe(free);
});

it.each([
  ["aws.bedrock", "PUT", "/sessions/s1", true],
  ["aws.bedrock", "PUT", "/sessions/s1/invocations", true],
  ["aws.bedrock", "PUT", "/model/amazon.nova-pro-v1:0/converse", false],
  ["mistral_ai", "PATCH", "/v1/agents/a1", true],
  ["mistral_ai", "PUT", "/v1/libraries/l1", true],
  ["mistral_ai", "PUT", "/v1/libraries/l1/documents/d1", true],
  ["mistral_ai", "POST", "/v1/libraries/l1/documents", false],
  ["openai", "PUT", "/v1/files/f1", true],
  ["openai", "PUT", "/v1/videos", false],
  ["openai", "PATCH", "/v1/chat/completions", false],
  ["openai", "GET", "/v1/chat/completions", true],
  ["openai", "QUERY", "/v1/responses", false],
])("what another method does is told by where it goes: %s %s %s", (provider, method, path, free) => {
  expect(isFree({ method, path, provider, isUpgrade: false })).toBe(free);
});

it("keeping something stored for longer is no change that costs nothing", () => {
  const place = { path: "/v1beta/cachedContents/c1", provider: "gcp.gemini", isUpgrade: false };
  expect(isFree({ ...place, method: "PATCH" })).toBe(false);
  expect(isFree({ ...place, method: "DELETE" })).toBe(true);
  expect(isFree({ ...place, path: "/v1beta/tunedModels/m1", method: "PATCH" })).toBe(true);
});

it.each([
  ["https://api.openai.com./v1", "openai"],
  ["https://API.OpenAI.com/v1", "openai"],
  ["https://vpce-0a-1b.bedrock-runtime.us-east-1.vpce.amazonaws.com/", "aws.bedrock"],
  ["https://bedrock-runtime.cn-north-1.amazonaws.com.cn/", "aws.bedrock"],
  ["https://bedrock-agent-runtime.eu-west-1.amazonaws.com/retrieveAndGenerate", "aws.bedrock"],
  ["https://vpce-0a-1b.bedrock-agent-runtime.us-east-1.vpce.amazonaws.com/", "aws.bedrock"],
  // Where agents are made, not run.
  ["https://bedrock-agent.eu-west-1.amazonaws.com/agents", undefined],
  ["https://corp.openai.azure.us/openai", "azure.ai.openai"],
  ["https://api.openai.com.evil.example/", undefined],
  ["https://us-east-1.api.x.ai/v1", "x_ai"],
  ["http://gpu-box.lan:11434/api/chat", "ollama"],
  ["http://[fd00::1]:11434/api/chat", "ollama"],
  ["https://api.voyageai.com/v1/rerank", "voyageai"],
  ["https://router.huggingface.co/hf-inference/models/BAAI/bge-small/pipeline/feature-extraction", "huggingface"],
  ["https://api.replicate.com/v1/models/meta/llama/predictions", "replicate"],
  ["https://api.cloudflare.com/client/v4/accounts/a/ai/run/@cf/meta/llama-3-8b-instruct", "cloudflare"],
  ["https://queue.fal.run/fal-ai/flux/dev", "fal"],
  ["https://api.elevenlabs.io/v1/text-to-speech/v/stream", "elevenlabs"],
  // What else such hosts do is none of a model's.
  ["https://api.cloudflare.com/client/v4/zones/z/purge_cache", undefined],
  ["https://api.replicate.com/v1/files", undefined],
  ["https://api.elevenlabs.io/v1/voices/add", undefined],
  ["https://dbc-1.cloud.databricks.com/api/2.0/sql/statements", undefined],
])("a provider is known by its host: %s", (url, provider) => {
  expect(providerOf(new URL(url), [])?.provider).toBe(provider);
});
