/**
 * Goal: whatever has left counts, and what an app sends once more below an SDK is a call of its own. Method: each way that an app, or a part
 * between it and the wire, sends by; the provider gets the request and breaks off, so that nobody knows what it bills.
 */
import { once } from "node:events";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, createServer, request as httpsRequest } from "node:https";
import { createRequire } from "node:module";
import { connect, createServer as createTcpServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { compileFunction } from "node:vm";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";
import type { LanguageModel } from "ai";
import axios from "axios";
import { build } from "esbuild";
import OpenAI from "openai";
import * as undici from "undici";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { gateModel } from "../../../instrumentation/src/vercel-ai/gate-model.ts";
import { patchDispatcherOf } from "../../../instrumentation/src/wire/hook-undici.ts";
import { createAuthority } from "../../support/certificates.ts";
import { anthropicClient, openaiClient } from "../../support/gated-process.ts";
import { chatCompletion } from "../../support/scripted-provider.ts";
import type { ScriptedAnswer } from "../../support/scripted-provider.ts";
import { useGatedWire } from "../../support/wire-hooks.ts";

const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "hi" }], max_tokens: 50 };
const ANSWER: ScriptedAnswer = { json: chatCompletion({ input: 12, output: 5 }) };
const BROKEN: ScriptedAnswer = { cutAfter: 0 };
/** 12 and 5 tokens of gpt-4o-mini. */
const ANSWERED = [12 * 150 + 5 * 600, "exact"];
/** gpt-4o-mini: 0.60 USD a million tokens; and what the prompt may be. */
const RESERVED = [expect.toSatisfy((nanoUsd: number) => nanoUsd > 50 * 600), "estimated"];
const FREE = [0, "exact"];

const posted = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(CHAT) };

const wire = useGatedWire(() => BROKEN);
const chatUrl = (): string => `${wire.provider.url}/v1/chat/completions`;

beforeAll(() => patchDispatcherOf(new undici.Agent()));

/** What each call has cost, the cheapest first, and how that is known. */
const costs = (): unknown[] =>
  wire.gated
    .spans()
    .map(({ attributes }) => [attributes["tollgate.cost.nano_usd"], attributes["tollgate.cost.status"]])
    .toSorted(([a], [b]) => Number(a) - Number(b));

/** Plays the answers in turn, the last one for ever. */
function play(...answers: readonly ScriptedAnswer[]): void {
  wire.provider.script = (_request, index) => answers[Math.min(index, answers.length - 1)] ?? BROKEN;
  wire.start({ env: { TOLLGATE_BUDGET: "$1" } });
}

describe("what has left counts", () => {
  it("by a socket of TLS that an app's agent has made by hand", async () => {
    const server = createServer(createAuthority("tests").issue("localhost"), (request) => {
      request.resume().once("end", () => request.socket.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const makeSocket = (): Socket => new TLSSocket(connect(port, "127.0.0.1"), { rejectUnauthorized: false });
    const agent = Object.assign(new HttpsAgent(), { createConnection: makeSocket });
    play();
    const request = httpsRequest(`https://127.0.0.1:${port}/v1/chat/completions`, { ...posted, agent });
    await once(request.end(posted.body), "error");
    await expect.poll(costs).toEqual([RESERVED]);
  });

  it("by a stream in the place of a socket that says it is still connecting", async () => {
    class Tunnel extends Duplex {
      readonly connecting = true;
      readonly #socket = connect(Number(new URL(wire.provider.url).port), "127.0.0.1")
        .on("data", (bytes) => this.push(bytes))
        .on("close", () => this.destroy());
      override _read(): void {}
      override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
        this.#socket.write(chunk, done);
      }
    }
    play();
    const agent = Object.assign(new HttpAgent(), { createConnection: () => new Tunnel() });
    await once(httpRequest(chatUrl(), { ...posted, agent }).end(posted.body), "error");
    await expect.poll(costs).toEqual([RESERVED]);
  });

  it("by an interceptor that keeps to itself when a request begins", async () => {
    play();
    const silent: undici.Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
      dispatch(options, { ...handler, onRequestStart() {} });
    const factory = (origin: string | URL, options: object): undici.Dispatcher =>
      new undici.Pool(origin, options).compose(silent);
    const dispatcher = new undici.Agent({ factory });
    await expect(undici.request(chatUrl(), { ...posted, method: "POST", dispatcher })).rejects.toThrow(/closed/);
    await expect.poll(costs).toEqual([RESERVED]);
  });

  it("by a client in a bundle, after one that was seen could not connect", async () => {
    const { outputFiles } = await build({
      stdin: { contents: 'export { fetch, Agent } from "undici"', resolveDir: import.meta.dirname },
      bundle: true,
      minify: true,
      platform: "node",
      format: "cjs",
      write: false,
    });
    const bundled = { exports: {} as typeof undici };
    compileFunction(outputFiles[0]?.text ?? "", ["module", "require"])(bundled, createRequire(import.meta.url));
    const { fetch: unseen, Agent: UnseenAgent } = bundled.exports;
    const refusing = createTcpServer().listen(0, "127.0.0.1");
    await once(refusing, "listening");
    const refused = chatUrl().replace(/:\d+/, `:${(refusing.address() as AddressInfo).port}`);
    await new Promise((resolve) => refusing.close(resolve));
    const own = (url: string, init: object): Promise<Response> =>
      fetch(refused, init).catch(
        () => unseen(url, { ...init, dispatcher: new UnseenAgent() }) as unknown as Promise<Response>,
      );
    const app = new AbortController();
    play();
    wire.provider.script = () => {
      app.abort();
      return { until: new Promise(() => {}) };
    };
    const asked = openaiClient(wire.provider.url, { fetch: own }).chat.completions.create(CHAT, { signal: app.signal });
    await expect(asked).rejects.toThrow(/abort/i);
    await expect.poll(costs).toEqual([RESERVED]);
  });

  it("by a subclass's own way to send", async () => {
    play();
    class Own extends OpenAI {
      override fetchWithTimeout(url: string, init: RequestInit): Promise<Response> {
        return fetch(url, init);
      }
    }
    const client = new Own({ apiKey: "test", baseURL: `${wire.provider.url}/v1`, maxRetries: 0 });
    await expect(client.chat.completions.create(CHAT)).rejects.toThrow(/connection error/i);
    await expect.poll(costs).toEqual([RESERVED]);
  });
});

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const overAxios: Fetch = async (url, { body }) => {
  const { data, status } = await axios.post<object>(url, body, { ...posted, data: body, validateStatus: () => true });
  return Response.json(data, { status });
};

/** `send`, and once more where that fails or the provider is out of order. */
const twice =
  (send: Fetch): Fetch =>
  async (url, init) => {
    const first = await send(url, init).catch(() => undefined);
    return first !== undefined && first.ok ? first : send(url, init);
  };

/** What sends again below an SDK, or without one. */
const AGAIN: Readonly<Record<string, () => Promise<unknown>>> = {
  "a `fetch` of an app's own": () =>
    openaiClient(wire.provider.url, { fetch: twice(fetch) }).chat.completions.create(CHAT),
  "axios in the place of `fetch`": () =>
    openaiClient(wire.provider.url, { fetch: twice(overAxios) }).chat.completions.create(CHAT),
  "an interceptor under a pool of undici's": async () => {
    const retry = undici.interceptors.retry({ methods: ["POST"], minTimeout: 1 });
    const factory = (origin: string | URL, options: object): undici.Dispatcher =>
      new undici.Pool(origin, options).compose(retry);
    const dispatcher = new undici.BalancedPool(wire.provider.url, { factory });
    const { body } = await undici.request(chatUrl(), { ...posted, method: "POST", dispatcher });
    return body.json();
  },
  "a model of the AI SDK": () => {
    const fetchTwice = twice(fetch as Fetch) as typeof fetch;
    const model = createOpenAI({ apiKey: "test", baseURL: `${wire.provider.url}/v1`, fetch: fetchTwice }).chat(
      CHAT.model,
    );
    gateModel(model);
    return generateText({ model, prompt: "hi", maxOutputTokens: 50, maxRetries: 0 });
  },
  "a subclass": () => {
    class Own extends OpenAI {
      override async fetchWithTimeout(...given: Parameters<OpenAI["fetchWithTimeout"]>): Promise<Response> {
        const send: Fetch = (url, init) => super.fetchWithTimeout(url, init, given[2], given[3]);
        return twice(send)(given[0] as string, given[1] ?? {});
      }
    }
    const client = new Own({ apiKey: "test", baseURL: `${wire.provider.url}/v1`, maxRetries: 0 });
    return client.chat.completions.create(CHAT);
  },
};

describe.each(Object.entries(AGAIN))("%s that tries again", (name, ask) => {
  it("pays for what was never answered, and for the answer", async () => {
    play(BROKEN, ANSWER);
    await ask();
    await expect.poll(costs).toEqual([ANSWERED, RESERVED]);
    expect(wire.provider.requests).toHaveLength(2);
  });

  it("pays for what was never answered, though the provider refuses what came after it", async () => {
    play(BROKEN, { status: 400 });
    await ask().catch(() => {});
    await expect.poll(costs).toEqual([FREE, RESERVED]);
  });

  it("pays for the answer alone after an error of the provider's", async () => {
    play({ status: 503 }, ANSWER);
    await ask();
    // What the subclass was answered with has ended its attempt.
    await expect.poll(costs).toEqual(name === "a subclass" ? [FREE, ANSWERED] : [ANSWERED]);
  });
});

describe("an app that asks another model after a request that broke off", () => {
  it("pays for both", async () => {
    play(BROKEN, { json: { ...chatCompletion({ input: 12, output: 5 }), model: "gpt-4.1-nano" } });
    const fallback: Fetch = (url, init) =>
      fetch(url, init).catch(() =>
        fetch(url, { ...init, body: (init.body as string).replace("gpt-4o-mini", "gpt-4.1-nano") }),
      );
    await openaiClient(wire.provider.url, { fetch: fallback }).chat.completions.create(CHAT);
    await expect.poll(costs).toEqual([[12 * 100 + 5 * 400, "exact"], RESERVED]);
  });

  it("pays for both by a middleware of Anthropic's", async () => {
    play(BROKEN, { status: 400 });
    const middleware = [
      async (request: object, next: (request: object) => Promise<Response>): Promise<Response> => {
        try {
          return await next(request);
        } catch {
          return next(request);
        }
      },
    ];
    const client = anthropicClient(wire.provider.url, { middleware });
    await expect(client.messages.create({ ...CHAT, model: "claude-haiku-4-5" })).rejects.toThrow("400");
    await expect
      .poll(costs)
      .toEqual([FREE, [expect.toSatisfy((nanoUsd: number) => nanoUsd > 50 * 5_000), "estimated"]]);
  });
});

it("pays for what a framework's model has sent before it was refused by another request of its own", async () => {
  play(BROKEN, { status: 400 });
  const { completions } = openaiClient(wire.provider.url).chat;
  class AsksTwice {
    readonly specificationVersion = "v3";
    readonly provider = "openai.chat";
    readonly modelId = CHAT.model;
    readonly supportedUrls = {};
    async doGenerate(): Promise<unknown> {
      await completions.create(CHAT).catch(() => {});
      return completions.create(CHAT);
    }
    doStream(): void {}
  }
  const model = new AsksTwice();
  gateModel(model);
  const asked = generateText({
    model: model as unknown as LanguageModel,
    prompt: "hi",
    maxOutputTokens: 50,
    maxRetries: 0,
  });
  await expect(asked).rejects.toThrow("400");
  await expect.poll(costs).toEqual([FREE, RESERVED]);
});
