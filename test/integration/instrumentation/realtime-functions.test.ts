/** What a realtime session's responses end with: functions, on their spans and linked to what an app runs of them, and usage, where all did not go well. */
import type { OpenAIRealtimeWS } from "openai/realtime/ws";
import { afterEach, beforeEach, expect, it } from "vitest";
import { guardTool } from "../../../instrumentation/src/guard/guard-tool.ts";
import { ToolGate } from "../../../instrumentation/src/guard/tool-gate.ts";
import { registerToolGate } from "../../../instrumentation/src/guard/tool-registry.ts";
import { hookFrameworks } from "../../support/framework-rig.ts";
import { openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import type { RealtimeProvider } from "../../support/realtime-provider.ts";

hookFrameworks();
const { OpenAIRealtimeWS: Realtime } = await import("openai/realtime/ws");
// It is built on `ws` too, which has to be loaded after the hooks are in place.
const { COST_NANO_USD, startRealtimeProvider } = await import("../../support/realtime-provider.ts");

let provider: RealtimeProvider;
let gated: GatedProcess;
let session: OpenAIRealtimeWS;
let events: string[];

beforeEach(async () => {
  provider = await startRealtimeProvider();
  gated = startGatedProcess({ transport: new MemoryLedger(10n ** 11n) });
  events = [];
});

afterEach(async () => {
  session.close();
  registerToolGate(undefined);
  await gated.stop();
  await provider.close();
});

async function connect(): Promise<void> {
  session = new Realtime({ model: "gpt-realtime", options: { rejectUnauthorized: false } }, openaiClient(provider.url));
  session.on("event", ({ type }) => events.push(type));
  session.on("error", () => {});
  await seen("session.created");
}

async function seen(type: string, count = 1): Promise<void> {
  await expect.poll(() => events.filter((event) => event === type).length).toBe(count);
}

it("names the functions that a response calls, whole or while it goes on, and each is linked to the one run that it is for", async () => {
  const functionCall = (callId: string, q: number) => ({
    type: "function_call",
    status: "completed",
    call_id: callId,
    name: "look",
    arguments: JSON.stringify({ q }),
  });
  provider.items = [functionCall("call_1", 1), functionCall("call_2", 2)];
  provider.talksOn = true;
  registerToolGate(new ToolGate(gated.gate));
  const look = guardTool("look", async (_input: { readonly q: number }) => "found");
  await connect();
  session.send({ type: "response.create", response: { max_output_tokens: 200 } });
  await seen("response.output_item.done", 2);
  await look({ q: 1 });
  session.send({ type: "response.cancel", response_id: "resp_1" });
  await seen("response.done");
  await look({ q: 1 });
  await look({ q: 2 });
  session.close();
  await expect.poll(() => gated.spans().length).toBe(4);
  const response = gated.spans().find((span) => span.attributes["gen_ai.response.id"] === "resp_1");
  expect(response?.attributes).toMatchObject({
    "tollgate.proposed.tools": ["look", "look"],
    "tollgate.proposed.call_ids": ["call_1", "call_2"],
    "tollgate.proposed.arguments_digests": [expect.stringMatching(/^[0-9a-f]{64}$/), expect.stringMatching(/./)],
  });
  const runs = gated
    .spans()
    .map((span) => span.attributes)
    .filter((span) => span["gen_ai.operation.name"] === "execute_tool");
  const spanId = response?.spanContext().spanId;
  expect(runs.map((span) => [span["tollgate.tool.proposed_by"], span["gen_ai.tool.call.id"]])).toEqual([
    [spanId, "call_1"],
    [undefined, undefined],
    [spanId, "call_2"],
  ]);
});

it("names a function whose arguments were cut off as it was asked for, keeps it where the end does not tell it again, and links no run to it", async () => {
  const cut = { type: "function_call", status: "incomplete", call_id: "call_1", name: "look", arguments: '{"q": 1' };
  provider.items = [cut];
  provider.ends = { status: "incomplete", status_details: { reason: "max_output_tokens" }, output: [] };
  registerToolGate(new ToolGate(gated.gate));
  const look = guardTool("look", async (_input: { readonly q: number }) => "found");
  await connect();
  session.send({ type: "response.create", response: { max_output_tokens: 200 } });
  await seen("response.done");
  await look({ q: 1 });
  session.close();
  await expect.poll(() => gated.spans().length).toBe(2);
  const [response, run] = gated.spans().map(({ attributes }) => attributes);
  expect(response).toMatchObject({
    "gen_ai.response.finish_reasons": ["incomplete"],
    "tollgate.proposed.tools": ["look"],
    "tollgate.proposed.call_ids": ["call_1"],
  });
  expect(run).toMatchObject({ "gen_ai.operation.name": "execute_tool" });
  expect(run).not.toHaveProperty("tollgate.tool.proposed_by");
});

it.each([
  ["cancelled", { type: "cancelled", reason: "turn_detected" }],
  ["incomplete", { type: "incomplete", reason: "max_output_tokens" }],
  ["failed", { type: "failed", error: { code: "server_error" } }],
])(
  "charges a response that ended %s by what was counted, and as reserved where nothing was",
  async (status, details) => {
    await connect();
    provider.ends = { status, status_details: details, output: [] };
    session.send({ type: "response.create", response: { max_output_tokens: 200 } });
    await seen("response.done");
    provider.ends = { ...provider.ends, usage: null };
    session.send({ type: "response.create", response: { max_output_tokens: 200 } });
    await expect.poll(() => gated.spans().length).toBe(2);
    const [counted, uncounted] = gated.spans().map(({ attributes }) => attributes);
    expect(counted).toMatchObject({
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": Number(COST_NANO_USD),
      "gen_ai.response.finish_reasons": [status],
    });
    expect(uncounted?.["tollgate.cost.status"]).toBe("estimated");
    expect(uncounted?.["tollgate.cost.nano_usd"]).toBe(uncounted?.["tollgate.reserved.nano_usd"]);
  },
);
