/**
 * Goal: an app that writes a request of `node:http` with callbacks hears of each piece once, whether the request went, was held and refused, or
 * was given up while it was held; and nothing that comes behind its end is sent. Method: the same steps without the gate and with it, where
 * Node itself is definite about what comes.
 */
import axios from "axios";
import { request as httpRequest } from "node:http";
import type { ClientRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { startGatedProcess } from "../../support/gated-process.ts";
import type { GatedProcess } from "../../support/gated-process.ts";
import { chatCompletion, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";
import { useWireHooks } from "../../support/wire-hooks.ts";

const CHAT = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50 });

let provider: ScriptedProvider;
let gated: GatedProcess | undefined;

useWireHooks();

beforeEach(async () => {
  provider = await startScriptedProvider(() => ({ json: chatCompletion({ input: 12, output: 5 }) }));
});

afterEach(async () => {
  registerWire(undefined);
  await gated?.stop();
  gated = undefined;
  await provider.close();
});

function start(budget = "$1"): void {
  gated = startGatedProcess({ env: { TOLLGATE_BUDGET: budget, TOLLGATE_PROVIDERS: `openai=${provider.url}/v1` } });
  registerWire(new Wire(gated.gate));
}

type Told = (name: string) => (error?: Error | null) => void;

/** What was told, in its order, until the request was closed and what it had put off was done. */
async function told(steps: (request: ClientRequest, tell: Told) => void, signal?: AbortSignal): Promise<string[]> {
  const log: string[] = [];
  const request = httpRequest(`${provider.url}/v1/chat/completions`, { method: "POST", signal });
  request.on("response", (response) => response.resume());
  request.on("error", (error) => log.push(`error ${codeOf(error)}`));
  const closed = new Promise((resolve) => request.on("close", resolve));
  steps(request, (name) => (error) => void log.push(`${name} ${codeOf(error)}`));
  await closed;
  await new Promise(setImmediate);
  return log;
}

function codeOf(error: Error | null | undefined): string {
  return error === null || error === undefined ? "ok" : String((error as NodeJS.ErrnoException).code);
}

describe("callbacks of a request", () => {
  const halves = (request: ClientRequest, tell: Told): void => {
    request.write(CHAT.slice(0, 20), tell("write"));
    request.end(CHAT.slice(20), tell("end"));
  };

  it.each([
    ["sent", undefined, halves],
    ["whose signal was aborted before", AbortSignal.abort(), halves],
    [
      "that was destroyed before its first byte",
      undefined,
      (request: ClientRequest, tell: Told): void => {
        request.destroy();
        halves(request, tell);
      },
    ],
    [
      "written to behind its end",
      undefined,
      (request: ClientRequest, tell: Told): void => {
        request.end(CHAT, tell("end"));
        request.write(CHAT, tell("write"));
      },
    ],
    [
      "ended twice",
      undefined,
      (request: ClientRequest, tell: Told): void => {
        request.end(CHAT, tell("end"));
        request.end(tell("again"));
      },
    ],
  ])("%s come as without the gate", async (_name, signal, steps) => {
    const bare = await told(steps, signal);
    const sentBare = provider.requests.map(({ body }) => body);
    start();
    expect((await told(steps, signal)).sort()).toEqual(bare.sort());
    expect(provider.requests.map(({ body }) => body)).toEqual([...sentBare, ...sentBare]);
  });

  it("given up while it is held come once, with an error", async () => {
    start();
    const leaving = new AbortController();
    const log = await told((request, tell) => {
      halves(request, tell);
      leaving.abort();
    }, leaving.signal);
    expect(log.sort()).toEqual(["end ABORT_ERR", "error ABORT_ERR", "write ok"]);
    expect(provider.requests).toHaveLength(0);
  });

  it("refused come once, what was not taken yet with the refusal", async () => {
    start("$0.000001");
    const log = await told(halves);
    expect(log.sort()).toEqual(["end budget_exceeded", "error budget_exceeded", "write ok"]);
    expect(provider.requests).toHaveLength(0);
  });
});

describe("who waits for one piece before the next", () => {
  it("comes to the end of a request that is held", async () => {
    start();
    const log = await told((request, tell) => {
      request.write(CHAT.slice(0, 20), () => request.write(CHAT.slice(20), () => request.end(tell("end"))));
    });
    expect(log).toEqual(["end ok"]);
    expect(provider.requests).toHaveLength(1);
    expect(gated?.spans()[0]?.attributes).toMatchObject({ "tollgate.cost.status": "exact" });
  });

  it("is how axios follows a redirect: to a provider, gated there", async () => {
    provider.script = ({ path }) =>
      path === "/elsewhere"
        ? { status: 307, headers: { location: `${provider.url}/v1/chat/completions` } }
        : { json: chatCompletion({ input: 12, output: 5 }) };
    start();
    expect((await axios.post(`${provider.url}/elsewhere`, CHAT)).status).toBe(200);
    expect(gated?.spans()).toHaveLength(1);
    await gated?.stop();
    start("$0.000001");
    const error = await axios.post(`${provider.url}/elsewhere`, CHAT).catch((problem: unknown) => problem);
    expect(findTollgateError(error)?.code).toBe("budget_exceeded");
    expect(provider.requests.map(({ path }) => path)).toEqual(["/elsewhere", "/v1/chat/completions", "/elsewhere"]);
  });
});
