/** `@anthropic-ai/sdk` beyond messages, and its clients for other clouds. */
import { AnthropicBedrock } from "@anthropic-ai/bedrock-sdk";
import { AnthropicVertex } from "@anthropic-ai/vertex-sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UnpricedModel } from "../../../instrumentation/src/errors.ts";
import { anthropicClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import {
  message,
  messageEvents,
  startScriptedProvider,
  type ScriptedProvider,
} from "../../support/scripted-provider.ts";

const ASK = { max_tokens: 100, messages: [{ role: "user" as const, content: "say hello" }] };
const HAIKU = "claude-haiku-4-5";

let provider: ScriptedProvider;
let gated: GatedProcess;
let ledger: MemoryLedger;

beforeEach(async () => {
  provider = await startScriptedProvider(({ body }) =>
    body["stream"] === true
      ? { events: messageEvents(["hel", "lo"], { input: 10, output: 5 }) }
      : { json: message({ input_tokens: 10, output_tokens: 5 }) },
  );
  ledger = new MemoryLedger(10n ** 10n);
  gated = startGatedProcess({ transport: ledger });
});

afterEach(async () => {
  await gated.stop();
  await provider.close();
});

async function onlySpan(): Promise<Record<string, unknown>> {
  await gated.stop();
  expect(ledger.outstanding).toBe(0n);
  expect(gated.spans()).toHaveLength(1);
  return { ...gated.spans()[0]?.attributes };
}

describe("the other APIs of @anthropic-ai/sdk", () => {
  it("charges nothing for counting tokens, and does not gate it", async () => {
    provider.script = () => ({ json: { input_tokens: 12 } });
    const client = anthropicClient(provider.url);
    expect(await client.messages.countTokens({ model: HAIKU, messages: ASK.messages })).toEqual({ input_tokens: 12 });
    expect(gated.spans()).toHaveLength(0);
  });

  it("charges the stream helper's message exactly", async () => {
    const final = await anthropicClient(provider.url)
      .messages.stream({ ...ASK, model: HAIKU })
      .finalMessage();
    expect(final.content).toMatchObject([{ type: "text", text: "hello" }]);
    expect(await onlySpan()).toMatchObject({
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": 10 * 1_000 + 5 * 5_000,
    });
  });

  it("charges a batch at once as the most that it can cost, at half the price", async () => {
    provider.script = () => ({ json: { id: "msgbatch_1", type: "message_batch", processing_status: "in_progress" } });
    const requests = ["a", "b"].map((id) => ({ custom_id: id, params: { ...ASK, model: HAIKU } }));
    await anthropicClient(provider.url).messages.batches.create({ requests });
    const span = await onlySpan();
    expect(span).toMatchObject({ "gen_ai.response.id": "msgbatch_1", "tollgate.cost.status": "estimated" });
    const output = 2 * 100 * 2_500;
    expect(span["tollgate.cost.nano_usd"]).toBeGreaterThan(output);
    expect(span["tollgate.cost.nano_usd"]).toBeLessThan(output + 2 * 1_000 * 500);
  });

  it("refuses a batch of several models under a hard budget, because it has no one price", async () => {
    const requests = [HAIKU, "claude-opus-4-5"].map((model) => ({ custom_id: model, params: { ...ASK, model } }));
    const call = anthropicClient(provider.url).messages.batches.create({ requests });
    await expect(call).rejects.toBeInstanceOf(UnpricedModel);
    expect(provider.requests).toHaveLength(0);
  });

  it("prices a Claude on Bedrock as Bedrock does", async () => {
    const client = new AnthropicBedrock({
      baseURL: provider.url,
      awsRegion: "us-east-1",
      skipAuth: true,
      maxRetries: 0,
    });
    await client.messages.create({ ...ASK, model: "us.anthropic.claude-haiku-4-5-20251001-v1:0" });
    expect(provider.requests[0]?.path).toMatch(/^\/model\/us\.anthropic\.claude/);
    expect(await onlySpan()).toMatchObject({
      "gen_ai.provider.name": "aws.bedrock",
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": 10 * 1_100 + 5 * 5_500,
    });
  });

  const vertexClient = () =>
    new AnthropicVertex({
      baseURL: provider.url,
      region: "us-east5",
      projectId: "p",
      authClient: { getRequestHeaders: async () => new Headers({ authorization: "Bearer t" }) } as never,
      maxRetries: 0,
    });

  it("has no price for a Claude on Vertex that is asked to be fast", async () => {
    const request = { ...ASK, model: "claude-opus-4-6", speed: "fast" as const };
    await expect(vertexClient().beta.messages.create(request)).rejects.toBeInstanceOf(UnpricedModel);
    expect(provider.requests).toHaveLength(0);
  });

  it("prices a Claude on Vertex as Google does", async () => {
    await vertexClient().messages.create({ ...ASK, model: "claude-haiku-4-5@20251001" });
    expect(provider.requests[0]?.path).toMatch(/publishers\/anthropic\/models\/claude-haiku/);
    expect(await onlySpan()).toMatchObject({
      "gen_ai.provider.name": "gcp.vertex_ai",
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": 10 * 1_000 + 5 * 5_000,
    });
  });
});
