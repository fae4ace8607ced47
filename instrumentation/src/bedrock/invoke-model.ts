/**
 * InvokeModel and InvokeModelWithResponseStream: each maker's own format in bytes, which is read as far as its bound and its
 * usage go. What the body does not tell, Bedrock tells beside it: token counts in headers, and with a stream's last event.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
 */
import { messagesOf } from "../anthropic/messages.ts";
import { asArray, asBody, asChoices, asCount, asText } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite, StreamReader } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import { textBytes } from "../openai/chat-completions.ts";
import * as semconv from "../semconv.ts";
import { familyOf, modelName } from "./model-id.ts";
import { readConverseUsage, readPlainCounts, withFees } from "./usage.ts";

/** Where a maker's requests bound their output. */
const BOUNDS: Readonly<Record<string, readonly [string] | readonly [string, string]>> = {
  anthropic: ["max_tokens"],
  "amazon.nova": ["inferenceConfig", "maxTokens"],
  "amazon.titan": ["textGenerationConfig", "maxTokenCount"],
  ai21: ["max_tokens"],
  cohere: ["max_tokens"],
  deepseek: ["max_tokens"],
  meta: ["max_gen_len"],
  mistral: ["max_tokens"],
  openai: ["max_completion_tokens"],
  qwen: ["max_tokens"],
};
/** Members that hold no text: their tokens can't be told from here. */
const MEDIA_KEYS: ReadonlySet<string> = new Set([
  "image",
  "images",
  "inputImage",
  "video",
  "audio",
  "document",
  "source",
]);
const DEPTH_MAX = 8;
const anthropic = messagesOf(semconv.Provider.awsBedrock);

/** What the gate reads of an answer: what the model said in bytes, and what Bedrock counted of it in headers. */
export function invokedAnswer(bytes: Uint8Array, headers: Readonly<Record<string, string>>): Body {
  const counts = { [INPUT_HEADER]: headers[INPUT_HEADER], [OUTPUT_HEADER]: headers[OUTPUT_HEADER] };
  return { ...readJson(bytes), ...counts };
}

export function invokeModel(input: Body, { isStreamed }: { readonly isStreamed: boolean }): Endpoint {
  const charged = input["guardrailIdentifier"] === undefined ? asCounted : withFees;
  return {
    provider: semconv.Provider.awsBedrock,
    operation: isEmbedding(input) ? semconv.Operation.embeddings : semconv.Operation.chat,
    // Each maker's models take a body of their own.
    takesModel: (model, asked) => familyOf(model) === familyOf(asked),
    readRequest: (given) => readRequest(given, isStreamed),
    rewrite,
    readAnswer: (answer) => readAnswer(answer, charged),
    streamReader: (given) => new ChunkReader(familyOf(given["modelId"]), charged),
    blockedAnswer(given: Body, text: string): string {
      if (familyOf(given["modelId"]) !== "anthropic") return JSON.stringify({ outputText: text, completion: text });
      return anthropic.blockedAnswer({ model: modelName(given["modelId"]), stream: false }, text);
    },
  };
}

/** An embedding's operation has a name of its own, by which models are told. */
function isEmbedding(input: Body): boolean {
  return /embed/.test(modelName(input["modelId"]));
}

function readRequest(input: Body, isStreamed: boolean): RequestFacts {
  const model = modelName(input["modelId"]);
  const body = readJson(input["body"]) ?? {};
  const common = { model, isStreamed, tier: dearerTier(input) };
  if (familyOf(model) === "anthropic") return { ...anthropic.readRequest({ ...body, model }), ...common };
  const place = BOUNDS[familyOf(model)];
  const embeds = isEmbedding(input);
  return {
    ...common,
    choices: asChoices(body["num_generations"] ?? body["n"]),
    outputBound: embeds ? 1 : place === undefined ? undefined : asCount(memberAt(body, place)),
    takesNoBound: embeds,
    // Without a place for it, no smaller bound can be asked for.
    outputLeast: embeds || place !== undefined ? 1 : Number.MAX_SAFE_INTEGER,
    inputBound: isText(body, 0) ? inputTokensMax(body, { hasTools: hasTools(body) }) : undefined,
    cacheWrites: false,
    makesMedia: !isText(body, 0),
    hidesOutput: !embeds,
    attributes: {},
  };
}

function rewrite(input: Body, { model, outputBound }: Rewrite): Body {
  const isSame = model === modelName(input["modelId"]);
  const sent = isSame ? { ...input } : { ...input, modelId: model };
  const place = BOUNDS[familyOf(model)];
  const body = readJson(input["body"]);
  if (outputBound === undefined || place === undefined || body === undefined || isEmbedding(input)) return sent;
  const [outer, inner] = place;
  const value = inner === undefined ? outputBound : { ...asBody(body[outer]), [inner]: outputBound };
  const bounded = familyOf(model) === "anthropic" ? withBound(body, outputBound) : { ...body, [outer]: value };
  return { ...sent, body: JSON.stringify(bounded) };
}

/** Thinking has to stay below the bound. The model is no part of a body for Bedrock. */
function withBound(body: Body, outputBound: number): Body {
  const { model: _model, ...bounded } = anthropic.rewrite(body, { model: "", outputBound });
  return bounded;
}

type Usage = AnswerFacts["usage"];

function asCounted(usage: Usage): Usage {
  return usage;
}

function readAnswer(answer: unknown, charged: (usage: Usage) => Usage): AnswerFacts {
  const json = asBody(answer) ?? {};
  const own = anthropic.readAnswer(json);
  const usage =
    own.usage ??
    readConverseUsage(asBody(json["usage"])) ??
    readPlainCounts(json[INPUT_HEADER] ?? json["inputTextTokenCount"], json[OUTPUT_HEADER]);
  const reason = own.finishReasons[0] ?? asText(json["stopReason"]);
  return { ...own, finishReasons: reason === undefined ? [] : [reason], usage: charged(usage) };
}

const INPUT_HEADER = "x-amzn-bedrock-input-token-count";
const OUTPUT_HEADER = "x-amzn-bedrock-output-token-count";
const METRICS = "amazon-bedrock-invocationMetrics";

class ChunkReader implements StreamReader {
  readonly #own: StreamReader | undefined;
  readonly #charged: (usage: Usage) => Usage;
  #json: Body | undefined;
  #usage: Usage;
  #bytes = 0;

  constructor(family: string, charged: (usage: Usage) => Usage) {
    this.#charged = charged;
    this.#own = family === "anthropic" ? anthropic.streamReader({}) : undefined;
  }

  read(event: unknown): unknown {
    const json = readJson(asBody(asBody(event)?.["chunk"])?.["bytes"]);
    this.#json = json;
    if (json === undefined) return event;
    this.#own?.read(json);
    const metrics = asBody(json[METRICS]);
    this.#usage =
      readConverseUsage(asBody(asBody(json["metadata"])?.["usage"])) ??
      readPlainCounts(metrics?.["inputTokenCount"], metrics?.["outputTokenCount"]) ??
      this.#usage;
    this.#bytes += textBytes({ ...json, [METRICS]: undefined });
    return event;
  }

  unpacked(): Body | undefined {
    return this.#json;
  }

  facts(): AnswerFacts {
    const own = this.#own?.facts();
    // The maker's own count tells the cache apart, which Bedrock's does not.
    const usage = own?.usage ?? this.#usage;
    return { ...(own ?? { id: undefined, model: undefined, finishReasons: [] }), usage: this.#charged(usage) };
  }

  inputTokens(): number | undefined {
    return this.#own?.inputTokens();
  }

  seenBytes(): number {
    return this.#bytes;
  }
}

function dearerTier(input: Body): string {
  const latency = input["performanceConfigLatency"];
  if (input["serviceTier"] === "priority") return "priority";
  return latency === "optimized" ? "optimized" : "";
}

function memberAt(body: Body, [outer, inner]: readonly [string] | readonly [string, string]): unknown {
  return inner === undefined ? body[outer] : asBody(body[outer])?.[inner];
}

function hasTools(body: Body): boolean {
  return asArray(body["tools"]).length > 0 || body["toolConfig"] !== undefined;
}

function isText(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth > DEPTH_MAX) return false;
  if (Array.isArray(value)) return value.every((item) => isText(item, depth + 1));
  return Object.entries(value).every(([key, member]) => !MEDIA_KEYS.has(key) && isText(member, depth + 1));
}

/** JSON as the SDK takes and gives it, text or bytes, or what somebody has read of it. */
function readJson(value: unknown): Body | undefined {
  try {
    if (typeof value === "string") return asBody(JSON.parse(value));
    if (value instanceof Uint8Array) return asBody(JSON.parse(new TextDecoder().decode(value)));
    return asBody(value);
  } catch {
    return undefined;
  }
}
