/** Which requests are calls of a model, by where they go: hosts and paths as they are spelt in the field. */
import { expect, it } from "vitest";
import { modelPath } from "../../../instrumentation/src/wire/model-path.ts";
import { isFree, providerOf } from "../../../instrumentation/src/wire/providers.ts";

it.each([
  ["/v1/chat/completions", "/v1/chat/completions"],
  ["/V1/Chat/Completions/", "/V1/chat/completions"],
  ["//v1///ch%61t/completions", "/v1/chat/completions"],
  ["/model/arn%3Aaws%2Fx/converse", "/model/arn%3Aaws%2Fx/converse"],
  ["/v1beta/models/gemini-2.5-flash:generateContent", "/v1beta/models/gemini-2.5-flash:generateContent"],
  ["/", "/"],
])("a path is read as servers read it: %s", (path, read) => {
  expect(modelPath(path)).toBe(read);
});

it.each([
  ["/v1/files", true],
  ["/v1/threads", true],
  ["/v1/threads/t1", true],
  ["/v1/threads/t1/messages", true],
  ["/v1/threads/runs", false],
  ["/v1/threads/t1/runs", false],
  ["/v1/evals", true],
  ["/v1/evals/e1", true],
  ["/v1/evals/e1/runs", false],
  ["/v1/evals/e1/runs/r1", true],
  ["/openai/deployments/files/chat/completions", false],
  ["/agents/A/agentAliases/B/sessions/s1/text", false],
  ["/retrieveAndGenerateStream", false],
  ["/optimize-prompt", false],
  ["/flows/F/aliases/A", false],
  ["/sessions", true],
  ["/sessions/s1/invocationSteps", true],
  ["/v1/projects/uploads/locations/us/publishers/google/models/m:predict", false],
])("what costs nothing is told from what runs a model: %s", (path, free) => {
  expect(isFree("POST", path, false)).toBe(free);
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
])("a provider is known by its host: %s", (url, provider) => {
  expect(providerOf(new URL(url), [])?.provider).toBe(provider);
});
