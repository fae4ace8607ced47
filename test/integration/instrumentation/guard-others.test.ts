/** `guard()` of the clients that are not OpenAI's, Anthropic's or Google's, unregistered: what does not fit is answered in their own shape. */
import { CohereClient, CohereClientV2 } from "cohere-ai";
import Groq from "groq-sdk";
import { Ollama } from "ollama";
import { afterAll, beforeAll, expect, it } from "vitest";
import { UnpricedModel } from "../../../instrumentation/src/errors.ts";
import { guard } from "../../../instrumentation/src/guard/guard.ts";
import { ProviderSimulator } from "../../../src/demo/provider/simulator.ts";
import { bedrockClient, bedrockConverse } from "../../support/libraries/bedrock.ts";
import { cohereV1, cohereV2 } from "../../support/libraries/cohere.ts";
import { mistralChat, mistralClient } from "../../support/libraries/mistral.ts";
import { ConverseCommand, ConverseStreamCommand } from "@aws-sdk/client-bedrock-runtime";

const BLOCKED = /^\[Tollgate\] Budget of \$0\.01 exceeded \(spent \$0\.\d{4}\)\. Request blocked\.$/;
const messages = [{ role: "user" as const, content: "hi" }];

let simulator: ProviderSimulator;
let url: string;
let http2Url: string;

beforeAll(async () => {
  simulator = new ProviderSimulator();
  [url, http2Url] = [await simulator.start(), await simulator.startHttp2()];
});

afterAll(() => simulator.stop());

it("counts and stops a Groq client", async () => {
  const client = guard(new Groq({ apiKey: "k", baseURL: url }), { budget: "$0.01", onLimit: "stop" });
  const request = { model: "llama-3.3-70b-versatile", messages, max_tokens: 60 };
  await client.chat.completions.create(request);
  expect(client.tollgate.spentNanoUsd).toBe(
    BigInt(simulator.count().by_model["llama-3.3-70b-versatile"]?.nano_usd ?? 0),
  );
  client.tollgate.record("0.01");
  expect((await client.chat.completions.create(request)).choices[0]?.message.content).toMatch(BLOCKED);
  const stream = await client.chat.completions.create({ ...request, stream: true });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  expect(text).toMatch(BLOCKED);
  expect(client).toBeInstanceOf(Groq);
});

it("counts and stops a Bedrock client", async () => {
  const client = guard(bedrockClient(http2Url), { budget: "$0.01", onLimit: "stop" });
  const { model } = bedrockConverse;
  const request = {
    modelId: model,
    messages: [{ role: "user" as const, content: [{ text: "hi" }] }],
    inferenceConfig: { maxTokens: 60 },
  };
  await client.send(new ConverseCommand(request));
  expect(client.tollgate.spentNanoUsd).toBe(BigInt(simulator.count().by_model[model]?.nano_usd ?? 0));
  client.tollgate.record("0.01");
  const answer = await client.send(new ConverseCommand(request));
  expect(answer.output?.message?.content?.[0]?.text).toMatch(BLOCKED);
  const { stream } = await client.send(new ConverseStreamCommand(request));
  let text = "";
  for await (const event of stream ?? []) text += event.contentBlockDelta?.delta?.text ?? "";
  expect(text).toMatch(BLOCKED);
});

it("counts and stops a Mistral client, in all its parts", async () => {
  const client = guard(mistralClient(url), { budget: "$0.01", onLimit: "stop" });
  const request = { model: mistralChat.model, messages, maxTokens: 60 };
  await client.chat.complete(request);
  const paid = BigInt(simulator.count().by_model[mistralChat.model]?.nano_usd ?? 0);
  expect(paid).toBeGreaterThan(0n);
  expect(client.tollgate.spentNanoUsd).toBe(paid);
  client.tollgate.record("0.01");
  expect((await client.chat.complete(request)).choices?.[0]?.message?.content).toMatch(BLOCKED);
  let text = "";
  for await (const { data } of await client.chat.stream(request)) {
    const piece = data.choices[0]?.delta.content;
    text += typeof piece === "string" ? piece : "";
  }
  expect(text).toMatch(BLOCKED);
  expect((await client.embeddings.create({ model: "mistral-embed", inputs: "hi" })).usage.totalTokens).toBe(0);
  expect(BigInt(simulator.count().by_model[mistralChat.model]?.nano_usd ?? 0)).toBe(paid);
});

it("counts and stops a client of Cohere's second API", async () => {
  const client = guard(new CohereClientV2({ token: "k", environment: url }), { budget: "$0.01", onLimit: "stop" });
  const request = { model: cohereV2.model, messages, maxTokens: 60 };
  await client.chat(request);
  const paid = BigInt(simulator.count().by_model[cohereV2.model]?.nano_usd ?? 0);
  expect(paid).toBeGreaterThan(0n);
  expect(client.tollgate.spentNanoUsd).toBe(paid);
  client.tollgate.record("0.01");
  const { message } = await client.chat(request);
  expect(message.content?.map((part) => (part.type === "text" ? part.text : "")).join("")).toMatch(BLOCKED);
  let text = "";
  for await (const event of await client.chatStream(request)) {
    if (event.type === "content-delta") text += event.delta?.message?.content?.text ?? "";
  }
  expect(text).toMatch(BLOCKED);
});

it("counts and stops a client of Cohere's first API, and the second one inside", async () => {
  const client = guard(new CohereClient({ token: "k", environment: url }), { budget: "$0.01", onLimit: "stop" });
  const before = BigInt(simulator.count().by_model[cohereV1.model]?.nano_usd ?? 0);
  await client.chat({ model: cohereV1.model, message: "hi", maxTokens: 60 });
  await client.v2.chat({ model: cohereV1.model, messages, maxTokens: 60 });
  const paid = BigInt(simulator.count().by_model[cohereV1.model]?.nano_usd ?? 0) - before;
  expect(client.tollgate.spentNanoUsd).toBe(paid);
  expect(client.tollgate.callCount).toBe(2);
  client.tollgate.record("0.01");
  expect((await client.chat({ model: cohereV1.model, message: "hi" })).text).toMatch(BLOCKED);
});

it("refuses a local model that nobody gave a price", async () => {
  const client = guard(new Ollama({ host: url }), { budget: "$0.01" });
  const refused = client.chat({ model: "llama3.2", messages });
  await expect(refused).rejects.toBeInstanceOf(UnpricedModel);
  // It has no `unknown_price` that could be set.
  await expect(refused).rejects.not.toThrow("unknown_price");
  await expect(refused).rejects.toThrow(/`llama3\.2`.*can't be held without: add a `kind: prices` document/);
});
