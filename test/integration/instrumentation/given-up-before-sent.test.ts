/**
 * A request that the app gives up costs nothing where it is certain that nothing of it left, and what was reserved where something may have. A
 * connection that is about to be opened is when an app gives up here: Node tells of each socket before it is connected.
 */
import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:http2";
import { connect as openSocket } from "node:net";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";
import axios from "axios";
import { Agent, request as undiciRequest } from "undici";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { GatedCall } from "../../../instrumentation/src/gate/gated-call.ts";
import { gateModel } from "../../../instrumentation/src/vercel-ai/gate-model.ts";
import { patchDispatcherOf } from "../../../instrumentation/src/wire/hook-undici.ts";
import { anthropicClient, openaiClient } from "../../support/gated-process.ts";
import { chatCompletion, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedAnswer } from "../../support/scripted-provider.ts";
import { useGatedWire } from "../../support/wire-hooks.ts";

const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "hi" }], max_tokens: 50 };
/** As the libraries say it. */
const GIVEN_UP = /abort|cancel|connection error|timed out|fetch failed/i;
const CONNECTING = "net.client.socket";
/** gpt-4o-mini: 0.60 USD a million tokens; and what the prompt may be. */
const OUTPUT_COST = 50 * 600;
const RESERVED = [expect.toSatisfy((nanoUsd: number) => nanoUsd > OUTPUT_COST), "estimated", undefined];

const wire = useGatedWire(() => ({ json: chatCompletion({ input: 12, output: 5 }) }));

beforeAll(() => patchDispatcherOf(new Agent()));

/** Sends a call of a model; `signal` is the app's. */
type Send = (signal: AbortSignal) => Promise<unknown>;

const posted = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(CHAT) };
const chatUrl = (): string => `${wire.provider.url}/v1/chat/completions`;

const SENDERS: Readonly<Record<string, Send>> = {
  fetch: (signal) => fetch(chatUrl(), { ...posted, signal }),
  "fetch of a request": (signal) => fetch(new Request(chatUrl(), { ...posted, signal })),
  openai: (signal) => openaiClient(wire.provider.url).chat.completions.create(CHAT, { signal }),
  "openai over axios": (signal) =>
    openaiClient(wire.provider.url, { fetch: overAxios }).chat.completions.create(CHAT, { signal }),
  "openai over undici": (signal) =>
    openaiClient(wire.provider.url, { fetch: overUndici }).chat.completions.create(CHAT, { signal }),
  "undici's request": (signal) => undiciRequest(chatUrl(), { ...posted, signal, dispatcher: new Agent() }),
  "@anthropic-ai/sdk": (signal) =>
    anthropicClient(wire.provider.url).messages.create({ ...CHAT, model: "claude-haiku-4-5" }, { signal }),
  ai: (signal) => {
    const model = createOpenAI({ apiKey: "test", baseURL: `${wire.provider.url}/v1` }).chat("gpt-4o-mini");
    gateModel(model);
    return generateText({ model, prompt: "hi", maxOutputTokens: 50, maxRetries: 0, abortSignal: signal });
  },
};

/** As apps put another client in the place of `fetch`. */
const overAxios = async (url: string, { body, signal }: RequestInit): Promise<Response> => {
  const { data } = await axios.post<unknown>(url, body, { signal: signal as AbortSignal, headers: posted.headers });
  return Response.json(data);
};
const overUndici = async (url: string, { body, signal }: RequestInit): Promise<Response> => {
  const answer = await undiciRequest(url, { ...posted, body: body as string, signal: signal as AbortSignal });
  return Response.json(await answer.body.json());
};

/** Calls `work` as the next connection is about to be opened. */
function asNextConnects(work: () => void): void {
  const connecting = channel(CONNECTING);
  const told = (): void => {
    connecting.unsubscribe(told);
    work();
  };
  connecting.subscribe(told);
}

/** What the only call has cost, and how that is known. */
function cost(): unknown[] {
  return wire.gated
    .spans()
    .map(({ attributes }) => [
      attributes["tollgate.cost.nano_usd"],
      attributes["tollgate.cost.status"],
      attributes["tollgate.call.unsent"],
    ]);
}

describe.each(Object.entries(SENDERS))("%s", (_name, send) => {
  it("costs nothing where it is given up before it is connected", async () => {
    wire.start({ env: { TOLLGATE_BUDGET: "$1" } });
    const app = new AbortController();
    asNextConnects(() => app.abort());
    await expect(send(app.signal)).rejects.toThrow(GIVEN_UP);
    await expect.poll(cost).toHaveLength(1);
    expect([cost(), wire.provider.requests.length]).toEqual([[[0, "exact", true]], 0]);
  });

  it("costs what was reserved where it is given up while it is answered", async () => {
    wire.start({ env: { TOLLGATE_BUDGET: "$1" } });
    const app = new AbortController();
    wire.provider.script = () => {
      app.abort();
      return { until: new Promise(() => {}) };
    };
    await expect(send(app.signal)).rejects.toThrow(GIVEN_UP);
    await expect.poll(cost).toEqual([RESERVED]);
  });
});

/** They open their sockets before anything is admitted. Here each waits for a name to be looked up. */
const SLOW: Readonly<
  Record<string, (url: URL, options: { signal: AbortSignal; lookup?: () => void }) => Promise<unknown>>
> = {
  "node:http": (url, options) => {
    const request = httpRequest(url, { ...posted, ...options }).end(posted.body);
    return Promise.race([once(request, "response"), once(request, "close")]);
  },
  "node:http2": (url, { signal, ...options }) => {
    const session = connect(url.origin, options).on("error", () => {});
    const stream = session.request({ ":method": "POST", ":path": url.pathname }, { signal }).end(posted.body);
    return once(stream, "response").finally(() => session.destroy());
  },
};

describe.each(Object.entries(SLOW))("%s", (name, send) => {
  const url = (): URL => new URL(chatUrl().replace("127.0.0.1", "localhost"));

  it("costs nothing where it is given up before it is connected", async () => {
    wire.start({ env: { TOLLGATE_BUDGET: "$1" } });
    const app = new AbortController();
    const sent = send(url(), { signal: app.signal, lookup: () => {} });
    const admitted = (): boolean =>
      [...wire.gated.gate.open].some((call) => (call as GatedCall).admission !== undefined);
    const failed = sent.catch((error: unknown) => error);
    await expect.poll(admitted).toBe(true);
    app.abort();
    await expect(failed).resolves.toMatchObject({ message: expect.stringMatching(GIVEN_UP) as unknown });
    await expect.poll(cost).toEqual([[0, "exact", true]]);
  });

  it("costs what was reserved where it is given up while it is answered", async () => {
    wire.start({ env: { TOLLGATE_BUDGET: "$1" } });
    const app = new AbortController();
    const script = (): ScriptedAnswer => {
      app.abort();
      return { until: new Promise(() => {}) };
    };
    const provider = await startScriptedProvider(script, { speaksHttp2: name === "node:http2" });
    onTestFinished(() => provider.close());
    await expect(send(new URL(`${provider.url}/v1/chat/completions`), { signal: app.signal })).rejects.toThrow(
      GIVEN_UP,
    );
    await expect.poll(cost).toEqual([RESERVED]);
  });
});

describe("an app that says it was not sent", () => {
  const LIES: Readonly<Record<string, Error>> = {
    "gives up": new DOMException("aborted", "AbortError"),
    "names a refused connection": Object.assign(new Error("refused"), { code: "ECONNREFUSED" }),
  };

  it.each(Object.entries(LIES))("and %s, does not get it sent later", async (_name, error) => {
    wire.start({ env: { TOLLGATE_BUDGET: "$1" } });
    const given = Promise.withResolvers<never>();
    asNextConnects(() => given.reject(error));
    let sent: Promise<unknown> | undefined;
    const own = (url: string, { signal: _signal, ...init }: RequestInit): Promise<Response> => {
      sent = fetch(url, init);
      return Promise.race([given.promise, sent as Promise<Response>]);
    };
    await expect(openaiClient(wire.provider.url, { fetch: own }).chat.completions.create(CHAT)).rejects.toThrow(
      GIVEN_UP,
    );
    await expect(sent).rejects.toThrow(GIVEN_UP);
    await expect.poll(cost).toHaveLength(1);
    expect([cost(), wire.provider.requests.length]).toEqual([[[0, "exact", true]], 0]);
  });

  it.each(Object.entries(LIES))("and %s, after it was, pays for it", async (_name, error) => {
    wire.start({ env: { TOLLGATE_BUDGET: "$1" } });
    const given = Promise.withResolvers<never>();
    wire.provider.script = () => {
      given.reject(error);
      return { until: new Promise(() => {}) };
    };
    const own = (url: string, init: RequestInit): Promise<Response> => Promise.race([given.promise, fetch(url, init)]);
    await expect(openaiClient(wire.provider.url, { fetch: own }).chat.completions.create(CHAT)).rejects.toThrow(
      GIVEN_UP,
    );
    await expect.poll(cost).toEqual([RESERVED]);
  });

  it("by a dispatcher that writes by itself and tells nobody when it begins, pays for it", async () => {
    wire.start({ env: { TOLLGATE_BUDGET: "$1" } });
    const app = new AbortController();
    wire.provider.script = () => {
      app.abort();
      return { until: new Promise(() => {}) };
    };
    const silent = {
      dispatch({ origin, path, body }: { origin: string; path: string; body: string }, handler: object): boolean {
        // Not by anything that tells of itself when it begins: `fetch` would.
        const { hostname, port } = new URL(origin);
        const socket = openSocket(Number(port), hostname).on("error", () => {});
        onTestFinished(() => void socket.destroy());
        const head = ["POST", path, "HTTP/1.1\r\nhost:", hostname].join(" ");
        const type = "content-type: application/json";
        socket.write(`${head}\r\n${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
        app.signal.addEventListener("abort", () =>
          (handler as { onResponseError(controller: null, error: unknown): void }).onResponseError(
            null,
            app.signal.reason,
          ),
        );
        return true;
      },
    };
    patchDispatcherOf(silent);
    await expect(undiciRequest(chatUrl(), { ...posted, dispatcher: silent as never })).rejects.toThrow(GIVEN_UP);
    await expect.poll(cost).toEqual([RESERVED]);
  });
});
