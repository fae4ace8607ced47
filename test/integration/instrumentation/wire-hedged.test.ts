/** An app's own `fetch` of a client that sends more than one request for one call: each that the provider answers is paid for. */
import { context } from "@opentelemetry/api";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { readConfig } from "../../../instrumentation/src/config/config.ts";
import { ProcessContextManager } from "../../../instrumentation/src/telemetry/process-context-manager.ts";
import { gatedFetch } from "../../../instrumentation/src/wire/hook-fetch.ts";
import { hookWire } from "../../../instrumentation/src/wire/hook-wire.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { chatCompletion, startScriptedProvider, type ScriptedProvider } from "../../support/scripted-provider.ts";

const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "hi" }], max_tokens: 50 };
/** gpt-4o-mini: 0.15 and 0.60 USD a million tokens. */
const COST = 12 * 150 + 5 * 600;

let provider: ScriptedProvider;
let gated: GatedProcess;

beforeAll(() => {
  context.setGlobalContextManager(new ProcessContextManager(readConfig({})).enable());
  hookWire();
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

async function costsOf(own: typeof fetch): Promise<unknown[]> {
  await openaiClient(provider.url, { fetch: own }).chat.completions.create(CHAT);
  return gated.spans().map(({ attributes }) => attributes["tollgate.cost.nano_usd"]);
}

it("charges both of two that are sent side by side", async () => {
  const read = async (response: Response): Promise<Response> => new Response(await response.arrayBuffer(), response);
  const costs = await costsOf(async (url, init) => {
    const [first] = await Promise.all([fetch(url, init).then(read), fetch(url, init).then(read)]);
    return first;
  });
  expect([provider.requests.length, costs]).toEqual([2, [COST, COST]]);
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
