/**
 * Google's generateContent and embedContent on the wire: the model and whether it streams are in the path.
 * https://ai.google.dev/api/generate-content · https://ai.google.dev/api/embeddings
 */
import {
  inChunks,
  invalidRequest,
  isRecord,
  readBound,
  serverSentEvent,
  type Dialect,
  type PromptPart,
  type ProviderError,
  type SimulatedCall,
  type SimulatedReply,
  type StreamPiece,
} from "./dialect.ts";
import { findModel } from "./prices.ts";

/** Vertex AI has the same below a project. */
const PATH =
  /^\/v1(?:beta1?|alpha)?\/(?:projects\/.+\/publishers\/google\/)?models\/([^/:]+):(generateContent|streamGenerateContent|embedContent|batchEmbedContents|predict)$/;
/** The model thinks for the first part of its output, and does not show that. */
const THOUGHT_SHARE = 4;

export const googleGenerateContent: Dialect = {
  provider: "google",
  path: (path) => readPath(path, ["generateContent", "streamGenerateContent"]),
  requestIdHeader: "x-request-id",
  parse: parseGenerate,
  json: (call, reply) => ({
    candidates: reply.choices.map(({ tokens, isCut }, index) => {
      return candidate(index, partOf(call, shown(tokens).join("")), isCut ? "MAX_TOKENS" : "STOP");
    }),
    ...tail(
      call,
      reply,
      reply.choices.map(({ tokens }) => tokens.length),
    ),
  }),
  stream,
  error,
};

const embeds = {
  provider: "google",
  requestIdHeader: "x-request-id",
  stream: () => [],
  error,
} as const;

export const googleEmbedContents: Dialect = {
  ...embeds,
  path: (path) => readPath(path, ["batchEmbedContents"]),
  parse: (body) => parseEmbed(body, contentsIn(body["requests"])),
  json: (call, { billed }) => ({
    embeddings: call.prompt.map(valuesOf),
    usageMetadata: { promptTokenCount: billed.input + billed.cacheRead },
  }),
};

export const googleEmbedContent: Dialect = {
  ...embeds,
  path: (path) => readPath(path, ["embedContent"]),
  parse: (body) => parseEmbed(body, [body["content"]]),
  json: (call, { billed }) => ({
    embedding: call.prompt.map(valuesOf)[0],
    usageMetadata: { promptTokenCount: billed.input + billed.cacheRead },
  }),
};

/** Embeddings as Vertex AI has them, which count each text. https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api */
export const vertexPredict: Dialect = {
  ...embeds,
  path: (path) => readPath(path, ["predict"]),
  parse: (body) =>
    parseEmbed(
      body,
      contentsIn(body["instances"]).map((text) => ({ parts: [{ text }] })),
    ),
  json: (call, { billed }) => ({
    predictions: call.prompt.map((part, index) => {
      const isFirst = index === 0;
      return {
        embeddings: {
          ...valuesOf(part),
          statistics: { truncated: false, token_count: isFirst ? billed.input + billed.cacheRead : 0 },
        },
      };
    }),
  }),
};

function valuesOf({ text }: PromptPart): object {
  return { values: [text.length, 0.5, -0.5] };
}

function contentsIn(items: unknown): readonly unknown[] {
  return (Array.isArray(items) ? (items as readonly unknown[]) : []).map((item) =>
    isRecord(item) ? item["content"] : undefined,
  );
}

function readPath(path: string, methods: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const [, model, method = ""] = PATH.exec(path) ?? [];
  if (!methods.includes(method)) return undefined;
  return { model, stream: method === "streamGenerateContent" };
}

function parseGenerate(body: Readonly<Record<string, unknown>>): SimulatedCall | ProviderError {
  const config = isRecord(body["generationConfig"]) ? body["generationConfig"] : {};
  const outputBound = readBound(config, "maxOutputTokens", 1);
  if (typeof outputBound === "object") return outputBound;
  const choices = readBound(config, "candidateCount", 1) ?? 1;
  if (typeof choices === "object") return choices;
  const contents = Array.isArray(body["contents"]) ? body["contents"] : [];
  if (contents.length === 0) return invalidRequest("* GenerateContentRequest.contents: contents is not specified");
  const system = body["systemInstruction"] === undefined ? [] : [body["systemInstruction"]];
  const tools = Array.isArray(body["tools"]) ? [{ role: "tools", text: JSON.stringify(body["tools"]) }] : [];
  const prompt = [...tools, ...[...system, ...contents].map(readContent)];
  return toCall(body, { outputBound, choices, prompt, tool: toolToCall(body, contents) });
}

/** The first function that is offered, unless the conversation already has an answer of one. */
function toolToCall(body: Readonly<Record<string, unknown>>, contents: readonly unknown[]): string | undefined {
  if (JSON.stringify(contents).includes('"functionResponse"')) return undefined;
  const [offer] = Array.isArray(body["tools"]) ? (body["tools"] as readonly unknown[]) : [];
  const functions = isRecord(offer) ? offer["functionDeclarations"] : undefined;
  const [first] = Array.isArray(functions) ? (functions as readonly unknown[]) : [];
  return isRecord(first) ? String(first["name"]) : undefined;
}

function parseEmbed(
  body: Readonly<Record<string, unknown>>,
  contents: readonly unknown[],
): SimulatedCall | ProviderError {
  return toCall(body, { outputBound: undefined, choices: 0, prompt: contents.map(readContent), tool: undefined });
}

function toCall(
  body: Readonly<Record<string, unknown>>,
  call: Pick<SimulatedCall, "outputBound" | "choices" | "prompt" | "tool">,
): SimulatedCall | ProviderError {
  const modelName = String(body["model"]);
  const model = findModel("google", modelName);
  if (model === undefined) {
    const message = `models/${modelName} is not found for API version v1beta, or is not supported for generateContent.`;
    return { status: 404, type: "NOT_FOUND", code: null, param: null, message };
  }
  return { ...call, model, modelName, stream: body["stream"] === true, includeUsage: true };
}

function readContent(content: unknown): PromptPart {
  const { role = "user", parts } = isRecord(content) ? content : {};
  const text = (Array.isArray(parts) ? parts : [])
    .map((part: unknown) => (isRecord(part) && typeof part["text"] === "string" ? part["text"] : JSON.stringify(part)))
    .join("");
  return { role: String(role), text };
}

/** Each event has the counts so far, as the API has them. */
function* stream(call: SimulatedCall, reply: SimulatedReply, tokensPerChunk: number): Generator<StreamPiece> {
  const generated = reply.choices.map(() => 0);
  const piece = (candidates: readonly unknown[]): StreamPiece => ({
    text: serverSentEvent({ candidates, ...tail(call, reply, generated) }),
    outputTokens: generated.reduce((sum, count) => sum + count, 0),
  });
  for (const [index, { tokens, isCut }] of reply.choices.entries()) {
    generated[index] = thoughtsOf(tokens.length);
    // A call of a function comes whole.
    for (const { text, count } of inChunks(shown(tokens), call.tool === undefined ? tokensPerChunk : tokens.length)) {
      generated[index] = (generated[index] ?? 0) + count;
      yield piece([candidate(index, partOf(call, text), undefined)]);
    }
    yield piece([candidate(index, { text: "" }, isCut ? "MAX_TOKENS" : "STOP")]);
  }
}

/** A text, or a call of the function with the text in its arguments. */
function partOf({ tool }: SimulatedCall, text: string): object {
  return tool === undefined ? { text } : { functionCall: { name: tool, args: { text } } };
}

function candidate(index: number, part: object, finishReason: string | undefined): unknown {
  const base = { content: { role: "model", parts: [part] }, index };
  return finishReason === undefined ? base : { ...base, finishReason };
}

function tail(call: SimulatedCall, { id, billed }: SimulatedReply, generated: readonly number[]): object {
  const promptTokenCount = billed.input + billed.cacheRead;
  const all = generated.reduce((sum, count) => sum + count, 0);
  const thoughtsTokenCount = generated.reduce((sum, count) => sum + Math.min(count, thoughtsOf(count)), 0);
  return {
    usageMetadata: {
      promptTokenCount,
      candidatesTokenCount: all - thoughtsTokenCount,
      totalTokenCount: promptTokenCount + all,
      thoughtsTokenCount,
      ...(billed.cacheRead === 0 ? {} : { cachedContentTokenCount: billed.cacheRead }),
      promptTokensDetails: [{ modality: "TEXT", tokenCount: promptTokenCount }],
    },
    modelVersion: call.model.snapshot,
    responseId: id,
  };
}

function thoughtsOf(tokens: number): number {
  return Math.floor(tokens / THOUGHT_SHARE);
}

function shown(tokens: readonly string[]): readonly string[] {
  return tokens.slice(thoughtsOf(tokens.length));
}

const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
};

function error({ status, message }: ProviderError): unknown {
  return { error: { code: status, message, status: STATUS_NAMES[status] ?? "UNKNOWN" } };
}
