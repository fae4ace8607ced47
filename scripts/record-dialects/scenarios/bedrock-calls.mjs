/** Calls of a Claude on Bedrock, by both of its APIs, whole and streamed; the last one fails. */
import { LONG_SYSTEM, require } from "./calls.mjs";

export const bedrock = require("@aws-sdk/client-bedrock-runtime");
const { NodeHttpHandler } = require("@smithy/node-http-handler");
const CLAUDE = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

export function bedrockClient() {
  return new bedrock.BedrockRuntimeClient({
    region: "us-east-1",
    endpoint: process.env.ANTHROPIC_BASE_URL,
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler(),
  });
}

export async function callBedrock(client) {
  const converse = (text, more = {}) => ({
    modelId: CLAUDE,
    messages: [{ role: "user", content: [{ text }] }],
    inferenceConfig: { maxTokens: 200 },
    ...more,
  });
  await client.send(new bedrock.ConverseCommand(converse("How much is the toll?")));
  const streamed = await client.send(new bedrock.ConverseStreamCommand(converse("Tell me of the gate.")));
  for await (const _event of streamed.stream);
  const invoke = (content, more = {}) => ({
    modelId: CLAUDE,
    contentType: "application/json",
    body: JSON.stringify({
      anthropic_version: "bedrock-2023-05-31",
      max_tokens: 200,
      messages: [{ role: "user", content }],
      ...more,
    }),
  });
  const cached = { system: [{ type: "text", text: LONG_SYSTEM, cache_control: { type: "ephemeral" } }] };
  await client.send(new bedrock.InvokeModelCommand(invoke("How long is the queue?")));
  await client.send(new bedrock.InvokeModelCommand(invoke("First question.", cached)));
  await client.send(new bedrock.InvokeModelCommand(invoke("Second question.", cached)));
  const raw = await client.send(new bedrock.InvokeModelWithResponseStreamCommand(invoke("Tell me of the queue.")));
  for await (const _event of raw.body);
  await client
    .send(new bedrock.ConverseCommand({ ...converse("This model is not there."), modelId: "unknown.model-v1:0" }))
    .catch(() => undefined);
}
