/**
 * Redirects, as each client follows them. Each hop is looked at by itself: one that leads to a model is priced and held to the budget, one
 * that leads elsewhere goes by the list of endpoints, whichever host sent it there.
 */
import axios from "axios";
import { request as httpRequest } from "node:http";
import { text } from "node:stream/consumers";
import { Agent, fetch as undiciFetch, interceptors, request as undiciRequest } from "undici";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { patchDispatcherOf } from "../../../instrumentation/src/wire/hook-undici.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { startGatedProcess } from "../../support/gated-process.ts";
import type { GatedProcess } from "../../support/gated-process.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { chatCompletion, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";
import { useWireHooks } from "../../support/wire-hooks.ts";

const CHAT = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50 });
const USAGE = { input: 12, output: 5 };
/** gpt-4o-mini: 0.15 and 0.60 USD a million tokens. */
const COST = 12 * 150 + 5 * 600;
const PATH = "/v1/chat/completions";
const headers = { "content-type": "application/json" };
const init = { method: "POST", headers, body: CHAT };

type Send = (url: string) => Promise<string>;

const SENDERS: Readonly<Record<string, Send>> = {
  fetch: async (url) => (await fetch(url, init)).text(),
  "undici.fetch": async (url) => (await undiciFetch(url, init)).text(),
  axios: async (url) => (await axios.post<string>(url, CHAT, { headers, responseType: "text" })).data,
  async "undici's interceptor"(url) {
    const dispatcher = new Agent().compose(interceptors.redirect({ maxRedirections: 3 }));
    return (await undiciRequest(url, { ...init, method: "POST", dispatcher })).body.text();
  },
  /** As got and most clients of their own do. */
  "node:http, by hand": (url) =>
    new Promise((resolve, reject) => {
      const go = (to: string): void => {
        const request = httpRequest(to, { method: "POST", headers }, (response) => {
          const { location } = response.headers;
          if (location === undefined) return void text(response).then(resolve, reject);
          response.resume();
          go(location);
        });
        request.on("error", reject);
        request.end(CHAT);
      };
      go(url);
    }),
};

const each = Object.entries(SENDERS);

let model: ScriptedProvider;
let other: ScriptedProvider;
let gated: GatedProcess;

useWireHooks();

beforeAll(() => patchDispatcherOf(new Agent()));

beforeEach(async () => {
  model = await startScriptedProvider(() => ({ json: chatCompletion(USAGE) }));
  other = await startScriptedProvider(() => ({ json: { from: "other" } }));
});

afterEach(async () => {
  registerWire(undefined);
  await gated.stop();
  await model.close();
  await other.close();
});

function start(env: Readonly<Record<string, string>> = {}): void {
  gated = startGatedProcess({
    env: { TOLLGATE_BUDGET: "$1", TOLLGATE_PROVIDERS: `openai=${model.url}`, ...env },
  });
  registerWire(new Wire(gated.gate));
}

function lead(from: ScriptedProvider, to: string): void {
  const { script } = from;
  from.script = (request, ...rest) =>
    request.path === PATH || request.path === "/start"
      ? { status: 307, headers: { location: to } }
      : script(request, ...rest);
}

const codeOf = async (sent: Promise<unknown>): Promise<string | undefined> =>
  findTollgateError(await sent.catch((error: unknown) => error))?.code;
const costs = (): unknown[] => gated.spans().map(({ attributes }) => attributes["tollgate.cost.nano_usd"]);

describe("a redirect", () => {
  it.each(each)("from elsewhere to a model is charged there, once: %s", async (_name, send) => {
    start();
    lead(other, `${model.url}${PATH}`);
    expect(await send(`${other.url}/start`)).toContain("hello");
    expect(costs()).toEqual([COST]);
    expect(gated.spans()[0]?.attributes["server.port"]).toBe(Number(new URL(model.url).port));
  });

  it.each(each)("from elsewhere to a model is not followed when the budget ends: %s", async (_name, send) => {
    start({ TOLLGATE_BUDGET: "$0.000001" });
    lead(other, `${model.url}${PATH}`);
    expect(await codeOf(send(`${other.url}/start`))).toBe("budget_exceeded");
    expect(model.requests).toEqual([]);
  });

  it.each(each)("from a model to elsewhere is refused where that is on no list: %s", async (_name, send) => {
    start({ TOLLGATE_UNKNOWN_EGRESS: "deny" });
    lead(model, `${other.url}/elsewhere`);
    expect(await codeOf(send(`${model.url}${PATH}`))).toBe("egress_denied");
    expect([model.requests.length, other.requests.length]).toEqual([1, 0]);
  });

  it.each(each)("goes by the agent's list at each hop: %s", async (_name, send) => {
    const ledger = new MemoryLedger(10n ** 9n);
    ledger.egress = {
      unknown: "deny",
      allow: [`POST ${other.url}/start`],
      providers: { [new URL(model.url).host]: "openai" },
    };
    gated = startGatedProcess({
      env: { TOLLGATE_API_KEY: "key", TOLLGATE_ENDPOINT: "http://127.0.0.1:1" },
      transport: ledger,
    });
    registerWire(new Wire(gated.gate));
    lead(other, `${model.url}/v1/chat/moved`);
    lead(model, `${other.url}/elsewhere`);
    other.script = ({ path }) =>
      path === "/start" ? { status: 307, headers: { location: `${model.url}${PATH}` } } : {};
    expect(await codeOf(send(`${other.url}/start`))).toBe("egress_denied");
    expect([other.requests.map(({ path }) => path), model.requests.length]).toEqual([["/start"], 1]);
  });

  it.each(each)("from one model to another is charged by the answer, and once: %s", async (_name, send) => {
    start({ TOLLGATE_PROVIDERS: `openai=${model.url},openai=${other.url}` });
    other.script = () => ({ json: chatCompletion(USAGE) });
    lead(model, `${other.url}/v1/chat/completions`);
    expect(await send(`${model.url}${PATH}`)).toContain("hello");
    expect(costs().reduce((sum: number, cost) => sum + Number(cost), 0)).toBe(COST);
  });
});
