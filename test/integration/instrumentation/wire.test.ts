/**
 * The second line: calls that no library's patch has seen, through each way that a process has to send them, against a local
 * provider. What must hold: one span and one reservation for each billed answer, whoever sent it, and nothing is sent that
 * was refused.
 */
import { context } from "@opentelemetry/api";
import axios from "axios";
import { request as httpRequest } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Agent, fetch as undiciFetch, Pool, request as undiciRequest } from "undici";
import { readConfig } from "../../../instrumentation/src/config/config.ts";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { ProcessContextManager } from "../../../instrumentation/src/telemetry/process-context-manager.ts";
import { patchDispatcherOf } from "../../../instrumentation/src/wire/hook-undici.ts";
import { hookWire } from "../../../instrumentation/src/wire/hook-wire.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { openaiClient, startGatedProcess } from "../../support/gated-process.ts";
import type { GatedProcess } from "../../support/gated-process.ts";
import type { HelloReply } from "../../../instrumentation/src/protocol.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { chatCompletion, chatEvents, message, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";

const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50 };
const USAGE = { input: 12, output: 5 };
/** gpt-4o-mini: 0.15 and 0.60 USD a million tokens. */
const COST = 12 * 150 + 5 * 600;

let provider: ScriptedProvider;
let gated: GatedProcess;

beforeAll(() => {
  context.setGlobalContextManager(new ProcessContextManager(readConfig({})).enable());
  hookWire();
  patchDispatcherOf(new Agent());
});

afterAll(() => context.disable());

beforeEach(async () => {
  provider = await startScriptedProvider(() => ({ json: chatCompletion(USAGE) }));
});

afterEach(async () => {
  registerWire(undefined);
  await gated.stop();
  await provider.close();
});

function start(env: Readonly<Record<string, string>> = {}): void {
  gated = startGatedProcess({ env: { TOLLGATE_BUDGET: "$1", ...env } });
  registerWire(new Wire(gated.gate));
}

const JSON_HEADERS = { "content-type": "application/json" };

interface Reply {
  readonly status: number;
  readonly body: string;
}

type Send = (url: string, body: object) => Promise<Reply>;

const SENDERS: Readonly<Record<string, Send>> = {
  async fetch(url, body) {
    const response = await fetch(url, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(body) });
    return { status: response.status, body: await response.text() };
  },
  async "fetch of a Request"(url, body) {
    const response = await fetch(
      new Request(url, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(body) }),
    );
    return { status: response.status, body: await response.text() };
  },
  async "fetch of a stream"(url, body) {
    const stream = new Blob([JSON.stringify(body)]).stream();
    const init: RequestInit & { readonly duplex: "half" } = {
      method: "POST",
      headers: JSON_HEADERS,
      body: stream,
      duplex: "half",
    };
    const response = await fetch(url, init);
    return { status: response.status, body: await response.text() };
  },
  "node:http": (url, body) =>
    new Promise((resolve, reject) => {
      const request = httpRequest(url, { method: "POST", headers: JSON_HEADERS }, (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
      });
      request.on("error", reject);
      const json = JSON.stringify(body);
      request.write(json.slice(0, 10));
      request.end(json.slice(10));
    }),
  async axios(url, body) {
    const { status, data } = await axios.post<string>(url, body, { responseType: "text", validateStatus: () => true });
    return { status, body: data };
  },
  async "undici.request"(url, body) {
    const response = await undiciRequest(url, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(body) });
    return { status: response.statusCode, body: await response.body.text() };
  },
  async "undici.fetch"(url, body) {
    const response = await undiciFetch(url, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(body) });
    return { status: response.status, body: await response.text() };
  },
  async "a pool of undici"(url, body) {
    const { origin, pathname } = new URL(url);
    const pool = new Pool(origin);
    try {
      const options = { path: pathname, method: "POST" as const, headers: JSON_HEADERS, body: JSON.stringify(body) };
      const response = await pool.request(options);
      return { status: response.statusCode, body: await response.body.text() };
    } finally {
      await pool.close();
    }
  },
};

const cases = Object.entries(SENDERS);
const attributesOf = (index: number): Readonly<Record<string, unknown>> => gated.spans()[index]?.attributes ?? {};

describe("a call that no library gates", () => {
  it.each(cases)("is priced, reserved and settled exactly: %s", async (_name, send) => {
    start();
    const reply = await send(`${provider.url}/v1/chat/completions`, CHAT);
    expect(JSON.parse(reply.body)).toMatchObject({ choices: [{ message: { content: "hello" } }] });
    expect(gated.spans()).toHaveLength(1);
    expect(attributesOf(0)).toMatchObject({
      "gen_ai.request.model": "gpt-4o-mini",
      "gen_ai.usage.input_tokens": 12,
      "gen_ai.usage.output_tokens": 5,
      "tollgate.cost.nano_usd": COST,
      "tollgate.cost.status": "exact",
      "tollgate.decision": "allow",
    });
    expect(attributesOf(0)["tollgate.wire"]).toMatch(/^(?:fetch|http|undici)$/);
    expect(provider.requests).toHaveLength(1);
  });

  it.each(cases)("is not sent when its budget is spent: %s", async (_name, send) => {
    start({ TOLLGATE_BUDGET: "$0.000001" });
    const error = await send(`${provider.url}/v1/chat/completions`, CHAT).catch((problem: unknown) => problem);
    expect(findTollgateError(error)?.code).toBe("budget_exceeded");
    expect(provider.requests).toHaveLength(0);
    expect(attributesOf(0)).toMatchObject({ "tollgate.decision": "deny", "tollgate.cost.nano_usd": 0 });
  });

  it.each(cases)("is asked for its usage where it streams, and the app does not see it: %s", async (_name, send) => {
    start();
    provider.script = () => ({ events: chatEvents(["hel", "lo"], USAGE) });
    const reply = await send(`${provider.url}/v1/chat/completions`, { ...CHAT, stream: true });
    expect(provider.requests[0]?.body).toMatchObject({ stream_options: { include_usage: true } });
    expect(reply.body).toContain("[DONE]");
    expect(reply.body).not.toContain("usage");
    expect(attributesOf(0)).toMatchObject({ "tollgate.cost.nano_usd": COST, "tollgate.cost.status": "exact" });
  });

  it.each(cases)("costs nothing when the provider refuses it: %s", async (_name, send) => {
    start();
    provider.script = () => ({
      status: 429,
      headers: { "retry-after": "1" },
      json: { error: { message: "slow down" } },
    });
    expect((await send(`${provider.url}/v1/chat/completions`, CHAT)).status).toBe(429);
    expect(attributesOf(0)).toMatchObject({ "tollgate.cost.nano_usd": 0, "error.type": "429" });
  });

  it.each(cases)("counts as reserved when its connection breaks: %s", async (_name, send) => {
    start();
    provider.script = () => ({ cutAfter: 0 });
    const error = await send(`${provider.url}/v1/chat/completions`, CHAT).catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(Error);
    expect(attributesOf(0)).toMatchObject({ "tollgate.cost.status": "estimated" });
    expect(Number(attributesOf(0)["tollgate.cost.nano_usd"])).toBeGreaterThanOrEqual(COST);
  });

  it.each(cases)("counts by what was seen when its stream breaks: %s", async (_name, send) => {
    start();
    provider.script = () => ({ events: chatEvents(["hel", "lo"], USAGE), cutAfter: 1 });
    await send(`${provider.url}/v1/chat/completions`, { ...CHAT, stream: true }).catch(() => {});
    expect(attributesOf(0)).toMatchObject({ "tollgate.cost.status": "estimated" });
    expect(Number(attributesOf(0)["gen_ai.usage.output_tokens"])).toBeGreaterThan(0);
  });
});

describe("a call that a library gates", () => {
  it("passes the wire once: one span, one reservation", async () => {
    start();
    const client = openaiClient(provider.url);
    await client.chat.completions.create({ ...CHAT, messages: [{ role: "user", content: "hi" }] });
    expect(gated.spans()).toHaveLength(1);
    expect(attributesOf(0)["tollgate.wire"]).toBeUndefined();
    expect(attributesOf(0)["tollgate.cost.nano_usd"]).toBe(COST);
  });

  it("does not cover what the app sends while it reads the answer", async () => {
    start();
    provider.script = ({ body }) =>
      body["stream"] === true ? { events: chatEvents(["hel", "lo"], USAGE) } : { json: chatCompletion(USAGE) };
    const client = openaiClient(provider.url);
    const stream = await client.chat.completions.create({
      ...CHAT,
      messages: [{ role: "user", content: "hi" }],
      stream: true,
    });
    let inner: Promise<Reply> | undefined;
    for await (const _chunk of stream) inner ??= SENDERS["fetch"]?.(`${provider.url}/v1/chat/completions`, CHAT);
    await inner;
    expect(gated.spans()).toHaveLength(2);
  });
});

describe("other dialects on the wire", () => {
  it("reads Anthropic's messages", async () => {
    start();
    provider.script = () => ({ json: message({ input_tokens: 10, output_tokens: 6 }) });
    const body = { model: "claude-sonnet-4-5", max_tokens: 50, messages: [{ role: "user", content: "hi" }] };
    await SENDERS["node:http"]?.(`${provider.url}/v1/messages`, body);
    expect(attributesOf(0)).toMatchObject({ "gen_ai.provider.name": "anthropic", "tollgate.cost.status": "exact" });
  });

  it("reads Gemini's REST form, and bounds its output", async () => {
    start();
    provider.script = () => ({
      json: {
        candidates: [{ index: 0, content: { role: "model", parts: [{ text: "hello" }] }, finishReason: "STOP" }],
        usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 2, totalTokenCount: 6 },
      },
    });
    const body = { contents: [{ parts: [{ text: "hi" }] }], generation_config: { max_output_tokens: 20 } };
    await SENDERS["fetch"]?.(`${provider.url}/v1beta/models/gemini-2.5-flash:generateContent`, body);
    expect(attributesOf(0)).toMatchObject({
      "gen_ai.request.model": "gemini-2.5-flash",
      "gen_ai.request.max_tokens": 20,
      "gen_ai.usage.output_tokens": 2,
      "tollgate.cost.status": "exact",
    });
  });

  it("takes what a provider's host serves for a call of a model, and refuses one without a price under a hard limit", async () => {
    start({ TOLLGATE_PROVIDERS: `openai=${provider.url}/v1` });
    const send = SENDERS["axios"];
    const error = await send?.(`${provider.url}/v1/future/thoughts`, { prompt: "hi" }).catch(
      (problem: unknown) => problem,
    );
    expect(findTollgateError(error)?.code).toBe("unpriced_model");
    expect(provider.requests).toHaveLength(0);
    await send?.(`${provider.url}/v1/files`, { purpose: "batch" });
    expect(provider.requests).toHaveLength(1);
    expect(gated.spans()).toHaveLength(1);
  });

  it("leaves a request alone that only has the path of one", async () => {
    start();
    await SENDERS["fetch"]?.(`${provider.url}/v1/messages`, { to: "ada", text: "hi" });
    expect(provider.requests[0]?.body).toEqual({ to: "ada", text: "hi" });
    expect(gated.spans()).toHaveLength(0);
  });
});

describe("everything else that leaves the process", () => {
  it.each(cases)("is refused under `deny`, before it is sent: %s", async (_name, send) => {
    start({ TOLLGATE_UNKNOWN_EGRESS: "deny" });
    const error = await send(`${provider.url}/upload`, { rows: 1 }).catch((problem: unknown) => problem);
    expect(findTollgateError(error)?.code).toBe("egress_denied");
    expect(provider.requests).toHaveLength(0);
    expect(attributesOf(0)).toMatchObject({ "tollgate.decision": "deny", "server.address": "127.0.0.1" });
  });

  it.each(cases)("goes as it is by default: %s", async (_name, send) => {
    start();
    await send(`${provider.url}/upload`, { rows: 1 });
    expect(provider.requests[0]?.body).toEqual({ rows: 1 });
  });

  it("is refused where a redirect leads to it", async () => {
    start({ TOLLGATE_UNKNOWN_EGRESS: "deny", TOLLGATE_PROVIDERS: `openai=${provider.url}/v1` });
    provider.script = () => ({ status: 307, headers: { location: `${provider.url}/elsewhere` } });
    const send = SENDERS["fetch"];
    const error = await send?.(`${provider.url}/v1/files`, {}).catch((problem: unknown) => problem);
    expect(findTollgateError(error)?.code).toBe("egress_denied");
    expect(provider.requests.map(({ path }) => path)).toEqual(["/v1/files"]);
  });
});

describe("an agent's list of endpoints", () => {
  const fleet = (egress: HelloReply["egress"]): void => {
    const ledger = new MemoryLedger(10n ** 9n);
    ledger.egress = egress;
    gated = startGatedProcess({
      env: { TOLLGATE_API_KEY: "key", TOLLGATE_ENDPOINT: "http://127.0.0.1:1" },
      transport: ledger,
    });
    registerWire(new Wire(gated.gate));
  };

  it("lets through what is on it and refuses the rest, from the first request on", async () => {
    fleet({ unknown: "deny", allow: [`POST ${provider.url}/allowed`] });
    const send = SENDERS["undici.request"];
    expect((await send?.(`${provider.url}/allowed/x`, {}))?.status).toBe(200);
    const error = await send?.(`${provider.url}/other`, {}).catch((problem: unknown) => problem);
    expect(findTollgateError(error)?.code).toBe("egress_denied");
    expect(gated.spans().map(({ name }) => name)).toEqual([`egress ${new URL(provider.url).host}`]);
  });

  it("tells once a minute where others go when they are only observed", async () => {
    fleet({ unknown: "observe", allow: ["api.example.com"] });
    for (let count = 0; count < 3; count += 1) await SENDERS["axios"]?.(`${provider.url}/other`, {});
    expect(provider.requests).toHaveLength(3);
    expect(gated.spans()).toHaveLength(1);
    expect(attributesOf(0)).toMatchObject({
      "tollgate.decision": "allow",
      "tollgate.decision.rule": "unknown_egress: observe",
    });
  });

  it("names hosts that are providers", async () => {
    fleet({ unknown: "deny", providers: { [new URL(provider.url).host]: "openai" } });
    const body = { model: "gpt-4o-mini", input: "hi" };
    await SENDERS["fetch"]?.(`${provider.url}/gateway/responses`, body);
    expect(attributesOf(0)["gen_ai.provider.name"]).toBe("openai");
  });
});

describe("providers with dialects of their own, on the wire", () => {
  const at = (provider_: string): Readonly<Record<string, string>> => ({
    TOLLGATE_PROVIDERS: `${provider_}=${provider.url}`,
  });

  it("reads Ollama's lines, under a limit of tokens that no price is needed for", async () => {
    start({ ...at("ollama"), TOLLGATE_BUDGET: "" });
    const lines = [
      { model: "llama3", message: { role: "assistant", content: "hel" }, done: false },
      {
        model: "llama3",
        message: { role: "assistant", content: "lo" },
        done: true,
        prompt_eval_count: 9,
        eval_count: 4,
      },
    ];
    provider.script = () => ({
      headers: { "content-type": "application/x-ndjson" },
      text: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    });
    const body = { model: "llama3", messages: [{ role: "user", content: "hi" }] };
    await SENDERS["undici.request"]?.(`${provider.url}/api/chat`, body);
    expect(attributesOf(0)).toMatchObject({ "gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 4 });
  });

  it("bounds a call of Bedrock that nobody signed, and leaves a signed one as it is", async () => {
    start(at("aws.bedrock"));
    provider.script = () => ({
      json: {
        output: { message: { role: "assistant", content: [{ text: "hello" }] } },
        stopReason: "end_turn",
        usage: { inputTokens: 8, outputTokens: 3, totalTokens: 11 },
      },
    });
    const url = `${provider.url}/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse`;
    const json = JSON.stringify({
      messages: [{ role: "user", content: [{ text: "hi" }] }],
      inferenceConfig: { maxTokens: 40 },
    });
    for (const authorization of ["Bearer x", "AWS4-HMAC-SHA256 Credential=x"]) {
      await (await fetch(url, { method: "POST", headers: { ...JSON_HEADERS, authorization }, body: json })).text();
    }
    expect(provider.requests[1]?.body).toEqual(JSON.parse(json));
    for (const index of [0, 1]) {
      expect(attributesOf(index)).toMatchObject({ "gen_ai.usage.input_tokens": 8, "gen_ai.usage.output_tokens": 3 });
      expect(attributesOf(index)["tollgate.cost.status"]).toBe("exact");
    }
  });

  it("gives Mistral only fields that it knows", async () => {
    start(at("mistral_ai"));
    provider.script = () => ({ events: chatEvents(["hel", "lo"], USAGE) });
    await SENDERS["fetch"]?.(`${provider.url}/v1/chat/completions`, {
      ...CHAT,
      model: "mistral-large-latest",
      stream: true,
    });
    expect(Object.keys(provider.requests[0]?.body ?? {}).sort()).toEqual(["max_tokens", "messages", "model", "stream"]);
    expect(attributesOf(0)).toMatchObject({ "gen_ai.provider.name": "mistral_ai", "tollgate.cost.status": "exact" });
  });
});
