/**
 * models.generateContent and its stream (https://ai.google.dev/api/generate-content), as the parameters of `@google/genai`
 * have them, for the Gemini API and for Vertex AI.
 */
import type { Attributes } from "@opentelemetry/api";
import { asArray, asBody, asChoices, asCount, asText, numberAttributes } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite, StreamReader } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import type { MediaTokens, TokenUsage } from "../pricing/price-book.ts";
import * as semconv from "../semconv.ts";
import { isText, isTextTool, modelName } from "./content.ts";

/** The most that the API takes (`candidateCount`). */
const CHOICES_MAX = 8;
const NUMBERS = {
  temperature: semconv.ATTR_GEN_AI_REQUEST_TEMPERATURE,
  topP: semconv.ATTR_GEN_AI_REQUEST_TOP_P,
  topK: semconv.ATTR_GEN_AI_REQUEST_TOP_K,
  frequencyPenalty: semconv.ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY,
  presencePenalty: semconv.ATTR_GEN_AI_REQUEST_PRESENCE_PENALTY,
  seed: semconv.ATTR_GEN_AI_REQUEST_SEED,
};
/** What is part of the prompt; the rest of `config` is settings. */
const PROMPT_KEYS = ["systemInstruction", "tools", "toolConfig", "responseSchema", "responseJsonSchema"] as const;

export interface GenerateContentOptions {
  readonly provider: string;
  readonly isStreamed: boolean;
  /** The client adds fields of its own to each body (`httpOptions.extraBody`): what is in it can't be told from here. */
  readonly hasExtraBody: boolean;
}

export function generateContent({ provider, isStreamed, hasExtraBody }: GenerateContentOptions): Endpoint {
  return {
    provider,
    operation: semconv.Operation.generateContent,

    readRequest(params: Body): RequestFacts {
      const config = asBody(params["config"]) ?? {};
      const model = modelName(params["model"]);
      const tools = asArray(config["tools"]);
      const isPlain =
        !hasExtraBody &&
        config["cachedContent"] === undefined &&
        tools.every(isTextTool) &&
        isText(params["contents"]) &&
        isText(config["systemInstruction"]);
      const prompt = [params["contents"], ...PROMPT_KEYS.map((key) => config[key])];
      const tier = asText(config["serviceTier"])?.toLowerCase();
      return {
        model,
        isStreamed,
        tier: tier === "priority" ? tier : "",
        choices: hasExtraBody ? CHOICES_MAX : asChoices(config["candidateCount"]),
        outputBound: asCount(config["maxOutputTokens"]),
        outputLeast: 1,
        inputBound: isPlain ? inputTokensMax(prompt, { hasTools: tools.length > 0 }) : undefined,
        cacheWrites: false,
        makesMedia: asArray(config["responseModalities"]).some(
          (modality) => asText(modality)?.toUpperCase() !== "TEXT",
        ),
        hidesOutput: hidesThoughts(model, config),
        attributes: requestAttributes(config),
      };
    },

    rewrite(params: Body, { model, outputBound }: Rewrite): Body {
      const sent = model === modelName(params["model"]) ? params : { ...params, model };
      if (outputBound === undefined) return { ...sent };
      return { ...sent, config: { ...asBody(params["config"]), maxOutputTokens: outputBound } };
    },

    readAnswer(answer: unknown): AnswerFacts {
      const body = asBody(answer) ?? {};
      return { ...head(body), finishReasons: finishReasons(body), usage: readUsage(body), ...servedTier(body) };
    },

    streamReader(params: Body): StreamReader {
      return new ChunkReader(asChoices(asBody(params["config"])?.["candidateCount"]));
    },

    blockedAnswer(params: Body, text: string): string {
      const candidate = { index: 0, content: { role: "model", parts: [{ text }] }, finishReason: "STOP" };
      const usageMetadata = { promptTokenCount: 0, candidatesTokenCount: 0, totalTokenCount: 0 };
      return JSON.stringify({ candidates: [candidate], usageMetadata, modelVersion: modelName(params["model"]) });
    },
  };
}

/** Each chunk has the counts so far; they are final once every candidate has ended. */
class ChunkReader implements StreamReader {
  readonly #choices: number;
  readonly #reasons = new Map<number, string>();
  #head: Pick<AnswerFacts, "id" | "model"> = { id: undefined, model: undefined };
  #usage: TokenUsage | undefined;
  #fees = NO_FEES;
  #tier: Pick<AnswerFacts, "tier"> = {};
  #isBlocked = false;
  #bytes = 0;

  constructor(choices: number) {
    this.#choices = choices;
  }

  read(event: unknown): unknown {
    const body = asBody(event) ?? {};
    this.#head = head(body);
    this.#usage = readUsage(body) ?? this.#usage;
    this.#fees = moreOf(this.#fees, feesOf(body));
    this.#tier = { ...this.#tier, ...servedTier(body) };
    if (asBody(body["promptFeedback"])?.["blockReason"] !== undefined) this.#isBlocked = true;
    for (const value of asArray(body["candidates"])) {
      const candidate = asBody(value) ?? {};
      this.#bytes += bytesOf(candidate["content"]);
      const reason = asText(candidate["finishReason"]);
      if (reason !== undefined) this.#reasons.set(asCount(candidate["index"]) ?? 0, reason);
    }
    return event;
  }

  facts(): AnswerFacts {
    const isFinal = this.#isBlocked || this.#reasons.size >= this.#choices;
    const finishReasonsSeen = [...new Set(this.#reasons.values())];
    const usage = isFinal && this.#usage !== undefined ? withFees(this.#usage, this.#fees) : undefined;
    return { ...this.#head, finishReasons: finishReasonsSeen, usage, ...this.#tier };
  }

  inputTokens(): number | undefined {
    return this.#usage?.input;
  }

  seenBytes(): number {
    return this.#bytes;
  }
}

function head(body: Body): Pick<AnswerFacts, "id" | "model"> {
  return { id: asText(body["responseId"]), model: asText(body["modelVersion"]) };
}

function finishReasons(body: Body): readonly string[] {
  const reasons = asArray(body["candidates"]).map((candidate) => asText(asBody(candidate)?.["finishReason"]));
  return [...new Set(reasons.filter((reason) => reason !== undefined))];
}

/**
 * https://ai.google.dev/api/generate-content#UsageMetadata: thoughts are counted beside the candidates, what tools brought
 * into the prompt beside the prompt; cached tokens are part of the prompt.
 */
function readUsage(body: Body): TokenUsage | undefined {
  const usage = asBody(body["usageMetadata"]);
  const prompt = asCount(usage?.["promptTokenCount"]);
  if (usage === undefined || prompt === undefined) return undefined;
  const input = prompt + (asCount(usage["toolUsePromptTokenCount"]) ?? 0);
  const reasoning = asCount(usage["thoughtsTokenCount"]) ?? 0;
  const output = (asCount(usage["candidatesTokenCount"]) ?? 0) + reasoning;
  const total = asCount(usage["totalTokenCount"]) ?? 0;
  const counted: TokenUsage = {
    input,
    // A kind of output that this version does not know is in the total all the same.
    output: Math.max(output, total - input),
    cacheRead: asCount(usage["cachedContentTokenCount"]) ?? 0,
    cacheWrite: 0,
    cacheWrite1h: 0,
    reasoning,
    ...mediaIn(usage),
  };
  return withFees(counted, feesOf(body));
}

/** The parts of a usage that are no text. */
export function mediaIn(usage: Body): Pick<TokenUsage, "audio" | "image" | "video"> {
  return {
    ...mediaOf(usage, "AUDIO", "audio"),
    ...mediaOf(usage, "IMAGE", "image"),
    ...mediaOf(usage, "VIDEO", "video"),
  };
}

function mediaOf<Kind extends "audio" | "image" | "video">(
  usage: Body,
  modality: string,
  kind: Kind,
): { readonly [Key in Kind]?: MediaTokens } {
  const count = (key: string): number =>
    asArray(usage[key]).reduce<number>((sum, value) => {
      const detail = asBody(value);
      return detail?.["modality"] === modality ? sum + (asCount(detail["tokenCount"]) ?? 0) : sum;
    }, 0);
  const tokens: MediaTokens = {
    input: count("promptTokensDetails") + count("toolUsePromptTokensDetails"),
    cacheRead: count("cacheTokensDetails"),
    output: count("candidatesTokensDetails"),
  };
  if (tokens.input + tokens.cacheRead + tokens.output === 0) return {};
  return { [kind]: tokens } as { readonly [Key in Kind]?: MediaTokens };
}

interface Fees {
  readonly webSearches: number;
  /** In units that nobody here has a price for. */
  readonly others: number;
}

const NO_FEES: Fees = { webSearches: 0, others: 0 };

/** Searches with Google that grounded the answer; maps, pictures and stores of one's own, which no book has a price for. https://ai.google.dev/gemini-api/docs/pricing */
function feesOf(body: Body): Fees {
  return asArray(body["candidates"]).reduce<Fees>((sum, candidate) => {
    const grounding = asBody(asBody(candidate)?.["groundingMetadata"]);
    if (grounding === undefined) return sum;
    const webSearches = sum.webSearches + asArray(grounding["webSearchQueries"]).length;
    return { webSearches, others: Math.max(sum.others, hasOtherSources(grounding) ? 1 : 0) };
  }, NO_FEES);
}

function hasOtherSources(grounding: Body): boolean {
  return (
    grounding["googleMapsWidgetContextToken"] !== undefined ||
    asArray(grounding["imageSearchQueries"]).length > 0 ||
    asArray(grounding["retrievalQueries"]).length > 0 ||
    asArray(grounding["groundingChunks"]).some((chunk) => asBody(chunk)?.["maps"] !== undefined)
  );
}

function moreOf(left: Fees, right: Fees): Fees {
  return {
    webSearches: Math.max(left.webSearches, right.webSearches),
    others: Math.max(left.others, right.others),
  };
}

function withFees(usage: TokenUsage, { webSearches, others }: Fees): TokenUsage {
  if (webSearches + others === 0) return usage;
  return { ...usage, hostedCalls: { webSearches, fileSearches: 0, ...(others > 0 && { others }) } };
}

/** How Vertex AI says that it was served, which a header may have asked for. https://cloud.google.com/vertex-ai/generative-ai/docs/priority-paygo */
function servedTier(body: Body): Pick<AnswerFacts, "tier"> {
  const type = asText(asBody(body["usageMetadata"])?.["trafficType"]);
  if (type === "ON_DEMAND" || type === "PROVISIONED_THROUGHPUT") return { tier: "" };
  const tier = type?.startsWith(ON_DEMAND) === true ? type.slice(ON_DEMAND.length).toLowerCase() : "";
  return tier === "" ? {} : { tier };
}

const ON_DEMAND = "ON_DEMAND_";

/** From 2.5 on models think unasked, and what they think is billed and not shown. */
function hidesThoughts(model: string, config: Body): boolean {
  if (asBody(config["thinkingConfig"])?.["thinkingBudget"] === 0) return false;
  return !/^gemini-(?:1\.|2\.0-)(?!.*thinking)/.test(model);
}

function bytesOf(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value, "utf8");
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce<number>((sum, item) => sum + bytesOf(item), 0);
}

function requestAttributes(config: Body): Attributes {
  const attributes = numberAttributes(config, NUMBERS);
  const stop = asArray(config["stopSequences"]).filter((text) => typeof text === "string");
  if (stop.length > 0) attributes[semconv.ATTR_GEN_AI_REQUEST_STOP_SEQUENCES] = stop;
  return attributes;
}
