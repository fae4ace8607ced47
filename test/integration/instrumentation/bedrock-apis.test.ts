/**
 * Bedrock beyond an answer's tokens, by the real client over HTTP/2: what is billed beside them (guardrails, tools that Bedrock runs, caches
 * kept for an hour), and the commands that no bound is known for. Nothing of that may read as exact, or as nothing.
 */
import { connect } from "node:http2";
import {
  ApplyGuardrailCommand,
  BedrockRuntimeClient,
  ConverseCommand,
  CountTokensCommand,
  InvokeModelCommand,
  InvokeModelWithBidirectionalStreamCommand,
  StartAsyncInvokeCommand,
} from "@aws-sdk/client-bedrock-runtime";
import type { ConverseCommandInput } from "@aws-sdk/client-bedrock-runtime";
import { afterEach, describe, expect, it } from "vitest";
import { patchBedrock } from "../../../instrumentation/src/bedrock/patch-client.ts";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { useGatedWire } from "../../support/wire-hooks.ts";

const NOVA = "amazon.nova-lite-v1:0";
const HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const HELLO = [{ role: "user" as const, content: [{ text: "hi" }] }];
const USAGE = { inputTokens: 100, outputTokens: 20, totalTokens: 120 };
/** What $0.30 buys at $1,000 for a million tokens. */
const LOWERED = 300;
const GUARDED = { guardrailIdentifier: "g1", guardrailVersion: "1" };

const wire = useGatedWire(() => ({ json: converseAnswer() }), { speaksHttp2: true });
let client: BedrockRuntimeClient | undefined;
afterEach(() => client?.destroy());

function start({ unknownPrice = "deny" }: { readonly unknownPrice?: MemoryLedger["unknownPrice"] } = {}): MemoryLedger {
  const ledger = new MemoryLedger(10n ** 10n);
  ledger.unknownPrice = unknownPrice;
  const { url } = wire.provider;
  patchBedrock(BedrockRuntimeClient.prototype);
  wire.start({ transport: ledger, env: { TOLLGATE_PROVIDERS: `aws.bedrock=${url}` } });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  client = new BedrockRuntimeClient({ region: "us-east-1", endpoint: url, credentials, maxAttempts: 1 });
  return ledger;
}

function bedrock(): BedrockRuntimeClient {
  if (client === undefined) throw new Error("it is not started");
  return client;
}

function converseAnswer(content: readonly object[] = [{ text: "hello" }], usage: object = USAGE): object {
  return { output: { message: { role: "assistant", content } }, stopReason: "end_turn", usage, metrics: {} };
}

function span(): Readonly<Record<string, unknown>> {
  expect(wire.gated.spans()).toHaveLength(1);
  return wire.gated.spans()[0]?.attributes ?? {};
}

const converse = (more: Partial<ConverseCommandInput> = {}): Promise<unknown> =>
  bedrock().send(new ConverseCommand({ modelId: NOVA, messages: HELLO, ...more }));

describe("what is billed beside the tokens", () => {
  it("is nothing, usually", async () => {
    start();
    await converse();
    expect(span()).toMatchObject({ "tollgate.cost.status": "exact", "tollgate.cost.nano_usd": 100 * 60 + 20 * 240 });
  });

  it("is a guardrail, which a conversation names", async () => {
    start();
    await converse({ guardrailConfig: { ...GUARDED } });
    expect(span()).toMatchObject({ "tollgate.cost.status": "estimated" });
  });

  it("is a guardrail of a model's own format", async () => {
    start();
    wire.provider.script = () => ({ json: { content: [], stop_reason: "end_turn", usage: ANTHROPIC_USAGE } });
    const body = JSON.stringify({
      anthropic_version: "bedrock-2023-05-31",
      max_tokens: 20,
      messages: [{ role: "user", content: "hi" }],
    });
    await bedrock().send(new InvokeModelCommand({ modelId: HAIKU, body, ...GUARDED }));
    expect(span()).toMatchObject({ "gen_ai.usage.input_tokens": 10, "tollgate.cost.status": "estimated" });
  });

  it("is a tool that Bedrock has run", async () => {
    start();
    const toolUse = { toolUseId: "t", name: "nova_grounding", input: {}, type: "server_tool_use" };
    wire.provider.script = () => ({ json: converseAnswer([{ toolUse }, { text: "hello" }]) });
    await converse({ toolConfig: { tools: [{ systemTool: { name: "nova_grounding" } }] } });
    expect(span()).toMatchObject({ "tollgate.cost.status": "estimated" });
  });

  it("is no tool that was only offered, nor one of the app's", async () => {
    start();
    const toolUse = { toolUseId: "t", name: "lookup", input: {} };
    wire.provider.script = () => ({ json: converseAnswer([{ toolUse }]) });
    await converse({ toolConfig: { tools: [{ systemTool: { name: "nova_grounding" } }] } });
    expect(span()).toMatchObject({ "tollgate.cost.status": "exact" });
  });

  it("is what a cache keeps for an hour, at its own price", async () => {
    start();
    const usage = {
      ...USAGE,
      cacheReadInputTokens: 1_000,
      cacheWriteInputTokens: 500,
      cacheDetails: [
        { ttl: "1h", inputTokens: 300 },
        { ttl: "5m", inputTokens: 200 },
      ],
    };
    wire.provider.script = () => ({ json: converseAnswer(undefined, usage) });
    const system = [{ text: "long" }, { cachePoint: { type: "default" as const, ttl: "1h" as const } }];
    await converse({ modelId: HAIKU, system });
    // Claude Haiku 4.5 in a region of the US: a tenth above the usual $1 and $5; reads at a tenth, writes at 1.25 and 2 times.
    expect(span()).toMatchObject({
      "gen_ai.usage.input_tokens": 1_600,
      "gen_ai.usage.cache_read.input_tokens": 1_000,
      "gen_ai.usage.cache_write.input_tokens": 500,
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": 100 * 1_100 + 1_000 * 110 + 300 * 2_200 + 200 * 1_375 + 20 * 5_500,
    });
  });
});

describe("faster and preferred service", () => {
  const WAYS: readonly (readonly [string, Partial<ConverseCommandInput>])[] = [
    ["priority", { serviceTier: { type: "priority" } }],
    ["optimized", { performanceConfig: { latency: "optimized" } }],
  ];

  it.each(WAYS)("has no price of the model's own: %s", async (tier, input) => {
    start();
    await expect(converse(input)).rejects.toMatchObject({ code: "unpriced_model", model: `${tier}/${NOVA}` });
    expect(wire.provider.requests).toEqual([]);
  });

  it.each(WAYS)("has the price that a document gives it: %s", async (tier, input) => {
    const ledger = start();
    const models = { [`${tier}/${NOVA}`]: { provider: "aws.bedrock", input: "1", output: "2" } };
    ledger.prices = [{ kind: "prices", name: "house", models }];
    await converse(input);
    expect(span()).toMatchObject({
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": 100 * 1_000 + 20 * 2_000,
    });
  });

  it("is told by a header of a model's own format, which is one call all the same", async () => {
    const ledger = start();
    const models = { [`priority/${HAIKU}`]: { provider: "aws.bedrock", input: "1", output: "2" } };
    ledger.prices = [{ kind: "prices", name: "house", models }];
    wire.provider.script = () => ({ json: { content: [], stop_reason: "end_turn", usage: ANTHROPIC_USAGE } });
    const body = JSON.stringify({ max_tokens: 20, messages: [{ role: "user", content: "hi" }] });
    await bedrock().send(new InvokeModelCommand({ modelId: HAIKU, body, serviceTier: "priority" }));
    expect(span()).toMatchObject({ "tollgate.cost.status": "exact", "tollgate.cost.nano_usd": 10 * 1_000 + 5 * 2_000 });
  });

  it.each([
    ["default", { serviceTier: { type: "default" as const } }],
    ["flex", { serviceTier: { type: "flex" as const } }],
    ["standard", { performanceConfig: { latency: "standard" as const } }],
  ])("is none of these: %s", async (_tier, input) => {
    start();
    await converse(input);
    expect(span()).toMatchObject({ "tollgate.cost.status": "exact" });
  });
});

describe("a model behind a profile of the app's own", () => {
  const modelId = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";

  it("has no price", async () => {
    start();
    await expect(converse({ modelId })).rejects.toMatchObject({ code: "unpriced_model", model: "abc123" });
  });

  it("has the price that a document gives the profile's id", async () => {
    const ledger = start();
    const models = { abc123: { provider: "aws.bedrock", input: "1", output: "2" } };
    ledger.prices = [{ kind: "prices", name: "house", models }];
    await converse({ modelId });
    expect(span()).toMatchObject({
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": 100 * 1_000 + 20 * 2_000,
    });
  });
});

describe("the same by hand, told by headers", () => {
  const invoke = async (headers: Readonly<Record<string, string>>): Promise<unknown> => {
    wire.provider.script = () => ({ json: { content: [], stop_reason: "end_turn", usage: ANTHROPIC_USAGE } });
    const session = connect(wire.provider.url);
    const body = JSON.stringify({ max_tokens: 20, messages: [{ role: "user", content: "hi" }] });
    try {
      const sent = session.request({ ":method": "POST", ":path": `/model/${HAIKU}/invoke`, ...headers });
      sent.end(body);
      for await (const chunk of sent) void chunk;
    } finally {
      session.close();
    }
    return span()["tollgate.cost.status"];
  };

  it.each([
    ["exact", {}],
    ["estimated", { "X-Amzn-Bedrock-GuardrailIdentifier": "g1" }],
    ["unpriced", { "X-Amzn-Bedrock-Service-Tier": "priority" }],
    ["unpriced", { "X-Amzn-Bedrock-PerformanceConfig-Latency": "optimized" }],
  ])("is %s: %j", async (status, headers) => {
    start({ unknownPrice: "allow" });
    expect(await invoke(headers)).toBe(status);
  });
});

const ANTHROPIC_USAGE = { input_tokens: 10, output_tokens: 5 };
const GUARDRAIL = {
  guardrailIdentifier: "g1",
  guardrailVersion: "1",
  source: "INPUT" as const,
  content: [{ text: { text: "hi" } }],
};
const ASYNC = {
  modelId: "amazon.nova-reel-v1:0",
  modelInput: { taskType: "TEXT_VIDEO" },
  outputDataConfig: { s3OutputDataConfig: { s3Uri: "s3://b" } },
};

describe("a maker's own format", () => {
  const MAKERS: readonly (readonly [modelId: string, body: object, bound: object])[] = [
    ["ai21.jamba-1-5-mini-v1:0", { messages: [], max_tokens: 90_000 }, { max_tokens: LOWERED }],
    ["amazon.nova-lite-v1:0", { messages: [] }, { inferenceConfig: { maxTokens: LOWERED } }],
    [
      "amazon.titan-text-express-v1",
      { inputText: "hi", textGenerationConfig: { temperature: 0.5 } },
      { textGenerationConfig: { temperature: 0.5, maxTokenCount: LOWERED } },
    ],
    ["cohere.command-r-v1:0", { message: "hi" }, { max_tokens: LOWERED }],
    ["deepseek.r1-v1:0", { prompt: "hi" }, { max_tokens: LOWERED }],
    ["meta.llama3-8b-instruct-v1:0", { prompt: "hi" }, { max_gen_len: LOWERED }],
    ["mistral.mistral-7b-instruct-v0:2", { prompt: "hi" }, { max_tokens: LOWERED }],
    ["openai.gpt-oss-120b-1:0", { messages: [] }, { max_completion_tokens: LOWERED }],
    ["qwen.qwen3-32b-v1:0", { messages: [] }, { max_tokens: LOWERED }],
    [HAIKU, { messages: [], max_tokens: 90_000 }, { max_tokens: LOWERED }],
  ];

  it.each(MAKERS)("gets the bound that the budget holds: %s", async (modelId, body, bound) => {
    const ledger = start();
    // What the prompt may cost, and some hundred tokens of an answer.
    const models = { [modelId]: { provider: "aws.bedrock", input: "0", output: "1000", max_output_tokens: 90_000 } };
    ledger.prices = [{ kind: "prices", name: "house", models }];
    ledger.limit = 300_000_000n;
    await bedrock().send(new InvokeModelCommand({ modelId, body: JSON.stringify(body) }));
    expect(wire.provider.requests.map((request) => request.body)).toEqual([{ ...body, ...bound }]);
  });

  it("is not known of any other: it is reserved at the model's most, and refused where that does not fit", async () => {
    const ledger = start();
    const modelId = "writer.palmyra-x5-v1:0";
    const models = { [modelId]: { provider: "aws.bedrock", input: "0", output: "1000", max_output_tokens: 90_000 } };
    ledger.prices = [{ kind: "prices", name: "house", models }];
    ledger.limit = 300_000_000n;
    const ask = () => bedrock().send(new InvokeModelCommand({ modelId, body: '{"max_tokens":5}' }));
    await expect(ask()).rejects.toMatchObject({ code: "budget_exceeded" });
    ledger.limit = 90_000n * 1_000_000n;
    await ask();
    expect(wire.provider.requests.map((request) => request.body)).toEqual([{ max_tokens: 5 }]);
  });
});

describe("commands without a bound", () => {
  const COMMANDS: readonly (readonly [name: string, model: string, work: () => Promise<unknown>])[] = [
    ["ApplyGuardrail", "unknown", () => bedrock().send(new ApplyGuardrailCommand(GUARDRAIL))],
    ["StartAsyncInvoke", ASYNC.modelId, () => bedrock().send(new StartAsyncInvokeCommand(ASYNC))],
  ];

  it.each(COMMANDS)(
    "are refused under a hard budget, by the name that a document can give a price: %s, %s",
    async (_name, model, work) => {
      const ledger = start();
      const error = await work().catch((problem: unknown) => problem);
      expect(findTollgateError(error)).toMatchObject({ code: "unpriced_model", model });
      expect(wire.provider.requests).toEqual([]);
      expect(ledger.outstanding).toBe(0n);
    },
  );

  it.each(COMMANDS)("go where a budget lets them, and say so: %s, %s", async (_name, _model, work) => {
    start({ unknownPrice: "allow" });
    wire.provider.script = () => ({ json: {} });
    await work();
    expect(wire.provider.requests).toHaveLength(1);
    expect(span()).toMatchObject({ "tollgate.cost.status": "unpriced", "tollgate.cost.known": false });
  });

  it("count tokens for nothing", async () => {
    const ledger = start();
    ledger.limit = 0n;
    wire.provider.script = () => ({ json: { inputTokens: 3 } });
    const input = { converse: { messages: HELLO } };
    const { inputTokens } = await bedrock().send(new CountTokensCommand({ modelId: NOVA, input }));
    expect(inputTokens).toBe(3);
    expect(wire.gated.spans()).toEqual([]);
  });

  it("are reserved as the most that their model can cost: a conversation both ways", async () => {
    const ledger = start();
    async function* speech(): AsyncGenerator<{ chunk: { bytes: Uint8Array } }> {
      yield { chunk: { bytes: new TextEncoder().encode("{}") } };
    }
    wire.provider.script = () => ({ text: "" });
    const modelId = "amazon.nova-sonic-v1:0";
    const command = new InvokeModelWithBidirectionalStreamCommand({ modelId, body: speech() });
    await bedrock().send(command);
    await wire.gated.stop();
    expect(span()).toMatchObject({ "gen_ai.request.model": modelId, "tollgate.cost.status": "estimated" });
    expect(ledger.settled).toBe(BigInt(Number(span()["tollgate.reserved.nano_usd"])));
    expect(ledger.settled).toBeGreaterThan(0n);
  });
});
