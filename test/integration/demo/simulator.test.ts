/** The simulator against the SDKs it must convince: the real ones, without any instrumentation. */
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";

import { ProviderSimulator, type SimulatorOptions } from "../../../src/demo/provider/simulator.ts";
import type { CountJson } from "../../../src/demo/provider/tally.ts";

const MESSAGES = [{ role: "user" as const, content: "What does a toll gate do?" }];

let simulator: ProviderSimulator;
let openai: OpenAI;
let anthropic: Anthropic;
let url: string;

async function start(options: SimulatorOptions = {}): Promise<void> {
  await simulator?.stop();
  simulator = new ProviderSimulator(options);
  url = await simulator.start();
  openai = new OpenAI({ apiKey: "key-openai", baseURL: `${url}/v1`, maxRetries: 1 });
  anthropic = new Anthropic({ apiKey: "key-anthropic", baseURL: url, maxRetries: 1 });
}

beforeEach(() => start());
afterEach(() => simulator.stop());

async function settled(): Promise<CountJson> {
  await expect.poll(() => simulator.count().in_flight).toBe(0);
  return simulator.count();
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

test("chat completions answer with usage that the bill follows from", async () => {
  const reply = await openai.chat.completions.create({ model: "gpt-4o-mini", messages: MESSAGES });
  expect(reply.choices[0]?.finish_reason).toBe("stop");
  expect(reply.model).toBe("gpt-4o-mini-2024-07-18");
  const { prompt_tokens: input = 0, completion_tokens: output = 0 } = reply.usage ?? {};
  const twice = BigInt(input) * 300n + BigInt(output) * 1200n;
  const count = simulator.count();
  expect(count.nano_usd).toBe(((twice + 1n) / 2n).toString());
  expect(count.by_key["key-openai"]).toMatchObject({ calls: 1, input_tokens: input, output_tokens: output });
});

test("a streamed chat has usage only where it was asked for", async () => {
  const plain = await openai.chat.completions.create({ model: "gpt-4o-mini", messages: MESSAGES, stream: true });
  for await (const chunk of plain) expect("usage" in chunk).toBe(false);
  const asked = await openai.chat.completions.create({
    model: "gpt-4o-mini",
    messages: MESSAGES,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await collect(asked);
  const last = chunks.pop();
  expect(last?.choices).toEqual([]);
  expect(last?.usage?.completion_tokens).toBe(simulator.count().output_tokens / 2);
  expect(chunks.length).toBeGreaterThan(2);
  for (const chunk of chunks) expect(chunk.usage).toBeNull();
});

test("each output bound is kept, and the reply says that it was cut", async () => {
  const chat = await openai.chat.completions.create({
    model: "gpt-4o",
    messages: MESSAGES,
    max_completion_tokens: 7,
    n: 2,
  });
  expect(chat.choices.map((choice) => choice.finish_reason)).toEqual(["length", "length"]);
  expect(chat.usage?.completion_tokens).toBe(14);
  const response = await openai.responses.create({ model: "gpt-4o-mini", input: "hello", max_output_tokens: 16 });
  expect(response.status).toBe("incomplete");
  expect(response.usage?.output_tokens).toBe(16);
  const message = await anthropic.messages.create({ model: "claude-haiku-4-5", messages: MESSAGES, max_tokens: 5 });
  expect(message.stop_reason).toBe("max_tokens");
  expect(message.usage.output_tokens).toBe(5);
});

test("responses stream through the SDK's own accumulator to the same text as unstreamed", async () => {
  const whole = await openai.responses.create({ model: "gpt-4o-mini", input: "hello" });
  const streamed = await openai.responses.stream({ model: "gpt-4o-mini", input: "hello" }).finalResponse();
  expect(streamed.output_text).toBe(whole.output_text);
  expect(streamed.usage).toEqual(whole.usage);
});

test("messages stream through the SDK's own accumulator to the same text and usage as unstreamed", async () => {
  const request = { model: "claude-haiku-4-5", messages: MESSAGES, max_tokens: 300 };
  const whole = await anthropic.messages.create(request);
  const streamed = await anthropic.messages.stream(request).finalMessage();
  expect(streamed.content).toEqual(whole.content);
  expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens);
});

test("a marked prefix is written to the cache once and read afterwards", async () => {
  const request = {
    model: "claude-haiku-4-5",
    max_tokens: 10,
    system: [{ type: "text" as const, text: "law ".repeat(2000), cache_control: { type: "ephemeral" as const } }],
    messages: MESSAGES,
  };
  const first = await anthropic.messages.create(request);
  const second = await anthropic.messages.create(request);
  expect(first.usage.cache_creation_input_tokens).toBeGreaterThan(2000);
  expect(second.usage.cache_read_input_tokens).toBe(first.usage.cache_creation_input_tokens);
  expect(second.usage.input_tokens).toBe(first.usage.input_tokens);
});

test("an aborted stream is billed for its input and what had been generated till then", async () => {
  await start({ pieceIntervalMs: 5, tokensPerPiece: 1, outputTokens: { min: 100, max: 100 } });
  const stream = await openai.chat.completions.create({ model: "gpt-4o-mini", messages: MESSAGES, stream: true });
  let seen = 0;
  for await (const chunk of stream) {
    if ((chunk.choices[0]?.delta.content ?? "") !== "") seen += 1;
    if (seen === 3) break;
  }
  const count = await settled();
  expect(count.calls).toBe(1);
  expect(count.input_tokens).toBeGreaterThan(0);
  expect(count.output_tokens).toBeGreaterThanOrEqual(3);
  expect(count.output_tokens).toBeLessThan(100);
});

test("a refusal that happens once is retried by the SDK and billed once", async () => {
  const headers = { "x-simulator-fault": "server_error_once" };
  await openai.chat.completions.create({ model: "gpt-4o-mini", messages: MESSAGES }, { headers });
  expect(simulator.count()).toMatchObject({ requests: 2, calls: 1 });
});

test("a rate limit says how long to wait and costs nothing", async () => {
  const headers = { "x-simulator-fault": "rate_limit=7" };
  const call = anthropic.messages.create(
    { model: "claude-haiku-4-5", messages: MESSAGES, max_tokens: 5 },
    { headers, maxRetries: 0 },
  );
  const error = await call.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(Anthropic.RateLimitError);
  expect((error as InstanceType<typeof Anthropic.APIError>).headers?.get("retry-after")).toBe("7");
  expect(simulator.count()).toMatchObject({ requests: 1, calls: 0, nano_usd: "0" });
});

test("a stream that breaks is billed up to the break", async () => {
  const headers = { "x-simulator-fault": "cut=4" };
  const stream = await openai.chat.completions.create(
    { model: "gpt-4o-mini", messages: MESSAGES, stream: true },
    { headers, maxRetries: 0 },
  );
  await expect(collect(stream)).rejects.toThrow("terminated");
  expect(await settled()).toMatchObject({ calls: 1, output_tokens: 24 });
});

test("an unknown model and an unknown fault are refused, not billed", async () => {
  await expect(openai.chat.completions.create({ model: "gpt-0", messages: MESSAGES })).rejects.toMatchObject({
    status: 404,
    code: "model_not_found",
  });
  const headers = { "x-simulator-fault": "typo" };
  const call = openai.chat.completions.create({ model: "gpt-4o-mini", messages: MESSAGES }, { headers, maxRetries: 0 });
  await expect(call).rejects.toMatchObject({ status: 500 });
  expect(simulator.count().calls).toBe(0);
});

test("the count is served over HTTP as JSON", async () => {
  await openai.chat.completions.create({ model: "gpt-4o-mini", messages: MESSAGES });
  const count = (await (await fetch(`${url}/__count`)).json()) as CountJson;
  expect(count).toEqual(simulator.count());
});
