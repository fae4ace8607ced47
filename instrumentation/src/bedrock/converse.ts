/** Converse and ConverseStream. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html */
import type { Attributes } from "@opentelemetry/api";
import { asArray, asBody, asCount, asText, numberAttributes } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite, StreamReader } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import { textBytes } from "../openai/chat-completions.ts";
import * as semconv from "../semconv.ts";
import { modelName } from "./model-id.ts";
import { readConverseUsage, withFees } from "./usage.ts";

const NUMBERS = {
  temperature: semconv.ATTR_GEN_AI_REQUEST_TEMPERATURE,
  topP: semconv.ATTR_GEN_AI_REQUEST_TOP_P,
};
const TEXT_BLOCKS: ReadonlySet<string> = new Set(["text", "json", "toolUse", "toolResult", "reasoningContent"]);
/** What is part of the prompt; the rest of the input is settings. */
const PROMPT_KEYS = ["messages", "system", "toolConfig", "additionalModelRequestFields", "outputConfig"] as const;

export function converse(input: Body, { isStreamed }: { readonly isStreamed: boolean }): Endpoint {
  const isGuarded = input["guardrailConfig"] !== undefined;
  return {
    provider: semconv.Provider.awsBedrock,
    operation: semconv.Operation.chat,

    readRequest(given: Body): RequestFacts {
      const config = asBody(given["inferenceConfig"]) ?? {};
      const prompt = PROMPT_KEYS.map((key) => given[key]);
      return {
        model: modelName(given["modelId"]),
        isStreamed,
        tier: dearerTier(given),
        choices: 1,
        outputBound: asCount(config["maxTokens"]),
        outputLeast: 1,
        inputBound: isText(given) ? inputTokensMax(prompt, { hasTools: given["toolConfig"] !== undefined }) : undefined,
        cacheWrites: hasCachePoint(given),
        // Thinking is switched on there, and some models show only a summary of it.
        hidesOutput: given["additionalModelRequestFields"] !== undefined,
        attributes: requestAttributes(config),
      };
    },

    rewrite(given: Body, { model, outputBound }: Rewrite): Body {
      const sent = model === modelName(given["modelId"]) ? { ...given } : { ...given, modelId: model };
      if (outputBound === undefined) return sent;
      return { ...sent, inferenceConfig: { ...asBody(given["inferenceConfig"]), maxTokens: outputBound } };
    },

    readAnswer(answer: unknown): AnswerFacts {
      const output = asBody(answer) ?? {};
      const blocks = asArray(asBody(asBody(output["output"])?.["message"])?.["content"]);
      const hasFees = isGuarded || blocks.some((block) => isRunByBedrock(asBody(block)?.["toolUse"]));
      return factsOf(output["stopReason"], { usage: asBody(output["usage"]), hasFees });
    },

    streamReader: () => new EventReader(isGuarded),

    blockedAnswer(_given: Body, text: string): string {
      const usage = { inputTokens: 0, outputTokens: 0, totalTokens: 0 };
      const metrics = { latencyMs: 0 };
      if (!isStreamed) {
        const message = { role: "assistant", content: [{ text }] };
        return JSON.stringify({ output: { message }, stopReason: "end_turn", usage, metrics });
      }
      return JSON.stringify([
        { messageStart: { role: "assistant" } },
        { contentBlockDelta: { contentBlockIndex: 0, delta: { text } } },
        { contentBlockStop: { contentBlockIndex: 0 } },
        { messageStop: { stopReason: "end_turn" } },
        { metadata: { usage, metrics } },
      ]);
    },
  };
}

function factsOf(
  reason: unknown,
  { usage, hasFees }: { readonly usage: Body | undefined; readonly hasFees: boolean },
): AnswerFacts {
  const finish = asText(reason);
  const counted = readConverseUsage(usage);
  return {
    id: undefined,
    model: undefined,
    finishReasons: finish === undefined ? [] : [finish],
    usage: hasFees ? withFees(counted) : counted,
  };
}

/** A tool of Bedrock's own, such as a search, has a price of its own. https://aws.amazon.com/nova/pricing */
function isRunByBedrock(toolUse: unknown): boolean {
  return asBody(toolUse)?.["type"] === "server_tool_use";
}

/** `messageStop` says why, `metadata`, the last event, what was used. */
class EventReader implements StreamReader {
  #reason: unknown;
  #usage: Body | undefined;
  #hasFees: boolean;
  #bytes = 0;

  constructor(hasFees: boolean) {
    this.#hasFees = hasFees;
  }

  read(event: unknown): unknown {
    const body = asBody(event) ?? {};
    this.#reason = asBody(body["messageStop"])?.["stopReason"] ?? this.#reason;
    this.#usage = asBody(asBody(body["metadata"])?.["usage"]) ?? this.#usage;
    this.#bytes += textBytes(asBody(body["contentBlockDelta"])?.["delta"]);
    const start = asBody(asBody(body["contentBlockStart"])?.["start"]);
    this.#bytes += textBytes(start);
    this.#hasFees ||= isRunByBedrock(start?.["toolUse"]);
    return event;
  }

  facts(): AnswerFacts {
    return factsOf(this.#reason, { usage: this.#usage, hasFees: this.#hasFees });
  }

  inputTokens(): undefined {
    return undefined;
  }

  seenBytes(): number {
    return this.#bytes;
  }
}

/** Faster and preferred service cost more. https://aws.amazon.com/bedrock/pricing */
function dearerTier(input: Body): string {
  const tier = asText(asBody(input["serviceTier"])?.["type"]);
  const latency = asText(asBody(input["performanceConfig"])?.["latency"]);
  if (tier === "priority") return tier;
  return latency === "optimized" ? latency : "";
}

/** A prompt that Bedrock keeps (`promptVariables`) is not in the request. */
function isText(input: Body): boolean {
  if (input["promptVariables"] !== undefined) return false;
  const contents = asArray(input["messages"]).map((message) => asBody(message)?.["content"]);
  return [...contents, input["system"]].every(isTextContent);
}

function isTextContent(content: unknown): boolean {
  return asArray(content).every((value) => {
    const block = asBody(value) ?? {};
    const nested = asBody(block["toolResult"])?.["content"];
    return Object.keys(block).every((key) => TEXT_BLOCKS.has(key) || key === "cachePoint") && isTextContent(nested);
  });
}

function hasCachePoint(input: Body): boolean {
  const contents = asArray(input["messages"]).map((message) => asBody(message)?.["content"]);
  const lists = [...contents, input["system"], asBody(input["toolConfig"])?.["tools"]];
  return lists.some((list) => asArray(list).some((block) => asBody(block)?.["cachePoint"] !== undefined));
}

function requestAttributes(config: Body): Attributes {
  const attributes = numberAttributes(config, NUMBERS);
  const stop = asArray(config["stopSequences"]).filter((text) => typeof text === "string");
  if (stop.length > 0) attributes[semconv.ATTR_GEN_AI_REQUEST_STOP_SEQUENCES] = stop;
  return attributes;
}
