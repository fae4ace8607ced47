/**
 * A model provider on loopback: the APIs of OpenAI (also as Azure has them), Anthropic (also as Vertex AI and Bedrock do), Google and others,
 * each in a dialect of its own, as the real SDKs know them, streamed and not. It keeps its own books (`GET /__count`) by its own counting and arithmetic, so that what the
 * ledger and ClickHouse say can be held against somebody else's bill. It never generates more than the request's output bound.
 *
 * Billing: a refused request costs nothing; an unstreamed one is billed in full once it was accepted, also when the caller
 * hangs up; a stream is billed for the input and for what had been generated when it ended or broke.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import { anthropicBatches, anthropicMessages, vertexMessages } from "./anthropic-messages.ts";
import { bedrockConverse, bedrockInvoke } from "./bedrock.ts";
import { cohereChat, cohereChatV1, cohereEmbed } from "./cohere.ts";
import { groqChat, mistralChat, mistralEmbeddings } from "./compatible.ts";
import {
  invalidRequest,
  isProviderError,
  isRecord,
  type Dialect,
  type ProviderError,
  type SimulatedCall,
  type SimulatedReply,
} from "./dialect.ts";
import { FAULT_HEADER, NO_FAULTS, parseFaults, spoiled, withUsageBeside, type Faults } from "./faults.ts";
import { generate } from "./generate.ts";
import { googleEmbedContent, googleEmbedContents, googleGenerateContent, vertexPredict } from "./google.ts";
import { openaiCompletions } from "./openai-completions.ts";
import { openaiImages, openaiSpeech, openaiTranscriptions } from "./openai-media.ts";
import { ollamaChat, ollamaEmbed, ollamaGenerate } from "./ollama.ts";
import { azureChat, openaiChat } from "./openai-chat.ts";
import { azureEmbeddings, openaiEmbeddings } from "./openai-embeddings.ts";
import { azureResponses, openaiResponses } from "./openai-responses.ts";
import { billNanoUsd } from "./prices.ts";
import { PromptCache } from "./prompt-cache.ts";
import { readBody, readForm, readKey, type Form } from "./read-request.ts";
import { Tally, type CountJson } from "./tally.ts";
import { countByBytes, countPromptTokens, type CountText } from "./tokens.ts";

export interface SimulatorOptions {
  /** 0 picks a free one. @default 0 */
  readonly port?: number;
  /** Answers follow from it and from the request. @default 1 */
  readonly seed?: number;
  /** Natural length of an answer. @default 20 to 120 */
  readonly outputTokens?: { readonly min: number; readonly max: number };
  /** Time to the first byte; where in the range follows from the request. @default 0 */
  readonly latencyMs?: { readonly min: number; readonly max: number };
  /** Pause between two pieces of a stream. @default 0 */
  readonly pieceIntervalMs?: number;
  /** Tokens in one piece of a stream. @default 8 */
  readonly tokensPerPiece?: number;
  /** Faults for requests that name none in their header. @default none */
  readonly faults?: string;
  /** Tokens of a text of the prompt. @default a quarter of its bytes */
  readonly countText?: CountText;
  /** Unix time in ms, for the times inside of answers. @default the machine's clock */
  readonly now?: () => number;
}

const DIALECTS: readonly Dialect[] = [
  openaiChat,
  openaiResponses,
  openaiEmbeddings,
  azureChat,
  azureResponses,
  azureEmbeddings,
  openaiCompletions,
  openaiImages,
  openaiSpeech,
  openaiTranscriptions,
  anthropicMessages,
  anthropicBatches,
  vertexMessages,
  googleGenerateContent,
  googleEmbedContents,
  googleEmbedContent,
  vertexPredict,
  groqChat,
  mistralChat,
  mistralEmbeddings,
  cohereChat,
  cohereChatV1,
  cohereEmbed,
  ollamaChat,
  ollamaGenerate,
  ollamaEmbed,
  bedrockConverse,
  bedrockInvoke,
];
/** Attempts remembered for faults that happen once. */
const ATTEMPTS_MAX = 100_000;
/** Longer than any pause of a test: a connection closed while a request is on its way would look like a fault. */
const KEEP_ALIVE_MS = 120_000;

interface Exchange {
  readonly dialect: Dialect;
  readonly response: ServerResponse;
  readonly faults: Faults;
  readonly key: string;
}

export class ProviderSimulator {
  readonly #server: Server;
  readonly #options: Required<SimulatorOptions>;
  readonly #tally = new Tally();
  readonly #cache: PromptCache;
  readonly #faults: Faults;
  readonly #attempts = new Set<string>();
  readonly #sessions = new Set<ServerHttp2Session>();
  #http2Server: Http2Server | undefined;

  constructor(options: SimulatorOptions = {}) {
    this.#options = {
      port: 0,
      seed: 1,
      outputTokens: { min: 20, max: 120 },
      latencyMs: { min: 0, max: 0 },
      pieceIntervalMs: 0,
      tokensPerPiece: 8,
      faults: "",
      countText: countByBytes,
      now: Date.now,
      ...options,
    };
    this.#cache = new PromptCache(this.#options.countText);
    this.#faults = this.#options.faults === "" ? NO_FAULTS : parseFaults(this.#options.faults);
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
      // A handler that fails answers 500 itself; nothing is left to await here.
      void this.#handle(request, response);
    });
  }

  /** The same on HTTP/2 without TLS, as AWS's SDK speaks to Bedrock. Resolves to the base URL. */
  async startHttp2(): Promise<string> {
    const server = createHttp2Server((request, response) => {
      // The compatibility classes have what is used here of the older ones.
      void this.#handle(request as unknown as IncomingMessage, response as unknown as ServerResponse);
    });
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    this.#http2Server = server;
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Resolves to the base URL, e.g. `http://127.0.0.1:40123` (OpenAI's SDK wants `/v1` behind it, Anthropic's does not). */
  async start(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#options.port, "127.0.0.1", resolve);
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    this.#http2Server?.close();
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  /** The books as they stand. */
  count(): CountJson {
    return this.#tally.count();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "/").split("?")[0];
    if (request.method === "GET" && path === "/__count") {
      sendJson(response, 200, this.count());
      return;
    }
    const found = request.method === "POST" ? findDialect(path ?? "/") : undefined;
    if (found === undefined) {
      sendJson(response, 404, { error: { message: `Unknown request URL: ${request.method} ${path}.` } });
      return;
    }
    this.#tally.begin();
    try {
      await this.#answer(found, request, response);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (!response.headersSent) sendJson(response, 500, found.dialect.error({ ...UNEXPECTED, message }));
    } finally {
      this.#tally.end();
    }
  }

  async #answer(found: Found, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { dialect } = found;
    const key = readKey(request);
    const bytes = await readBody(request);
    const header = request.headers[FAULT_HEADER];
    const faults = typeof header === "string" ? parseFaults(header) : this.#faults;
    const exchange: Exchange = { dialect, response, faults, key };
    const form = await readForm(request, bytes);
    const digest = createHash("sha256")
      .update(`${key}\n`)
      // Each attempt of a form has a boundary of its own.
      .update(form === undefined ? bytes : JSON.stringify(form))
      .digest("hex");
    response.setHeader(dialect.requestIdHeader, `req_${digest.slice(0, 24)}`);
    if (key === "") return sendError(exchange, UNAUTHENTICATED);
    if (faults.refusal !== undefined && !(faults.isOnce && this.#seen(digest))) {
      sayWhenToRetry(response, faults.refusal.retryAfterS);
      return sendError(exchange, faults.refusal);
    }
    const call = parseCall({ ...found, bytes, form }, this.#options.countText);
    if (isProviderError(call)) return sendError(exchange, call);
    const latencyMs = faults.latencyMs ?? this.#latencyMs(digest);
    if (latencyMs > 0) await delay(latencyMs);
    const reply = generate(call, {
      seed: this.#options.seed,
      outputTokens: this.#options.outputTokens,
      cache: this.#cache,
      nowUnixMs: this.#options.now(),
    });
    await (call.stream ? this.#sendStream(exchange, call, reply) : this.#sendReply(exchange, call, reply));
  }

  async #sendReply(exchange: Exchange, call: SimulatedCall, reply: SimulatedReply): Promise<void> {
    this.#bill(exchange, call, reply, reply.billed.output);
    if (exchange.faults.cutAfterPieces !== undefined) {
      exchange.response.destroy();
      return;
    }
    const { faults } = exchange;
    const bytes = exchange.dialect.bytes?.(call, reply);
    const text = spoiled(bytes?.text ?? JSON.stringify(exchange.dialect.json(call, reply)), { faults, isFirst: true });
    for (const [name, value] of Object.entries(exchange.dialect.headers?.(reply) ?? {})) {
      if (!faults.hidesUsage) exchange.response.setHeader(name, value);
    }
    sendText(exchange.response, 200, { text, type: faults.contentType ?? bytes?.type ?? "application/json" });
  }

  async #sendStream(exchange: Exchange, call: SimulatedCall, reply: SimulatedReply): Promise<void> {
    const { response, dialect, faults } = exchange;
    const { tokensPerPiece } = this.#options;
    const pieceIntervalMs = faults.pieceIntervalMs ?? this.#options.pieceIntervalMs;
    const type = faults.contentType ?? dialect.streamType ?? "text/event-stream; charset=utf-8";
    response.writeHead(200, { "content-type": type, "cache-control": "no-cache" });
    let generated = 0;
    let pieces = 0;
    for (const piece of dialect.stream(call, reply, tokensPerPiece)) {
      if (isGone(response) || pieces === faults.cutAfterPieces) break;
      const usage = dialect.usage?.({ ...reply, billed: { ...reply.billed, output: piece.outputTokens } });
      const told = usage === undefined ? piece.text : withUsageBeside(piece.text, { faults, usage });
      const text = spoiled(told, { faults, isFirst: pieces === 0 });
      await new Promise<void>((resolve) => {
        // When the caller has gone, a write calls back with an error or not at all: the next turn of the loop sees that.
        response.once("close", resolve);
        response.write(text, () => {
          response.off("close", resolve);
          resolve();
        });
      });
      generated = piece.outputTokens;
      pieces += 1;
      if (pieceIntervalMs > 0) await delay(pieceIntervalMs);
    }
    // Billed before the caller can see the end: whoever saw it finds the bill in the books.
    this.#bill(exchange, call, reply, generated);
    if (faults.cutAfterPieces === undefined) response.end();
    else response.destroy();
  }

  #bill(exchange: Exchange, call: SimulatedCall, reply: SimulatedReply, outputTokens: number): void {
    const tokens = { ...reply.billed, output: outputTokens };
    this.#tally.bill({ model: call.modelName, key: exchange.key, tokens, nanoUsd: billNanoUsd(call.model, tokens) });
  }

  #latencyMs(digest: string): number {
    const { min, max } = this.#options.latencyMs;
    return min + (Number.parseInt(digest.slice(0, 8), 16) % (max - min + 1));
  }

  /** From now on, a request that fails once fails again at its first attempt. */
  forgetAttempts(): void {
    this.#attempts.clear();
  }

  /** Whether this request has been tried before. */
  #seen(digest: string): boolean {
    if (this.#attempts.has(digest)) return true;
    if (this.#attempts.size < ATTEMPTS_MAX) this.#attempts.add(digest);
    return false;
  }
}

const UNEXPECTED: ProviderError = { status: 500, type: "api_error", code: null, param: null, message: "" };

const UNAUTHENTICATED: ProviderError = {
  status: 401,
  type: "authentication_error",
  code: "invalid_api_key",
  param: null,
  message: "You didn't provide an API key.",
};

interface Found {
  readonly dialect: Dialect;
  /** What the path says beside the body. */
  readonly said: Readonly<Record<string, unknown>>;
}

function findDialect(path: string): Found | undefined {
  for (const dialect of DIALECTS) {
    const said = typeof dialect.path === "string" ? (dialect.path === path ? {} : undefined) : dialect.path(path);
    if (said !== undefined) return { dialect, said };
  }
  return undefined;
}

function parseCall(
  { dialect, said, bytes, form }: Found & { readonly bytes: Buffer; readonly form: Form },
  countText: CountText,
): SimulatedCall | ProviderError {
  let body: unknown;
  try {
    body = form ?? JSON.parse(bytes.toString("utf8"));
  } catch {
    return invalidRequest("We could not parse the JSON body of your request.");
  }
  if (!isRecord(body)) return invalidRequest("The request body must be a JSON object.");
  const call = dialect.parse({ ...body, ...said });
  if (isProviderError(call)) return call;
  const tokens = countPromptTokens(call.prompt, countText);
  return tokens <= call.model.contextTokens
    ? call
    : invalidRequest(
        `This model's maximum context length is ${call.model.contextTokens} tokens, but your prompt has ${tokens}.`,
        { code: "context_length_exceeded", param: "messages" },
      );
}

/** The second header is OpenAI's own: its client and others take the first at 0 for none, and wait as they like. */
function sayWhenToRetry(response: ServerResponse, seconds: number | undefined): void {
  if (seconds === undefined) return;
  response.setHeader("retry-after", seconds);
  if (seconds === 0) response.setHeader("retry-after-ms", 1);
}

function sendError(exchange: Exchange, error: ProviderError): void {
  for (const [name, value] of Object.entries(exchange.dialect.errorHeaders?.(error) ?? {})) {
    exchange.response.setHeader(name, value);
  }
  sendJson(exchange.response, error.status, exchange.dialect.error(error));
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (isGone(response)) return;
  sendText(response, status, { text: JSON.stringify(body), type: "application/json" });
}

/** HTTP/2's response has its state in its stream. */
function isGone(response: ServerResponse): boolean {
  const { stream } = response as { stream?: { readonly destroyed: boolean } };
  return stream === undefined ? response.destroyed : stream.destroyed;
}

function sendText(
  response: ServerResponse,
  status: number,
  { text, type }: { readonly text: string | Uint8Array; readonly type: string },
): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
  response.end(text);
}
