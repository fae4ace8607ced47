/**
 * The places where libraries take code of an app's own, which may change a request after its admission: each asks for an answer of a few
 * tokens, and makes of it what it is told to.
 */
import { request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { text } from "node:stream/consumers";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { BedrockRuntimeClient, ConverseCommand, InvokeModelCommand } from "@aws-sdk/client-bedrock-runtime";
import { GoogleGenAI } from "@google/genai";
import { HTTPClient, Mistral } from "@mistralai/mistralai";
import axios from "axios";
import { CohereClientV2 } from "cohere-ai";
import Groq from "groq-sdk";
import { Ollama } from "ollama";
import { request as undiciRequest, fetch as undiciFetch } from "undici";
import type { Dispatcher } from "undici";
import { anthropicClient, openaiClient } from "./gated-process.ts";

export type Json = Record<string, unknown>;
export type Change = (body: Json) => Json;
type Fetch = typeof globalThis.fetch;

const PROMPT = { role: "user" as const, content: "hi" };
const REQUEST = { model: "gpt-4o-mini", messages: [PROMPT] };
export const ASKED = 5;
export const CHANGED = 60_000;

const NODES_DISPATCHER = Symbol.for("undici.globalDispatcher.1");

/** Not in the types: the SDKs put it over what they have made. */
const withBody = (change: Change): object => ({
  body: JSON.stringify(change({ ...REQUEST, max_completion_tokens: ASKED })),
});

const changedText = (text: unknown, change: Change): string => JSON.stringify(change(JSON.parse(String(text)) as Json));

/** Functions that an app may give to a client as its `fetch`. */
const FETCHES: Readonly<Record<string, (change: Change) => unknown>> = {
  "undici's fetch": (change) => (url: string, init: { body: unknown }) =>
    undiciFetch(url, { ...init, body: changedText(init.body, change) } as never),
  /** As `node-fetch` sends. */
  "a fetch by node:http": (change) => (url: string, init: { headers: Headers; body: unknown }) =>
    new Promise((resolve, reject) => {
      const headers = Object.fromEntries(init.headers);
      delete headers["content-length"];
      const request = httpRequest(url, { method: "POST", headers }, (response) => {
        const { statusCode: status = 0, headers: given } = response;
        text(response).then((body) => resolve(new Response(body, { status, headers: plainHeaders(given) })), reject);
      });
      request.on("error", reject);
      const body = changedText(init.body, change);
      request.write(body.slice(0, 9));
      request.end(body.slice(9));
    }),
  "a Request": (change) => (url: string, init: RequestInit) =>
    fetch(new Request(url, { ...init, body: changedText(init.body, change) })),
  "a body of bytes": (change) => (url: string, init: RequestInit) =>
    fetch(url, { ...init, body: new TextEncoder().encode(changedText(init.body, change)) }),
  "a stream": (change) => (url: string, init: RequestInit) =>
    fetch(url, { ...init, body: new Blob([changedText(init.body, change)]).stream(), duplex: "half" } as RequestInit),
  "undici's request": (change) => async (url: string, init: { method: "POST"; headers: Headers; body: unknown }) => {
    const headers = Object.fromEntries(init.headers);
    delete headers["content-length"];
    const body = changedText(init.body, change);
    const answer = await undiciRequest(url, { method: "POST", headers, body });
    return Response.json(await answer.body.json(), { status: answer.statusCode });
  },
  axios: (change) => async (url: string, init: { headers: Headers; body: unknown }) => {
    const headers = Object.fromEntries(init.headers);
    const answer = await axios.post<unknown>(url, changedText(init.body, change), { headers, validateStatus: null });
    return Response.json(answer.data, { status: answer.status });
  },
};

function plainHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

export interface Way {
  /** Where the bound is in what is sent. */
  readonly bound: readonly string[];
  /** Signed, or bounded in a form that can't be changed: it is refused. */
  readonly isFixed?: boolean;
  /** The change is the client's own: it can't be left out. */
  readonly isAlways?: boolean;
  readonly speaksHttp2?: boolean;
  readonly ask: (url: string, change: Change) => Promise<unknown>;
}

export const plain = (change: Change) => (url: string | URL | Request, init?: RequestInit) =>
  fetch(url, { ...init, body: changedText(init?.body, change) });

const CHAT_BOUND = ["max_completion_tokens"] as const;
const OUTPUT_BOUND = ["max_output_tokens"] as const;
const MESSAGE_BOUND = ["max_tokens"] as const;

const bedrock = (url: string): BedrockRuntimeClient =>
  new BedrockRuntimeClient({
    region: "us-east-1",
    endpoint: url,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
const NOVA = "amazon.nova-lite-v1:0";
const converse = (maxTokens = ASKED): ConverseCommand =>
  new ConverseCommand({
    modelId: NOVA,
    messages: [{ role: "user", content: [{ text: "hi" }] }],
    inferenceConfig: { maxTokens },
  });

export const WAYS: Readonly<Record<string, Way>> = {
  ...Object.fromEntries(
    Object.entries(FETCHES).map(([name, make]): [string, Way] => [
      `OpenAI with ${name}`,
      {
        bound: CHAT_BOUND,
        ask: (url, change) =>
          openaiClient(url, { fetch: make(change), maxRetries: 2 }).chat.completions.create({
            ...REQUEST,
            max_completion_tokens: ASKED,
          }),
      },
    ]),
  ),
  "options of OpenAI's client": {
    bound: CHAT_BOUND,
    ask: (url, change) =>
      openaiClient(url, { fetchOptions: withBody(change) }).chat.completions.create({
        ...REQUEST,
        max_completion_tokens: ASKED,
      }),
  },
  "options of a request of Anthropic's": {
    bound: MESSAGE_BOUND,
    ask: (url, change) =>
      anthropicClient(url).messages.create(
        { model: "claude-haiku-4-5", max_tokens: ASKED, messages: [PROMPT] },
        {
          fetchOptions: {
            body: JSON.stringify(change({ model: "claude-haiku-4-5", max_tokens: ASKED, messages: [PROMPT] })),
          } as object,
        },
      ),
  },
  "an interceptor of undici": {
    bound: CHAT_BOUND,
    ask(url, change) {
      const { [NODES_DISPATCHER]: nodes } = globalThis as unknown as Record<symbol, Dispatcher>;
      const dispatcher = nodes?.compose((dispatch) => (options, handler) => {
        const body = JSON.stringify(change({ ...REQUEST, max_completion_tokens: ASKED }));
        const headers = { "content-type": "application/json" };
        return dispatch({ ...options, body, headers }, handler);
      });
      return openaiClient(url, { fetchOptions: { dispatcher } }).chat.completions.create({
        ...REQUEST,
        max_completion_tokens: ASKED,
      });
    },
  },
  "Anthropic with undici's fetch": {
    bound: MESSAGE_BOUND,
    ask: (url, change) =>
      anthropicClient(url, { fetch: FETCHES["undici's fetch"]?.(change) }).messages.create({
        model: "claude-haiku-4-5",
        max_tokens: ASKED,
        messages: [PROMPT],
      }),
  },
  "Groq with a fetch by node:http": {
    bound: CHAT_BOUND,
    ask: (url, change) =>
      new Groq({
        apiKey: "k",
        baseURL: url,
        maxRetries: 0,
        fetch: FETCHES["a fetch by node:http"]?.(change) as Fetch,
      }).chat.completions.create({
        model: "llama-3.3-70b-versatile",
        messages: [PROMPT],
        max_completion_tokens: ASKED,
      }),
  },
  "OpenAI's responses with undici's fetch": {
    bound: OUTPUT_BOUND,
    ask: (url, change) =>
      openaiClient(url, { fetch: FETCHES["undici's fetch"]?.(change) }).responses.create({
        model: "gpt-4o-mini",
        input: "hi",
        max_output_tokens: ASKED,
      }),
  },
  "Mistral's fetcher": {
    bound: MESSAGE_BOUND,
    ask(url, change) {
      const httpClient = new HTTPClient({
        fetcher: async (input, init) => {
          const request = new Request(input, init);
          return fetch(new Request(request, { method: "POST", body: changedText(await request.text(), change) }));
        },
      });
      return new Mistral({ apiKey: "k", serverURL: `${url}/mistral`, httpClient }).chat.complete({
        model: "mistral-small-latest",
        messages: [PROMPT],
        maxTokens: ASKED,
      });
    },
  },
  "Mistral's hook": {
    bound: MESSAGE_BOUND,
    ask(url, change) {
      const httpClient = new HTTPClient();
      httpClient.addHook("beforeRequest", async (request) => {
        const body = changedText(await request.text(), change);
        return new Request(request.url, { method: "POST", headers: request.headers, body });
      });
      return new Mistral({ apiKey: "k", serverURL: `${url}/mistral`, httpClient }).chat.complete({
        model: "mistral-small-latest",
        messages: [PROMPT],
        maxTokens: ASKED,
      });
    },
  },
  "Cohere's fetch": {
    bound: MESSAGE_BOUND,
    ask: (url, change) =>
      new CohereClientV2({ token: "k", environment: url, fetch: plain(change) } as never).chat({
        model: "command-a-03-2025",
        messages: [PROMPT],
        maxTokens: ASKED,
      }),
  },
  "Ollama's fetch": {
    bound: ["options", "num_predict"],
    ask: (url, change) =>
      new Ollama({ host: url, fetch: plain(change) as Fetch }).chat({
        model: "llama3.2",
        messages: [PROMPT],
        options: { num_predict: ASKED },
        stream: false,
      }),
  },
  "Google's fetch": {
    bound: ["generationConfig", "maxOutputTokens"],
    ask: (url, change) =>
      new GoogleGenAI({
        apiKey: "k",
        httpOptions: { baseUrl: url, fetch: plain(change) } as never,
      }).models.generateContent({
        model: "gemini-2.5-flash",
        contents: "hi",
        config: { maxOutputTokens: ASKED },
      }),
  },
  ...Object.fromEntries(
    (["initialize", "serialize", "build", "finalizeRequest"] as const).map((step): [string, Way] => [
      `Bedrock's middleware at ${step}`,
      {
        bound: ["inferenceConfig", "maxTokens"],
        isFixed: true,
        speaksHttp2: true,
        ask(url, change) {
          const client = bedrock(url);
          const put = (next: (args: never) => Promise<never>) => (args: { input: object; request: unknown }) => {
            if (step === "initialize") return next({ ...args, input: change(args.input as Json) } as never);
            const request = args.request as { body: string; headers: Record<string, string> };
            request.body = changedText(request.body, change);
            request.headers["content-length"] = String(Buffer.byteLength(request.body));
            return next(args as never);
          };
          client.middlewareStack.add(put as never, { step, name: "own", priority: "low" } as never);
          return client.send(converse());
        },
      },
    ]),
  ),
  "Bedrock's request handler": {
    bound: ["inferenceConfig", "maxTokens"],
    isFixed: true,
    speaksHttp2: true,
    ask(url, change) {
      const client = bedrock(url);
      const { requestHandler } = client.config;
      const handle = requestHandler.handle.bind(requestHandler);
      requestHandler.handle = async (request, options) => {
        request.body = changedText(request.body, change);
        request.headers["content-length"] = String(Buffer.byteLength(request.body as string));
        return handle(request, options);
      };
      return client.send(converse());
    },
  },
  "Bedrock's middleware around InvokeModel": {
    bound: ["inferenceConfig", "maxTokens"],
    isFixed: true,
    speaksHttp2: true,
    ask(url, change) {
      const client = bedrock(url);
      client.middlewareStack.add(
        (next) => (args) => {
          const request = args.request as { body: unknown; headers: Record<string, string> };
          const text =
            typeof request.body === "string" ? request.body : Buffer.from(request.body as Uint8Array).toString();
          request.body = changedText(text, change);
          request.headers["content-length"] = String(Buffer.byteLength(request.body as string));
          return next(args);
        },
        { step: "build", name: "own", priority: "low" },
      );
      const body = JSON.stringify({
        messages: [{ role: "user", content: [{ text: "hi" }] }],
        inferenceConfig: { maxTokens: ASKED },
      });
      return client.send(new InvokeModelCommand({ modelId: NOVA, contentType: "application/json", body }));
    },
  },
  "a provider of the AI SDK (chat)": {
    bound: MESSAGE_BOUND,
    async ask(url, change) {
      const { generateText } = await import("ai");
      const model = createOpenAI({ apiKey: "k", baseURL: `${url}/v1`, fetch: plain(change) as Fetch }).chat(
        "gpt-4o-mini",
      );
      return generateText({ model, prompt: "hi", maxOutputTokens: ASKED, maxRetries: 2 });
    },
  },
  "a provider of the AI SDK (responses)": {
    bound: OUTPUT_BOUND,
    async ask(url, change) {
      const { generateText } = await import("ai");
      const model = createOpenAI({ apiKey: "k", baseURL: `${url}/v1`, fetch: plain(change) as Fetch })("gpt-4o-mini");
      return generateText({ model, prompt: "hi", maxOutputTokens: ASKED, maxRetries: 2 });
    },
  },
  "a provider of the AI SDK (Anthropic)": {
    bound: MESSAGE_BOUND,
    async ask(url, change) {
      const { generateText } = await import("ai");
      const own = createAnthropic({ apiKey: "k", baseURL: `${url}/v1`, fetch: plain(change) as Fetch });
      return generateText({ model: own("claude-haiku-4-5"), prompt: "hi", maxOutputTokens: ASKED, maxRetries: 2 });
    },
  },
  "a middleware of the AI SDK": {
    bound: MESSAGE_BOUND,
    isAlways: true,
    async ask(url) {
      const { generateText, wrapLanguageModel } = await import("ai");
      const model = wrapLanguageModel({
        model: createOpenAI({ apiKey: "k", baseURL: `${url}/v1` }).chat("gpt-4o-mini"),
        middleware: {
          specificationVersion: "v4",
          transformParams: async ({ params }) => ({ ...params, maxOutputTokens: CHANGED }),
        },
      });
      return generateText({ model, prompt: "hi", maxOutputTokens: ASKED, maxRetries: 2 });
    },
  },
  "LangChain's configuration": {
    bound: MESSAGE_BOUND,
    async ask(url, change) {
      const { ChatOpenAI } = await import("@langchain/openai");
      return new ChatOpenAI({
        model: "gpt-4o-mini",
        apiKey: "k",
        maxTokens: ASKED,
        configuration: { baseURL: `${url}/v1`, fetch: plain(change) as Fetch },
      }).invoke("hi");
    },
  },
  "LangChain's modelKwargs": {
    bound: CHAT_BOUND,
    isAlways: true,
    async ask(url) {
      const { ChatOpenAI } = await import("@langchain/openai");
      return new ChatOpenAI({
        model: "gpt-4o-mini",
        apiKey: "k",
        maxTokens: ASKED,
        modelKwargs: { max_completion_tokens: CHANGED },
        configuration: { baseURL: `${url}/v1` },
      }).invoke("hi");
    },
  },
};

export function changing(path: readonly string[]): Change {
  const [first = "", ...rest] = path;
  if (rest.length === 0) return (body) => ({ ...body, [first]: CHANGED });
  return (body) => ({ ...body, [first]: changing(rest)((body[first] ?? {}) as Json) });
}

export function at(body: unknown, path: readonly string[]): unknown {
  return path.reduce((value, key) => (value as Json | undefined)?.[key], body);
}
