/**
 * The `openai` package beyond chat: legacy completions, images, sound, batches, Azure. What is charged is what the provider
 * said, or says `estimated` and is the most it can be; what nobody can price is refused under a hard budget.
 */
import { AzureOpenAI, BedrockOpenAI, toFile } from "openai";
import type OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BudgetExceeded, UnpricedModel } from "../../../instrumentation/src/errors.ts";
import { openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { chatCompletion, startScriptedProvider, type ScriptedProvider } from "../../support/scripted-provider.ts";

let provider: ScriptedProvider;
let gated: GatedProcess;
let ledger: MemoryLedger;
let client: OpenAI;

beforeEach(async () => {
  provider = await startScriptedProvider();
  ledger = new MemoryLedger(10n ** 10n);
  gated = startGatedProcess({ transport: ledger });
  client = openaiClient(provider.url);
});

afterEach(async () => {
  await gated.stop();
  await provider.close();
});

async function spanOnceSettled(): Promise<Record<string, unknown>> {
  await gated.stop();
  expect(ledger.outstanding).toBe(0n);
  expect(gated.spans()).toHaveLength(1);
  const [span] = gated.spans();
  expect(BigInt(span?.attributes["tollgate.cost.nano_usd"] as number)).toBe(ledger.settled);
  return { name: span?.name, ...span?.attributes };
}

/** gpt-image-1: $5 text in, $10 pictures in, $40 out; per million tokens, so in nano-dollars a token times 1000. */
const IMAGE_USAGE = {
  input_tokens: 60,
  input_tokens_details: { text_tokens: 20, image_tokens: 40 },
  output_tokens: 1_056,
  total_tokens: 1_116,
};
const image = { created: 1, data: [{ b64_json: "AAAA" }], usage: IMAGE_USAGE };
const IMAGE_COST = 20n * 5_000n + 40n * 10_000n + 1_056n * 40_000n;
const sound = async () => toFile(Buffer.from("RIFF"), "speech.wav", { type: "audio/wav" });

describe("a router that may let another model answer", () => {
  const ask = (more: object) =>
    client.chat.completions.create({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "hi" }],
      max_tokens: 100,
      ...more,
    });
  /** gpt-4: $30 in, $60 out; gpt-4o-mini: $0.15 and $0.60. */
  const answerAs = (model: string) => () => ({ json: { ...chatCompletion({ input: 12, output: 5 }), model } });
  const AT_GPT_4 = 12n * 30_000n + 5n * 60_000n;
  const AT_MINI = 12n * 150n + 5n * 600n;

  it.each([
    { models: ["gpt-4o-mini", "gpt-4"] },
    { fallbacks: ["gpt-4"] },
    { fallbacks: [{ model: "gpt-4" }] },
    { fallbacks: [{ "gpt-4o-mini": ["gpt-4"] }] },
    // Nobody names the first of them twice.
    { model: undefined, models: ["gpt-4o-mini", "gpt-4"] },
  ])("is reserved at the dearest that the request names, and charged at the one that answered: %j", async (more) => {
    provider.script = answerAs("gpt-4");
    await ask(more);
    const span = await spanOnceSettled();
    expect(span["tollgate.reserved.nano_usd"]).toBeGreaterThanOrEqual(100 * 60_000);
    expect(ledger.settled).toBe(AT_GPT_4);
    expect(span["tollgate.cost.status"]).toBe("exact");
  });

  it("costs what the model costs that was asked where that one answered", async () => {
    provider.script = answerAs("gpt-4o-mini");
    await ask({ models: ["gpt-4"] });
    await spanOnceSettled();
    expect(ledger.settled).toBe(AT_MINI);
  });

  it.each([{ models: ["nobody/knows"] }, { fallbacks: "gpt-4o-mini, gpt-4" }, { fallbacks: [7] }])(
    "has no price where one of them has none, or nobody can read who they are: %j",
    async (more) => {
      await expect(ask(more)).rejects.toThrow(UnpricedModel);
      expect(provider.requests).toEqual([]);
    },
  );

  it.each([
    ["gpt-4", AT_GPT_4, "estimated"],
    ["gpt-4o-mini-2024-07-18", AT_MINI, "exact"],
    // A cheaper one may be what a deployment is called after.
    ["gpt-4.1-nano", AT_MINI, "exact"],
    ["our-own-name", AT_MINI, "exact"],
  ])(
    "is charged no less than the model costs that the answer names, whoever chose it: %s",
    async (model, cost, status) => {
      provider.script = answerAs(model);
      await ask({});
      expect(await spanOnceSettled()).toMatchObject({ "tollgate.cost.status": status });
      expect(ledger.settled).toBe(cost);
    },
  );
});

describe("the other APIs of openai", () => {
  it("charges a legacy completion for what it used, and reserves for all that `best_of` generates", async () => {
    provider.script = () => ({
      json: {
        id: "cmpl-1",
        object: "text_completion",
        model: "gpt-3.5-turbo-instruct",
        choices: [{ index: 0, text: "hello", finish_reason: "stop" }],
        usage: { prompt_tokens: 4, completion_tokens: 10, total_tokens: 14 },
      },
    });
    await client.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "hi", best_of: 3, max_tokens: 9 });
    const span = await spanOnceSettled();
    expect(span).toMatchObject({
      name: "text_completion gpt-3.5-turbo-instruct",
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": 4 * 1_500 + 10 * 2_000,
    });
    expect(span["tollgate.reserved.nano_usd"]).toBeGreaterThanOrEqual(27 * 2_000);
  });

  it("charges a legacy completion whose stream breaks for all that was seen of it", async () => {
    const text = "a toll gate ".repeat(10);
    const chunk = { id: "cmpl-1", object: "text_completion", choices: [{ index: 0, text, finish_reason: null }] };
    provider.script = () => ({ events: Array.from({ length: 30 }, () => chunk), cutAfter: 20 });
    const read = async (): Promise<void> => {
      const request = { model: "gpt-3.5-turbo-instruct", prompt: "hi", max_tokens: 4_000, stream: true } as const;
      for await (const event of await client.completions.create(request)) void event;
    };
    await expect(read()).rejects.toThrow(/terminated/);
    const span = await spanOnceSettled();
    expect(span["tollgate.cost.status"]).toBe("estimated");
    expect(span["tollgate.cost.nano_usd"]).toBeGreaterThanOrEqual(20 * text.length * 2_000);
    expect(span["tollgate.cost.nano_usd"]).toBeLessThan(4_000 * 2_000);
  });

  describe("an answer that is made in the background", () => {
    const body = { model: "gpt-4o-mini", input: "hi", max_output_tokens: 5_000, background: true } as const;
    const queued = {
      id: "resp_1",
      object: "response",
      status: "queued",
      model: "gpt-4o-mini",
      output: [],
      usage: null,
    };

    it("costs the most that it can, because nobody here sees its end", async () => {
      provider.script = () => ({ json: queued });
      await client.responses.create(body);
      const span = await spanOnceSettled();
      expect(span["tollgate.cost.status"]).toBe("estimated");
      expect(span["tollgate.cost.nano_usd"]).toBe(span["tollgate.reserved.nano_usd"]);
      expect(span["tollgate.cost.nano_usd"]).toBeGreaterThanOrEqual(5_000 * 600);
    });

    it("costs the same where its stream is left: it goes on without a reader", async () => {
      const delta = { type: "response.output_text.delta", item_id: "m", output_index: 0, content_index: 0, delta: "a" };
      const created = { type: "response.created", response: queued };
      provider.script = () => ({ events: [created, delta, delta, delta] });
      for await (const event of await client.responses.create({ ...body, stream: true })) {
        if (event.type === "response.output_text.delta") break;
      }
      const span = await spanOnceSettled();
      expect(span["tollgate.cost.nano_usd"]).toBeGreaterThanOrEqual(5_000 * 600);
    });

    it("costs what its stream says at its end", async () => {
      const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
      const completed = { type: "response.completed", response: { ...queued, status: "completed", usage } };
      provider.script = () => ({ events: [{ type: "response.created", response: queued }, completed] });
      for await (const event of await client.responses.create({ ...body, stream: true })) void event;
      expect(await spanOnceSettled()).toMatchObject({
        "tollgate.cost.status": "exact",
        "tollgate.cost.nano_usd": 10 * 150 + 5 * 600,
      });
    });

    it("is asked after and cancelled for nothing", async () => {
      const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
      provider.script = () => ({ json: { ...queued, status: "completed", usage } });
      await client.responses.retrieve("resp_1");
      await client.responses.cancel("resp_1");
      expect(provider.requests.map(({ path }) => path)).toEqual([
        "/v1/responses/resp_1",
        "/v1/responses/resp_1/cancel",
      ]);
      expect(gated.spans()).toEqual([]);
    });
  });

  it("charges a conversation that is made shorter for what that took", async () => {
    const usage = { input_tokens: 100, output_tokens: 20, total_tokens: 120 };
    provider.script = () => ({ json: { id: "resp_1", object: "response.compaction", output: [], usage } });
    const body = { model: "gpt-4o-mini", input: [{ role: "user" as const, content: "hi" }] };
    expect((await client.responses.compact(body)).usage).toEqual(usage);
    expect(provider.requests[0]?.body).toEqual(body);
    expect(await spanOnceSettled()).toMatchObject({
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": 100 * 150 + 20 * 600,
    });
  });

  it("charges pictures by their tokens", async () => {
    provider.script = () => ({ json: image });
    const answer = await client.images.generate({ model: "gpt-image-1", prompt: "a toll gate" });
    expect(answer.usage).toEqual(IMAGE_USAGE);
    const span = await spanOnceSettled();
    // Nobody has asked for a bound.
    expect(span).not.toHaveProperty(["gen_ai.request.max_tokens"]);
    expect(span).toMatchObject({
      "gen_ai.output.type": "image",
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": Number(IMAGE_COST),
      "tollgate.usage.input_image_tokens": 40,
      "tollgate.usage.output_image_tokens": 1_056,
    });
  });

  it("sends the form of an edit as the app made it, and charges its tokens", async () => {
    let type = "";
    provider.script = ({ headers }) => {
      type = String(headers["content-type"]);
      return { json: image };
    };
    await client.images.edit({ model: "gpt-image-1", prompt: "more", image: await sound() });
    expect(type).toMatch(/^multipart\/form-data/);
    expect(await spanOnceSettled()).toMatchObject({ "tollgate.cost.nano_usd": Number(IMAGE_COST) });
  });

  it("charges a transcription by its tokens, sound at its own price", async () => {
    const usage = {
      type: "tokens",
      input_tokens: 114,
      input_token_details: { audio_tokens: 100, text_tokens: 14 },
      output_tokens: 20,
      total_tokens: 134,
    };
    provider.script = () => ({ json: { text: "hello", usage } });
    await client.audio.transcriptions.create({ model: "gpt-4o-transcribe", file: await sound() });
    expect(await spanOnceSettled()).toMatchObject({
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": 100 * 6_000 + 14 * 2_500 + 20 * 10_000,
    });
  });

  it("charges speech as the most that it can cost, and gives the app the bare response", async () => {
    provider.script = () => ({ headers: { "content-type": "audio/mpeg" }, text: "ID3sound" });
    const response = await client.audio.speech.create({ model: "gpt-4o-mini-tts", voice: "ash", input: "hello" });
    expect(response).toBeInstanceOf(Response);
    expect(Buffer.from(await response.arrayBuffer()).toString()).toBe("ID3sound");
    const span = await spanOnceSettled();
    expect(span).not.toHaveProperty(["gen_ai.request.max_tokens"]);
    expect(span["tollgate.cost.status"]).toBe("estimated");
    expect(span["tollgate.cost.nano_usd"]).toBe(span["tollgate.reserved.nano_usd"]);
  });

  it("charges speech as a stream of events by the last of them", async () => {
    const usage = { input_tokens: 14, output_tokens: 101, total_tokens: 115 };
    provider.script = () => ({
      events: [
        { type: "speech.audio.delta", audio: "AA" },
        { type: "speech.audio.done", usage },
      ],
    });
    const request = { model: "gpt-4o-mini-tts", voice: "ash", input: "hello", stream_format: "sse" } as const;
    const response = await client.audio.speech.create(request);
    expect(await response.text()).toContain("speech.audio.done");
    expect(await spanOnceSettled()).toMatchObject({
      "gen_ai.usage.output_tokens": 101,
      "tollgate.cost.status": "exact",
    });
  });

  it.each([
    ["pictures", () => client.images.generate({ model: "gpt-image-1", prompt: "a toll gate" })],
    ["speech", () => client.audio.speech.create({ model: "gpt-4o-mini-tts", voice: "ash", input: "hello" })],
    [
      "a transcription",
      async () => client.audio.transcriptions.create({ model: "gpt-4o-transcribe", file: await sound() }),
    ],
    ["a shorter conversation", () => client.responses.compact({ model: "gpt-4o-mini", input: "hi" })],
  ])("refuses %s that does not fit, because no bound could be lowered", async (_what, call) => {
    ledger.limit = 100_000n;
    await expect(call()).rejects.toBeInstanceOf(BudgetExceeded);
    expect(provider.requests).toHaveLength(0);
  });

  it.each([
    ["dall-e-3", () => client.images.generate({ model: "dall-e-3", prompt: "a" })],
    ["tts-1", () => client.audio.speech.create({ model: "tts-1", voice: "ash", input: "a" })],
    ["sora-2", () => client.post("/videos", { body: { model: "sora-2", prompt: "a toll gate" } })],
    ["batch", () => client.batches.create({ input_file_id: "f", endpoint: "/v1/responses", completion_window: "24h" })],
  ])("charges what costs by the piece as a document says: %s", async (model, call) => {
    const models = { [model]: { provider: "openai", input: "0", output: "0", per_call: "0.04" } };
    ledger.prices = [{ kind: "prices", name: "house", models }];
    await call();
    expect(await spanOnceSettled()).toMatchObject({ "tollgate.cost.nano_usd": 40_000_000 });
  });

  const SEVERAL = { n: 5, prompt: "a", size: "1024x1024" } as const;

  it.each([
    ["that nobody counts", { data: [] }, "estimated"],
    [
      "whose tokens are counted",
      { data: [{}, {}, {}, {}, {}], usage: { input_tokens: 2, output_tokens: 3, total_tokens: 5 } },
      "exact",
    ],
  ])("charges each of several pictures %s what a call costs", async (_what, json, status) => {
    const models = { "dall-e-2": { provider: "openai", input: "0", output: "0", per_call: "0.02" } };
    ledger.prices = [{ kind: "prices", name: "house", models }];
    provider.script = () => ({ json });
    await client.images.generate({ model: "dall-e-2", ...SEVERAL });
    expect(await spanOnceSettled()).toMatchObject({
      "tollgate.cost.nano_usd": 100_000_000,
      "tollgate.cost.status": status,
    });
  });

  it.each([SEVERAL, { prompt: "a", N: 5 }])("refuses several pictures of which only one fits: %j", async (body) => {
    const models = { "dall-e-2": { provider: "openai", input: "0", output: "0", per_call: "0.02" } };
    ledger.prices = [{ kind: "prices", name: "house", models }];
    ledger.limit = 30_000_000n;
    await expect(client.images.generate({ model: "dall-e-2", ...body })).rejects.toBeInstanceOf(BudgetExceeded);
    expect(provider.requests).toHaveLength(0);
  });

  it.each([
    [
      "a batch",
      () => client.batches.create({ input_file_id: "f", endpoint: "/v1/responses", completion_window: "24h" }),
    ],
    ["a video", () => client.post("/videos", { body: { model: "sora-2", prompt: "a toll gate" } })],
    ["a picture that costs by the piece", () => client.images.generate({ model: "dall-e-3", prompt: "a" })],
    ["speech that costs by the letter", () => client.audio.speech.create({ model: "tts-1", voice: "ash", input: "a" })],
    [
      "sound that costs by the minute",
      async () => client.audio.transcriptions.create({ model: "whisper-1", file: await sound() }),
    ],
  ])("refuses %s under a hard budget", async (_what, call) => {
    await expect(call()).rejects.toBeInstanceOf(UnpricedModel);
    expect(provider.requests).toHaveLength(0);
  });

  it("lets a batch go where the budget allows what has no price, and says so", async () => {
    ledger.unknownPrice = "allow";
    provider.script = () => ({ json: { id: "batch_1", object: "batch", status: "validating" } });
    await client.batches.create({ input_file_id: "f", endpoint: "/v1/responses", completion_window: "24h" });
    await gated.stop();
    expect(gated.spans()[0]?.attributes).toMatchObject({
      "gen_ai.response.id": "batch_1",
      "tollgate.cost.status": "unpriced",
      "tollgate.cost.known": false,
    });
  });

  it("prices Azure's deployments under Azure's name, and does not swap a fixed one", async () => {
    provider.script = () => ({ json: chatCompletion({ input: 10, output: 5 }) });
    const azure = new AzureOpenAI({
      apiKey: "k",
      apiVersion: "2025-04-01",
      endpoint: provider.url,
      deployment: "mine",
    });
    await azure.chat.completions.create({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }] });
    expect(provider.requests[0]?.path).toMatch(/^\/openai\/deployments\/mine\/chat\/completions/);
    expect(await spanOnceSettled()).toMatchObject({
      "gen_ai.provider.name": "azure.ai.openai",
      "tollgate.cost.nano_usd": 10 * 2_500 + 5 * 10_000,
    });
  });

  it("prices models on Bedrock under Bedrock's name", async () => {
    const model = "openai.gpt-oss-120b-1:0";
    provider.script = () => ({ json: { ...chatCompletion({ input: 10, output: 5 }), model } });
    const bedrock = new BedrockOpenAI({ apiKey: "k", baseURL: `${provider.url}/v1` });
    await bedrock.chat.completions.create({ model, messages: [{ role: "user", content: "hi" }] });
    expect(await spanOnceSettled()).toMatchObject({
      "gen_ai.provider.name": "aws.bedrock",
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": 10 * 150 + 5 * 600,
    });
  });
});
