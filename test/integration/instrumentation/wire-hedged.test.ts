/** An app's own `fetch` of a client that sends more than one request for one call: each that the provider answers is paid for. */
import { once } from "node:events";
import http from "node:http";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { context } from "@opentelemetry/api";
import { Agent, fetch as undiciFetch, interceptors, ProxyAgent, request as undiciRequest, RetryAgent } from "undici";
import type { Dispatcher, RetryHandler } from "undici";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { readConfig } from "../../../instrumentation/src/config/config.ts";
import { ProcessContextManager } from "../../../instrumentation/src/telemetry/process-context-manager.ts";
import { gatedFetch } from "../../../instrumentation/src/wire/hook-fetch.ts";
import { patchDispatcherOf } from "../../../instrumentation/src/wire/hook-undici.ts";
import { hookWire } from "../../../instrumentation/src/wire/hook-wire.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { chatCompletion, startScriptedProvider, type ScriptedProvider } from "../../support/scripted-provider.ts";

const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "hi" }], max_tokens: 50 };
const JSON_HEADERS = { "content-type": "application/json" };
/** gpt-4o-mini: 0.15 and 0.60 USD a million tokens. */
const COST = 12 * 150 + 5 * 600;

let provider: ScriptedProvider;
let gated: GatedProcess;

beforeAll(() => {
  context.setGlobalContextManager(new ProcessContextManager(readConfig({})).enable());
  hookWire();
  patchDispatcherOf(new Agent());
});

beforeEach(async () => {
  provider = await startScriptedProvider(() => ({ json: chatCompletion({ input: 12, output: 5 }) }));
  gated = startGatedProcess({ env: { TOLLGATE_BUDGET: "$1" } });
  registerWire(new Wire(gated.gate));
});

afterEach(async () => {
  registerWire(undefined);
  await gated.stop();
  await provider.close();
});

async function costsOf(own: OwnFetch): Promise<unknown[]> {
  await openaiClient(provider.url, { fetch: own as typeof fetch }).chat.completions.create(CHAT);
  return gated.spans().map(({ attributes }) => attributes["tollgate.cost.nano_usd"]);
}

/** As clients give it to their own `fetch`. */
type Init = Parameters<typeof fetch>[1];
type OwnFetch = (url: string, init: Init) => Promise<Response>;

function bodyOf(init: Init): string {
  return typeof init?.body === "string" ? init.body : "";
}

/** Each reads its answer to the end. */
const SENDERS = {
  async fetch(url, init) {
    const response = await fetch(url, init);
    return new Response(await response.arrayBuffer(), response);
  },
  async "undici's fetch"(url, init) {
    const response = await undiciFetch(url, { method: "POST", body: bodyOf(init), headers: JSON_HEADERS });
    return Response.json(await response.json());
  },
  async "undici's request"(url, init) {
    const { body } = await undiciRequest(url, { method: "POST", body: bodyOf(init), headers: JSON_HEADERS });
    return Response.json(await body.json());
  },
  async "node:http"(url, init) {
    const request = http.request(url, { method: "POST", headers: JSON_HEADERS });
    request.end(bodyOf(init));
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return Response.json(JSON.parse(await text(response)));
  },
} satisfies Readonly<Record<string, OwnFetch>>;

type Name = keyof typeof SENDERS;
const ALL = Object.keys(SENDERS) as readonly Name[];
const PAIRS = ALL.flatMap((first) => ALL.map((second) => [first, second] as const));

it.each(PAIRS)("charges both of two that are sent side by side, by %s and %s", async (first, second) => {
  const costs = await costsOf(async (url, init) => {
    const [answer] = await Promise.all([SENDERS[first](url, init), SENDERS[second](url, init)]);
    return answer;
  });
  expect([provider.requests.length, costs]).toEqual([2, [COST, COST]]);
});

const RETRY: RetryHandler.RetryOptions = { methods: ["POST"], statusCodes: [503], minTimeout: 1, maxRetries: 1 };
const again = [interceptors.redirect({ maxRedirections: 1 }), interceptors.retry(RETRY)] as const;

/** Each sends a request of undici's on, above the hook or under it: after a redirect, and once more. */
it.each<readonly [string, () => Dispatcher]>([
  ["interceptors", () => new Agent().compose(...again)],
  ["an agent that tries again", () => new RetryAgent(new Agent().compose(again[0]), RETRY)],
  ["an agent that looks names up", () => new Agent().compose(...again, interceptors.dns())],
  ["a proxy", () => new ProxyAgent({ uri: provider.url, proxyTunnel: false }).compose(...again)],
])("charges once what %s of undici's sends again", async (_name, dispatcherOf) => {
  const elsewhere = { status: 307, headers: { location: "/v1/chat/completions?again" } };
  const answers = [elsewhere, { status: 503 }, { json: chatCompletion({ input: 12, output: 5 }) }];
  provider.script = (_request, index) => answers[index] ?? {};
  const dispatcher = dispatcherOf();
  const costs = await costsOf(async (url, init) => {
    const target = url.replace("127.0.0.1", "localhost");
    const own = { method: "POST", body: bodyOf(init), headers: JSON_HEADERS, dispatcher } as const;
    const { body } = await undiciRequest(target, own);
    return Response.json(await body.json());
  });
  await dispatcher.destroy();
  expect([provider.requests.length, costs]).toEqual([3, [COST]]);
});

it("charges once what is sent again because the first was not answered", async () => {
  const costs = await costsOf(async (url, init) => {
    await fetch("http://127.0.0.1:1/v1/chat/completions", init).catch(() => {});
    return fetch(url, init);
  });
  expect([provider.requests.length, costs]).toEqual([1, [COST]]);
});

it("charges once what passes a wrapper of the app, gated too", async () => {
  const wrapped = gatedFetch(async (url, init) => fetch(url, init));
  expect([await costsOf(wrapped), provider.requests.length]).toEqual([[COST], 1]);
});
