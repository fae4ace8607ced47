/** POST /chat/completions (https://platform.openai.com/docs/api-reference/chat/create), as OpenAI and compatible servers have it. */
import type { Attributes } from "@opentelemetry/api";
import { asArray, asBody, asChoices, asCount, asText, numberAttributes } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite, StreamReader } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import * as semconv from "../semconv.ts";
import { lessEffort } from "../gate/downgrade.ts";
import { firstOf, standInsOf } from "../gate/stand-ins.ts";
import { hidesReasoning } from "./reasoning.ts";
import { imageTokensMax, withoutImages } from "./image-bound.ts";
import { ShownWork, sideFees } from "./side-fees.ts";
import { toldCost } from "./told-cost.ts";
import { dearerTier, servedTier } from "./tier.ts";

/** Parts and tools that are text and nothing else. */
const TEXT_PARTS: ReadonlySet<unknown> = new Set(["text", "refusal", "thinking"]);
const TEXT_TOOLS: ReadonlySet<unknown> = new Set(["function", "custom"]);
/** Both bound one answer. */
const BOUNDS = ["max_completion_tokens", "max_tokens"] as const;

const NUMBERS = {
  temperature: semconv.ATTR_GEN_AI_REQUEST_TEMPERATURE,
  top_p: semconv.ATTR_GEN_AI_REQUEST_TOP_P,
  frequency_penalty: semconv.ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY,
  presence_penalty: semconv.ATTR_GEN_AI_REQUEST_PRESENCE_PENALTY,
  seed: semconv.ATTR_GEN_AI_REQUEST_SEED,
};

/** What differs among the servers that speak this format. */
export interface ChatFlavour {
  readonly provider: string;
  /** Streams tell their usage only when asked to. */
  readonly asksForUsage: boolean;
  /** Prompts may be written to a cache at a price of its own. */
  readonly cacheWrites: boolean;
  /** The name of the bound that is set where the app has set none. */
  readonly boundName: "max_completion_tokens" | "max_tokens";
  /** The model reads more than the body shows, an agent's instructions for instance. */
  readonly hasUnseenInput?: boolean;
  /** Its pictures are counted as OpenAI documents them. */
  readonly countsImages?: boolean;
  tierOf(body: Body): string;
  /** The tier in an answer or in a part of one. @default answers do not tell */
  servedTierOf?(answer: Body): Pick<AnswerFacts, "tier">;
  hidesOutput(model: string, body: Body): boolean;
  /** The model, where the body does not have it under `model`. */
  modelOf?(body: Body): string;
}

export function chatCompletionsOf(flavour: ChatFlavour): Endpoint {
  return {
    provider: flavour.provider,
    operation: semconv.Operation.chat,
    readRequest: (body) => readRequest(body, flavour),
    rewrite: (body, change) => rewrite(body, change, flavour),
    readAnswer: (answer) => readAnswer(answer, flavour),
    streamReader: (body) => new ChunkReader(flavour, body),
    blockedAnswer,
  };
}

/** As OpenAI serves it, or as somebody does under another name. */
export function openaiChatOf(provider: string): Endpoint {
  return chatCompletionsOf({
    provider,
    asksForUsage: true,
    boundName: "max_completion_tokens",
    // OpenAI caches unasked, and since gpt-5.6 a write has a price of its own.
    cacheWrites: true,
    countsImages: true,
    tierOf: dearerTier,
    servedTierOf: servedTier,
    hidesOutput: hidesReasoning,
  });
}

export const chatCompletions: Endpoint = openaiChatOf(semconv.Provider.openai);

function readRequest(body: Body, flavour: ChatFlavour): RequestFacts {
  const model = flavour.modelOf?.(body) ?? asText(body["model"]) ?? firstOf(body) ?? "";
  const { body: text, images } = flavour.countsImages === true ? withoutImages(body) : { body, images: 0 };
  return {
    model,
    isStreamed: body["stream"] === true,
    tier: flavour.tierOf(body),
    choices: asChoices(body["n"]),
    outputBound: outputBoundOf(body),
    outputLeast: 1,
    inputBound:
      flavour.hasUnseenInput !== true && isText(text)
        ? inputTokensMax(text, { hasTools: asArray(body["tools"]).length > 0 })
        : undefined,
    ...(images > 0 && { imageTokens: (reader: string) => timesTokens(images, imageTokensMax(reader)) }),
    cacheWrites: flavour.cacheWrites,
    ...standInsOf(body, model),
    makesMedia: asArray(body["modalities"]).some((modality) => modality !== "text"),
    hidesOutput: flavour.hidesOutput(model, body),
    attributes: requestAttributes(body),
  };
}

function rewrite(body: Body, { model, outputBound, reasoningEffort }: Rewrite, flavour: ChatFlavour): Body {
  const isNamed = flavour.modelOf === undefined;
  const sent: Record<string, unknown> = { ...body, ...(isNamed && { model }) };
  const effort = lessEffort(body["reasoning_effort"], reasoningEffort);
  if (effort !== undefined) sent["reasoning_effort"] = effort;
  if (outputBound !== undefined) {
    const given = givenBounds(body);
    for (const name of given.length > 0 ? given : [flavour.boundName]) sent[name] = outputBound;
  }
  if (flavour.asksForUsage && body["stream"] === true) {
    sent["stream_options"] = { ...asBody(body["stream_options"]), include_usage: true };
  }
  return sent;
}

function readAnswer(answer: unknown, flavour: ChatFlavour): AnswerFacts {
  const body = asBody(answer) ?? {};
  const model = asText(body["model"]);
  const work = new ShownWork();
  for (const choice of asArray(body["choices"])) work.read(asBody(asBody(choice)?.["message"]) ?? {});
  return {
    id: asText(body["id"]),
    model,
    finishReasons: finishReasons(body),
    usage: work.addTo(readUsage(body["usage"]) ?? groqUsage(body), model),
    ...flavour.servedTierOf?.(body),
    ...toldCost(asBody(body["usage"])),
  };
}

function asksForUsage(body: Body): boolean {
  return asBody(body["stream_options"])?.["include_usage"] === true;
}

function blockedAnswer(body: Body, text: string): string {
  const model = asText(body["model"]) ?? "";
  const base = { id: "chatcmpl-tollgate", created: Math.floor(Date.now() / 1_000), model };
  if (body["stream"] !== true) {
    const message = { role: "assistant", content: text, refusal: null };
    const choices = [{ index: 0, message, logprobs: null, finish_reason: "stop" }];
    return JSON.stringify({ ...base, object: "chat.completion", choices, usage: ZERO_USAGE });
  }
  const chunk = (delta: object, finish: string | null): object => ({
    ...base,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  });
  const chunks = [chunk({ role: "assistant", content: text }, null), chunk({}, "stop")];
  if (asksForUsage(body)) {
    chunks.push({ ...base, object: "chat.completion.chunk", choices: [], usage: ZERO_USAGE });
  }
  return `${chunks.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")}data: [DONE]\n\n`;
}

const ZERO_USAGE = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

/** Reads chunks; hides the usage that the app did not ask for. */
class ChunkReader implements StreamReader {
  readonly #flavour: ChatFlavour;
  readonly #appAskedForUsage: boolean;
  /** That were asked for, or have been seen. */
  #choices: number;
  #id: string | undefined;
  #model: string | undefined;
  #tier: Pick<AnswerFacts, "tier"> | undefined;
  #usage: TokenUsage | undefined;
  /** All of it was told in a chunk of its own. */
  #isWhole = false;
  #told: Pick<AnswerFacts, "toldCost"> = {};
  readonly #finish = new Map<number, string>();
  readonly #work = new ShownWork();
  #bytes = 0;

  constructor(flavour: ChatFlavour, body: Body) {
    this.#flavour = flavour;
    this.#appAskedForUsage = !flavour.asksForUsage || asksForUsage(body);
    this.#choices = asChoices(body["n"]);
  }

  read(event: unknown): unknown {
    const chunk = asBody(event);
    if (chunk === undefined) return event;
    this.#id ??= asText(chunk["id"]);
    this.#model ??= asText(chunk["model"]);
    if (asText(chunk["service_tier"]) !== undefined) this.#tier = this.#flavour.servedTierOf?.(chunk);
    const choices = asArray(chunk["choices"]);
    if (choices.length > 0) this.#isWhole = false;
    for (const choice of choices) this.#readChoice(asBody(choice) ?? {});
    this.#usage = groqUsage(chunk) ?? this.#usage;
    if (!("usage" in chunk)) return event;
    const usage = readUsage(chunk["usage"]);
    if (usage !== undefined) {
      this.#usage = usage;
      this.#isWhole = choices.length === 0;
      this.#told = toldCost(asBody(chunk["usage"]));
    }
    if (this.#appAskedForUsage) return event;
    // Some servers put usage beside choices whether asked or not: only the chunk that was asked for is hidden.
    if (usage !== undefined) return choices.length === 0 ? undefined : event;
    const { usage: _hidden, ...rest } = chunk;
    return rest;
  }

  #readChoice(choice: Body): void {
    const reason = asText(choice["finish_reason"]) ?? "";
    const index = asCount(choice["index"]) ?? 0;
    if (index >= this.#choices) this.#choices = index + 1;
    if (reason !== "") this.#finish.set(index, reason);
    // Older completions have their text without a delta.
    this.#bytes += textBytes(choice["delta"]) + textBytes(choice["text"]);
    this.#work.read(asBody(choice["delta"]) ?? {});
  }

  facts(): AnswerFacts {
    // Servers that tell it in each chunk tell there how much it was so far.
    const isFinal = this.#isWhole || this.#finish.size >= this.#choices;
    const usage = this.#work.addTo(isFinal ? this.#usage : undefined, this.#model);
    const finish = { finishReasons: [...this.#finish.values()], usage };
    return { id: this.#id, model: this.#model, ...finish, ...this.#tier, ...this.#told };
  }

  inputTokens(): undefined {
    return undefined;
  }

  seenBytes(): number {
    return this.#bytes;
  }
}

/** Bytes of all text in a delta, whatever its fields are called. */
export function textBytes(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value, "utf8");
  if (typeof value !== "object" || value === null) return 0;
  let bytes = 0;
  for (const item of Object.values(value)) bytes += textBytes(item);
  return bytes;
}

function timesTokens(count: number, tokens: number | undefined): number | undefined {
  return tokens === undefined ? undefined : count * tokens;
}

function isText(body: Body): boolean {
  if (body["web_search_options"] !== undefined) return false;
  for (const message of asArray(body["messages"])) if (!isTextMessage(message)) return false;
  return asArray(body["tools"]).every(isTextTool);
}

function isTextMessage(message: unknown): boolean {
  const { content, audio } = asBody(message) ?? {};
  if ((audio ?? undefined) !== undefined) return false;
  return typeof content === "string" || asArray(content).every(isTextPart);
}

function isTextPart(part: unknown): boolean {
  return TEXT_PARTS.has(asBody(part)?.["type"]);
}

function isTextTool(tool: unknown): boolean {
  return TEXT_TOOLS.has(asBody(tool)?.["type"]);
}

function readUsage(value: unknown): TokenUsage | undefined {
  const usage = asBody(value);
  const input = asCount(usage?.["prompt_tokens"]);
  const output = asCount(usage?.["completion_tokens"]);
  if (usage === undefined || input === undefined || output === undefined) return undefined;
  const inputParts = asBody(usage["prompt_tokens_details"]);
  const outputParts = asBody(usage["completion_tokens_details"]);
  return {
    input,
    output,
    cacheRead: asCount(inputParts?.["cached_tokens"]) ?? 0,
    cacheWrite: asCount(inputParts?.["cache_write_tokens"]) ?? 0,
    cacheWrite1h: 0,
    reasoning: asCount(outputParts?.["reasoning_tokens"]) ?? 0,
    ...audioTokens(inputParts, outputParts),
    ...sideFees(usage),
  };
}

/** Where Groq puts the usage of a stream: beside the last choice. https://console.groq.com/docs/api-reference#chat-create */
function groqUsage(body: Body): TokenUsage | undefined {
  return readUsage(asBody(body["x_groq"])?.["usage"]);
}

function audioTokens(inputParts: Body | undefined, outputParts: Body | undefined): Pick<TokenUsage, "audio"> {
  const input = asCount(inputParts?.["audio_tokens"]) ?? 0;
  const output = asCount(outputParts?.["audio_tokens"]) ?? 0;
  if (input === 0 && output === 0) return {};
  const cacheRead = asCount(asBody(inputParts?.["cached_tokens_details"])?.["audio_tokens"]) ?? 0;
  return { audio: { input, cacheRead, output } };
}

function finishReasons(answer: Body): readonly string[] {
  const reasons: string[] = [];
  for (const choice of asArray(answer["choices"])) {
    const reason = asText(asBody(choice)?.["finish_reason"]);
    if (reason !== undefined) reasons.push(reason);
  }
  return reasons;
}

function requestAttributes(body: Body): Attributes {
  const attributes = numberAttributes(body, NUMBERS);
  const stop = body["stop"];
  const sequences = typeof stop === "string" ? [stop] : asArray(stop).filter((text) => typeof text === "string");
  if (sequences.length > 0) attributes[semconv.ATTR_GEN_AI_REQUEST_STOP_SEQUENCES] = sequences;
  return attributes;
}

function givenBounds(body: Body): readonly string[] {
  return BOUNDS.filter((name) => (body[name] ?? null) !== null);
}

/**
 * Which of the two a compatible server obeys when both are there, nobody knows, nor what it makes of a number's text, of -1 or of 0:
 * one that not every server takes for a bound is none.
 */
function outputBoundOf(body: Body): number | undefined {
  let bound: number | undefined;
  for (const name of BOUNDS) {
    const given = body[name] ?? undefined;
    if (given === undefined) continue;
    const count = asCount(given) ?? 0;
    if (count === 0) return undefined;
    if (bound === undefined || count > bound) bound = count;
  }
  return bound;
}
