/** A request to a language model of the AI SDK, in the SDK's own form (specifications v2 to v4), for any provider. */
import type { Attributes } from "@opentelemetry/api";
import { asArray, asBody, asText, numberAttributes } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite, StreamReader } from "../gate/endpoint.ts";
import { lessEffort } from "../gate/downgrade.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import { standIns } from "../gate/stand-ins.ts";
import { dearerTier as anthropicTier } from "../anthropic/tier.ts";
import { hidesReasoning } from "../openai/reasoning.ts";
import { dearerTier } from "../openai/tier.ts";
import * as semconv from "../semconv.ts";
import type { Api, ModelProvider } from "./model-provider.ts";
import {
  anthropicOptions,
  isReasoning,
  mentions,
  openaiOptions,
  readOutputBound,
  withOutputBound,
} from "./output-bound.ts";
import { isPlainText } from "./prompt-text.ts";
import { HostedTools } from "./hosted-tools.ts";
import { readUsage } from "./usage.ts";

const NUMBERS = {
  temperature: semconv.ATTR_GEN_AI_REQUEST_TEMPERATURE,
  topP: semconv.ATTR_GEN_AI_REQUEST_TOP_P,
  topK: semconv.ATTR_GEN_AI_REQUEST_TOP_K,
  frequencyPenalty: semconv.ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY,
  presencePenalty: semconv.ATTR_GEN_AI_REQUEST_PRESENCE_PENALTY,
  seed: semconv.ATTR_GEN_AI_REQUEST_SEED,
};
/** What is part of the prompt, or can be. */
const PROMPT_KEYS = ["prompt", "tools", "responseFormat", "providerOptions"] as const;
const CACHE = /^cache_?control$/i;

export interface LanguageModelOptions extends ModelProvider {
  readonly isStreamed: boolean;
  /** The model object can't be made to send another model's name. */
  readonly isModelFixed: boolean;
}

export function languageModel({ name, api, model, isStreamed, isModelFixed }: LanguageModelOptions): Endpoint {
  return {
    provider: name,
    operation: semconv.Operation.chat,
    isModelFixed,

    readRequest(options: Body): RequestFacts {
      const { tokens, least } = readOutputBound(api, options);
      const prompt = Object.fromEntries(PROMPT_KEYS.map((key) => [key, options[key]]));
      const hasTools = asArray(options["tools"]).length > 0 || asBody(options["responseFormat"])?.["type"] === "json";
      return {
        model,
        isStreamed,
        tier: tierOf(api, options),
        choices: 1,
        ...standIns(gatewayModels(options), model),
        outputBound: tokens,
        outputLeast: least,
        inputBound: isPlainText(options) ? inputTokensMax(prompt, { hasTools }) : undefined,
        cacheWrites: api === "google" ? false : api !== "anthropic" || mentions(prompt, CACHE),
        hidesOutput: hidesOutput({ api, model }, options),
        attributes: requestAttributes(options),
      };
    },

    rewrite(options: Body, { model: sentModel, outputBound, reasoningEffort }: Rewrite): Body {
      const sent = outputBound === undefined ? options : withOutputBound(api, options, outputBound);
      const effort = lessEffort(options["reasoning"], reasoningEffort);
      return {
        ...sent,
        ...(effort !== undefined && { reasoning: effort }),
        ...(sentModel !== model && { model: sentModel }),
      };
    },

    readAnswer(answer: unknown): AnswerFacts {
      const body = asBody(answer) ?? {};
      const response = asBody(body["response"]);
      const tools = new HostedTools();
      for (const part of asArray(body["content"])) tools.read(part);
      return {
        id: asText(response?.["id"]),
        model: asText(response?.["modelId"]),
        finishReasons: finishReasons(body["finishReason"]),
        ...readUsage(api, body, tools),
      };
    },

    streamReader: () => new PartReader(api),

    blockedAnswer() {
      throw new Error("models of the AI SDK are not guarded one by one");
    },
  };
}

/** Reads the parts of a stream. Nothing is hidden: providers of the SDK ask for usage themselves. */
class PartReader implements StreamReader {
  readonly #api: Api;
  #id: string | undefined;
  #model: string | undefined;
  #finish: readonly string[] = [];
  readonly #tools = new HostedTools();
  #usage: ReturnType<typeof readUsage> = { usage: undefined };
  #bytes = 0;

  constructor(api: Api) {
    this.#api = api;
  }

  read(event: unknown): unknown {
    const part = asBody(event) ?? {};
    const type = asText(part["type"]) ?? "";
    if (type === "response-metadata") {
      this.#id = asText(part["id"]) ?? this.#id;
      this.#model = asText(part["modelId"]) ?? this.#model;
    } else if (type === "finish") {
      this.#finish = finishReasons(part["finishReason"]);
      this.#usage = readUsage(this.#api, part, this.#tools);
    } else if (type.endsWith("-delta")) this.#bytes += Buffer.byteLength(asText(part["delta"]) ?? "", "utf8");
    else this.#tools.read(part);
    return event;
  }

  facts(): AnswerFacts {
    return { id: this.#id, model: this.#model, finishReasons: this.#finish, ...this.#usage };
  }

  inputTokens(): undefined {
    return undefined;
  }

  seenBytes(): number {
    return this.#bytes;
  }
}

/** v2: a word; since v3: the SDK's and the provider's. */
function finishReasons(reason: unknown): readonly string[] {
  const word = asText(reason) ?? asText(asBody(reason)?.["raw"]) ?? asText(asBody(reason)?.["unified"]);
  return word === undefined ? [] : [word];
}

function hidesOutput({ api, model }: { readonly api: Api; readonly model: string }, options: Body): boolean {
  if (isReasoning(options)) return true;
  switch (api) {
    case "openai.chat":
    case "openai.responses":
      return hidesReasoning(model, { reasoning_effort: openaiOptions(options)?.["reasoningEffort"] });
    case "anthropic":
      return anthropicOptions(options)?.["thinking"] !== undefined;
    case "google":
    case "other":
      return true;
  }
}

/** Ways of serving that cost another price than the model's, as the SDKs of these providers have them. */
function tierOf(api: Api, options: Body): string {
  if (api === "openai.chat" || api === "openai.responses") {
    return dearerTier({ service_tier: openaiOptions(options)?.["serviceTier"] });
  }
  if (api !== "anthropic") return "";
  const own = anthropicOptions(options);
  // Other models may answer, at other prices.
  if (asArray(own?.["fallbacks"]).length > 0) return "fallbacks";
  return anthropicTier({ speed: own?.["speed"], inference_geo: own?.["inferenceGeo"] });
}

/** Models that Vercel's gateway may ask instead. https://vercel.com/docs/ai-gateway/models-and-providers/model-fallbacks */
function gatewayModels(options: Body): readonly string[] {
  const models = asBody(asBody(options["providerOptions"])?.["gateway"])?.["models"];
  return asArray(models).map((name) => asText(name) ?? "");
}

function requestAttributes(options: Body): Attributes {
  const attributes = numberAttributes(options, NUMBERS);
  const stop = asArray(options["stopSequences"]).filter((text) => typeof text === "string");
  if (stop.length > 0) attributes[semconv.ATTR_GEN_AI_REQUEST_STOP_SEQUENCES] = stop;
  return attributes;
}
