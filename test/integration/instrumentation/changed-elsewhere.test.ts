/**
 * Goal: what leaves is what was admitted, in every library and by whatever an app's own code sends with. Method: each library is asked for an
 * answer of five tokens, and a place where it takes code of the app's makes 60,000 of them; what arrives at the provider is held
 * against what the ledger has granted.
 */
import type OpenAI from "openai";
import { getGlobalDispatcher } from "undici";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { patchDispatcherOf } from "../../../instrumentation/src/wire/hook-undici.ts";
import { FRAMEWORK_WAYS } from "../../support/changing-frameworks.ts";
import { ASKED, at, CHANGED, changing, plain, WAYS } from "../../support/changing-ways.ts";
import { hookFrameworks } from "../../support/framework-rig.ts";
import { openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { LIBRARIES } from "../../support/libraries/index.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { chatCompletion, message, responsesAnswer, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";
import { useWireHooks } from "../../support/wire-hooks.ts";

const USAGE = { input: 9, output: 4 };

function answerOf(path: string): object {
  if (path.endsWith("/responses")) return responsesAnswer(USAGE);
  if (path.endsWith("/messages")) return message({ input_tokens: USAGE.input, output_tokens: USAGE.output });
  if (path.endsWith("/v2/chat")) {
    const usage = { billed_units: { input_tokens: USAGE.input, output_tokens: USAGE.output } };
    return {
      id: "c",
      finish_reason: "COMPLETE",
      message: { role: "assistant", content: [{ type: "text", text: "a" }] },
      usage,
    };
  }
  if (path.endsWith("/api/chat")) {
    const counts = { prompt_eval_count: USAGE.input, eval_count: USAGE.output };
    return { model: "m", message: { role: "assistant", content: "a" }, done: true, done_reason: "stop", ...counts };
  }
  if (path.endsWith(":generateContent")) {
    const usageMetadata = { promptTokenCount: USAGE.input, candidatesTokenCount: USAGE.output, totalTokenCount: 13 };
    return {
      candidates: [{ content: { role: "model", parts: [{ text: "a" }] }, finishReason: "STOP" }],
      usageMetadata,
    };
  }
  if (path.includes("/model/")) {
    const usage = { inputTokens: USAGE.input, outputTokens: USAGE.output, totalTokens: 13 };
    return {
      output: { message: { role: "assistant", content: [{ text: "a" }] } },
      stopReason: "end_turn",
      usage,
      metrics: { latencyMs: 1 },
    };
  }
  return chatCompletion(USAGE);
}

/** No book has prices of what runs on one's own machine. */
const PRICES = {
  kind: "prices",
  name: "house",
  models: { "llama3.2": { provider: "ollama", input: "0.15", output: "0.60" } },
};

let provider: ScriptedProvider;
let gated: GatedProcess;
let ledger: MemoryLedger;

useWireHooks();

beforeAll(() => {
  hookFrameworks();
  for (const library of LIBRARIES) library.patch?.();
  patchDispatcherOf(getGlobalDispatcher());
});

afterEach(async () => {
  registerWire(undefined);
  await gated.stop();
  await provider.close();
});

async function start(speaksHttp2 = false): Promise<void> {
  provider = await startScriptedProvider(({ path }) => ({ json: answerOf(path.split("?")[0] ?? "") }), { speaksHttp2 });
  ledger = new MemoryLedger(2_000_000n);
  ledger.prices = [PRICES];
  const hosts = Object.entries({
    openai: "v1/chat",
    mistral_ai: "mistral",
    cohere: "v2",
    ollama: "api",
    "aws.bedrock": "model",
  }).map(([name, path]) => `${name}=${provider.url}/${path}`);
  gated = startGatedProcess({ transport: ledger, env: { TOLLGATE_PROVIDERS: hosts.join(",") } });
  registerWire(new Wire(gated.gate));
}

const EVERY = Object.entries({ ...WAYS, ...FRAMEWORK_WAYS });

describe.each(EVERY)("%s", (_name, way) => {
  beforeEach(() => start(way.speaksHttp2));

  it("does not make more of an admitted request than there is money for", async () => {
    const error: unknown = await way.ask(provider.url, changing(way.bound)).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    const isLess = provider.requests.map(({ body }) => Number(at(body, way.bound)) < CHANGED);
    const seen = [findTollgateError(error)?.code ?? error, isLess];
    expect(seen).toEqual(way.isFixed === true ? ["budget_exceeded", []] : [undefined, [true]]);
    await gated.stop();
    expect(ledger.outstanding).toBe(0n);
    const told = gated.spans().map(({ attributes }) => Number(attributes["tollgate.cost.nano_usd"] ?? 0));
    expect(told.reduce((sum, cost) => sum + cost, 0)).toBe(Number(ledger.settled));
    expect(ledger.settled > 0n).toBe(way.isFixed !== true);
  });
});

const LEAVING = EVERY.filter(([, { isAlways }]) => isAlways !== true);

it.each(LEAVING)("%s leaves a request that is not changed as it is", async (_name, way) => {
  await start(way.speaksHttp2);
  await way.ask(provider.url, (body) => body);
  expect(provider.requests.map(({ body }) => at(body, way.bound))).toEqual([ASKED]);
  await gated.stop();
  expect(gated.spans().map(({ attributes }) => attributes["tollgate.cost.status"])).toEqual(["exact"]);
});

/** A client whose `fetch` sends what the SDK has made of a request to wherever `place` says. */
function sendingTo(
  place: (url: URL) => string,
  sent: (url: string, init: RequestInit) => Promise<Response> = fetch,
): OpenAI {
  const own = (url: string, init: RequestInit) => sent(place(new URL(url)), init);
  return openaiClient(provider.url, { fetch: own, maxRetries: 2 });
}

const REQUEST = {
  model: "gpt-4o-mini",
  messages: [{ role: "user" as const, content: "hi" }],
  max_completion_tokens: 5,
};
/** gpt-4o-mini: 0.15 and 0.60 USD a million tokens. */
const COST = BigInt(USAGE.input * 150 + USAGE.output * 600);

describe("a request that an app's own code sends elsewhere", () => {
  let other: ScriptedProvider;

  beforeEach(async () => {
    await start();
    other = await startScriptedProvider(({ path }) => ({ json: answerOf(path) }));
  });

  afterEach(() => other.close());

  it("is the admitted one where nobody knows whose host it is, as in front of a company's own gateway", async () => {
    await sendingTo(({ pathname }) => `${other.url}/openai${pathname}`).chat.completions.create(REQUEST);
    expect(other.requests.map(({ body }) => body)).toEqual([REQUEST]);
    await gated.stop();
    expect(gated.spans()).toHaveLength(1);
    expect(ledger.settled).toBe(COST);
  });

  it("has the price of the provider that it is sent to", async () => {
    ledger.egress = { unknown: "observe", providers: { [other.url]: "groq" } };
    const sent = sendingTo(({ pathname }) => `${other.url}${pathname}`).chat.completions.create(REQUEST);
    await expect(sent).rejects.toMatchObject({ code: "unpriced_model", provider: "groq" });
    expect(other.requests).toEqual([]);
  });

  it("is bounded as the API that it is sent to has it", async () => {
    await sendingTo(({ origin }) => `${origin}/v1/responses`).chat.completions.create({
      ...REQUEST,
      input: "hi",
    } as never);
    expect(provider.requests[0]?.body["max_output_tokens"]).toBeLessThan(5_000);
    await gated.stop();
    expect(ledger.settled).toBe(COST);
  });

  it.each(["beside each other", "one after the other"])("is paid for each time that it is sent, %s", async (how) => {
    const twice = async (url: string, init: RequestInit): Promise<Response> => {
      const send = () => fetch(new Request(url, init));
      if (how === "beside each other") return (await Promise.all([send(), send()]))[0];
      await (await send()).text();
      return send();
    };
    await sendingTo(String, twice).chat.completions.create(REQUEST);
    expect(provider.requests).toHaveLength(2);
    await gated.stop();
    // Of the two beside each other one is nobody's answer, and counts as it was reserved.
    expect(ledger.settled).toBeGreaterThanOrEqual(2n * COST);
  });

  it("is a call of another model where the fetch of an AI SDK's provider names one", async () => {
    const { generateText } = await import("ai");
    const own = plain((body) => ({ ...body, model: "gpt-4o" }));
    const { createOpenAI } = await import("@ai-sdk/openai");
    const model = createOpenAI({ apiKey: "k", baseURL: `${provider.url}/v1`, fetch: own as typeof fetch }).chat(
      "gpt-4o-mini",
    );
    await generateText({ model, prompt: "hi", maxOutputTokens: 5 });
    await gated.stop();
    const told = gated
      .spans()
      .map(({ attributes: told }) => [told["gen_ai.request.model"], told["tollgate.cost.nano_usd"]]);
    expect(Object.fromEntries(told)).toEqual({ "gpt-4o": Number(ledger.settled), "gpt-4o-mini": 0 });
  });
});
