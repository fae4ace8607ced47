/** POST /v1/messages (https://platform.claude.com/docs/en/api/messages). */
import type { Attributes } from "@opentelemetry/api";
import { asArray, asBody, asCount, asText, numberAttributes } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite, StreamReader } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import * as semconv from "../semconv.ts";
import { blockedMessage } from "./blocked-message.ts";
import { boundAdvice, companionsOf, lowerStandIns, outputBoundOf } from "./companions.ts";
import { dearerTier } from "./tier.ts";
import { readUsage } from "./usage.ts";

/** The API wants a thinking budget of at least this, below max_tokens. */
const THINKING_TOKENS_LEAST = 1_024;
const TEXT_BLOCKS: ReadonlySet<unknown> = new Set(["text", "tool_use", "tool_result", "thinking", "redacted_thinking"]);
const REFERENCES = ["container", "mcp_servers", "previous_message_id", "context_management"] as const;
const NUMBERS = {
  temperature: semconv.ATTR_GEN_AI_REQUEST_TEMPERATURE,
  top_p: semconv.ATTR_GEN_AI_REQUEST_TOP_P,
  top_k: semconv.ATTR_GEN_AI_REQUEST_TOP_K,
};

/** As Anthropic serves it, or as somebody does under another name. */
export function messagesOf(provider: string): Endpoint {
  return { ...MESSAGES, provider };
}

const MESSAGES: Omit<Endpoint, "provider"> = {
  operation: semconv.Operation.chat,

  readRequest(body: Body): RequestFacts {
    const thinks = isThinking(body);
    return {
      model: asText(body["model"]) ?? "",
      isStreamed: body["stream"] === true,
      tier: dearerTier(body),
      ...companionsOf(body),
      outputBound: outputBoundOf(body),
      outputLeast: asCount(asBody(body["thinking"])?.["budget_tokens"]) === undefined ? 1 : THINKING_TOKENS_LEAST + 1,
      inputBound: isText(body) ? inputTokensMax(body, { hasTools: asArray(body["tools"]).length > 0 }) : undefined,
      cacheWrites: isContinued(body) || mentionsCache(body, 0),
      hidesOutput: thinks,
      attributes: requestAttributes(body),
    };
  },

  rewrite(body: Body, { model, outputBound, isHeld = false }: Rewrite): Body {
    const sent: Record<string, unknown> = { ...body, model, ...(isHeld && boundAdvice(body)) };
    if (outputBound === undefined) return sent;
    // Whoever stands in may have a bound above the request's own.
    sent["max_tokens"] = Math.min(outputBound, asCount(body["max_tokens"]) ?? outputBound);
    Object.assign(sent, lowerStandIns(body, outputBound));
    const thinking = asBody(body["thinking"]);
    const budget = asCount(thinking?.["budget_tokens"]);
    if (budget !== undefined && budget >= outputBound)
      sent["thinking"] = { ...thinking, budget_tokens: outputBound - 1 };
    return sent;
  },

  readAnswer(answer: unknown): AnswerFacts {
    const body = asBody(answer) ?? {};
    const reason = asText(body["stop_reason"]);
    return {
      id: asText(body["id"]),
      model: asText(body["model"]),
      finishReasons: reason === undefined ? [] : [reason],
      ...counted(body["usage"], body["container"]),
    };
  },

  streamReader(): StreamReader {
    return new EventReader();
  },

  blockedAnswer: blockedMessage,
};

export const messages: Endpoint = messagesOf(semconv.Provider.anthropic);

/** `message_start` has the input, `message_delta` the output so far, cumulative; `message_stop` makes it final. */
class EventReader implements StreamReader {
  #id: string | undefined;
  #model: string | undefined;
  #reason: string | undefined;
  #usage: Body = {};
  #container: unknown;
  #hasStarted = false;
  #isFinal = false;
  #bytes = 0;

  read(event: unknown): unknown {
    const body = asBody(event);
    switch (body?.["type"]) {
      case "message_start": {
        const message = asBody(body["message"]) ?? {};
        this.#id = asText(message["id"]);
        this.#model = asText(message["model"]);
        this.#usage = { ...asBody(message["usage"]) };
        this.#container = message["container"];
        this.#hasStarted = asBody(message["usage"]) !== undefined;
        break;
      }
      case "content_block_start":
        this.#bytes += bytesOf(body["content_block"]);
        break;
      case "content_block_delta":
        this.#bytes += bytesOf(body["delta"]);
        break;
      case "message_delta": {
        const usage = asBody(body["usage"]);
        // The last delta's counts are those that are billed; absent or null fields keep what the start said.
        for (const [key, value] of Object.entries(usage ?? {})) {
          if (value !== null) this.#usage = { ...this.#usage, [key]: value };
        }
        const delta = asBody(body["delta"]);
        this.#reason = asText(delta?.["stop_reason"]) ?? this.#reason;
        this.#container = delta?.["container"] ?? this.#container;
        this.#isFinal = usage !== undefined && this.#reason !== undefined;
        break;
      }
      default:
        break;
    }
    return event;
  }

  facts(): AnswerFacts {
    return {
      id: this.#id,
      model: this.#model,
      finishReasons: this.#reason === undefined ? [] : [this.#reason],
      ...counted(this.#isFinal && this.#hasStarted ? this.#usage : undefined, this.#container),
    };
  }

  inputTokens(): number | undefined {
    return this.#hasStarted ? readUsage({ ...this.#usage, output_tokens: 0 })?.usage.input : undefined;
  }

  seenBytes(): number {
    return this.#bytes;
  }
}

function bytesOf(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value, "utf8");
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce<number>((sum, item) => sum + bytesOf(item), 0);
}

function counted(usage: unknown, container: unknown): Pick<AnswerFacts, "usage" | "others" | "tier"> {
  return readUsage(asBody(usage), { runsCode: asBody(container) !== undefined }) ?? { usage: undefined };
}

function isThinking(body: Body): boolean {
  const type = asBody(body["thinking"])?.["type"];
  return type !== undefined && type !== "disabled";
}

/** The SDK's tool runner sends only what is new: the rest of the conversation, and its marks for the cache, are with Anthropic. */
function isContinued(body: Body): boolean {
  return asBody(body["thread"])?.["previous_message_id"] !== undefined;
}

function isText(body: Body): boolean {
  if (REFERENCES.some((name) => body[name] !== undefined && body[name] !== null)) return false;
  if (isContinued(body)) return false;
  const contents = asArray(body["messages"]).map((message) => asBody(message)?.["content"]);
  const tools = asArray(body["tools"]).every((tool) => {
    const type = asBody(tool)?.["type"];
    return type === undefined || type === null || type === "custom";
  });
  return tools && [...contents, body["system"]].every(isTextContent);
}

function isTextContent(content: unknown): boolean {
  return asArray(content).every((value) => {
    const block = asBody(value) ?? {};
    return TEXT_BLOCKS.has(block["type"]) && isTextContent(block["content"]);
  });
}

const CACHE_DEPTH_MAX = 8;

function mentionsCache(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null || depth > CACHE_DEPTH_MAX) return false;
  if (Array.isArray(value)) return value.some((item) => mentionsCache(item, depth + 1));
  for (const key in value) {
    if (key === "cache_control") return true;
    if (mentionsCache((value as Body)[key], depth + 1)) return true;
  }
  return false;
}

function requestAttributes(body: Body): Attributes {
  const attributes = numberAttributes(body, NUMBERS);
  const stop = asArray(body["stop_sequences"]).filter((text) => typeof text === "string");
  if (stop.length > 0) attributes[semconv.ATTR_GEN_AI_REQUEST_STOP_SEQUENCES] = stop;
  return attributes;
}
