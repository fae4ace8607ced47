/** What is read of requests to hosts whose APIs are their own: whose they are, of which model, and what their answers count. */
import { expect, it } from "vitest";
import { openRequest } from "../../../../instrumentation/src/wire/dialects.ts";
import type { OpenedRequest } from "../../../../instrumentation/src/wire/dialects.ts";
import { modelPath } from "../../../../instrumentation/src/wire/model-path.ts";
import { providerOf } from "../../../../instrumentation/src/wire/providers.ts";

type Headers = Readonly<Record<string, string>>;

function open(url: string, body: object, headers: Headers = {}): OpenedRequest | undefined {
  const at = new URL(url);
  return openRequest({
    path: modelPath(at.pathname),
    body: body as never,
    isFrozen: false,
    host: providerOf(at, []),
    header: (name) => headers[name],
  });
}

const messages = [{ role: "user", content: "hi" }];
const GATEWAY = "https://ai-gateway.vercel.sh/v4/ai/language-model";
const talk = { prompt: [{ role: "user", content: [{ type: "text", text: "hi" }] }], maxOutputTokens: 50 };

it.each([
  ["https://api.voyageai.com/v1/rerank", { model: "rerank-2", query: "q" }, "voyageai", "rerank-2"],
  ["https://api.replicate.com/v1/models/meta/llama-3/predictions", { input: {} }, "replicate", "meta/llama-3"],
  ["https://us-south.ml.cloud.ibm.com/ml/v1/text/chat", { model_id: "granite", messages }, "ibm.watsonx.ai", "granite"],
  ["https://x.cloud.databricks.com/serving-endpoints/dbrx/invocations", { messages }, "databricks", "dbrx"],
  ["https://hunyuan.tencentcloudapi.com/", { Model: "hunyuan-pro" }, "tencent_cloud", "hunyuan-pro"],
  // In a form that others have too it is read as theirs, and has the price that the host's name gives it.
  ["https://api.voyageai.com/v1/embeddings", { model: "voyage-3", input: "x" }, "openai", "voyage-3"],
  ["https://gateway.ai.cloudflare.com/v1/a/g/anthropic/v1/messages", { model: "m", messages }, "anthropic", "m"],
])("%s is a call of a model: %j", (url, body, provider, model) => {
  const opened = open(url, body);
  expect(opened?.endpoint.provider).toBe(provider);
  expect(opened?.endpoint.readRequest(opened.body).model).toBe(model);
});

it.each([
  // Tables and numbers, for models that talk to nobody.
  ["https://x.cloud.databricks.com/serving-endpoints/churn/invocations", { dataframe_split: { data: [[1]] } }],
  ["https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/fraud/invocations", { instances: [[0.1]] }],
])("%s is none: %j", (url, body) => {
  expect(open(url, body)).toBeUndefined();
});

it("the AI SDK's own form is read as the SDK's models are: its bound, its model, and what it used", () => {
  const headers = { "ai-language-model-id": "openai/gpt-4o", "ai-language-model-streaming": "true" };
  const opened = open(GATEWAY, talk, headers);
  expect(opened?.endpoint.readRequest(opened.body)).toMatchObject({
    model: "gpt-4o",
    outputBound: 50,
    isStreamed: true,
  });
  expect(opened?.endpoint.provider).toBe("openai");
  const lowered = opened?.endpoint.rewrite(opened.body, { model: "gpt-4o", outputBound: 7 }) ?? {};
  expect(opened?.toWire(lowered).body).toEqual({ ...talk, maxOutputTokens: 7 });
  const reader = opened?.endpoint.streamReader(talk);
  reader?.read({
    type: "finish",
    finishReason: "stop",
    usage: { inputTokens: { total: 9 }, outputTokens: { total: 4 } },
  });
  expect(reader?.facts().usage).toMatchObject({ input: 9, output: 4 });
  expect(open(GATEWAY, talk)?.isOpaque).toBe(true);
});

it("a count that stands in an envelope is found", () => {
  const opened = open("https://api.cloudflare.com/client/v4/accounts/a/ai/run/@cf/meta/llama-3", { messages });
  const usage = { prompt_tokens: 9, completion_tokens: 4 };
  expect(opened?.endpoint.readAnswer({ success: true, result: { response: "hi", usage } }).usage).toMatchObject({
    input: 9,
    output: 4,
  });
});
