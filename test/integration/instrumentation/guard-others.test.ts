/** `guard()` of the clients that are not OpenAI's, Anthropic's or Google's: what does not fit is answered in their own shape. */
import Groq from "groq-sdk";
import { Ollama } from "ollama";
import { afterAll, beforeAll, expect, it } from "vitest";
import { UnpricedModel } from "../../../instrumentation/src/errors.ts";
import { guard } from "../../../instrumentation/src/guard/guard.ts";
import { ProviderSimulator } from "../../../src/demo/provider/simulator.ts";
import { bedrockClient, bedrockConverse } from "../../support/libraries/bedrock.ts";
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

it("refuses a local model that nobody gave a price", async () => {
  const client = guard(new Ollama({ host: url }), { budget: "$0.01" });
  await expect(client.chat({ model: "llama3.2", messages })).rejects.toBeInstanceOf(UnpricedModel);
});
