/** POST /v1/messages (https://platform.claude.com/docs/en/api/messages). */
import type { Attributes } from "@opentelemetry/api";
import { asArray, asBody, asCount, asText, numberAttributes } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite, StreamReader } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import * as semconv from "../semconv.ts";
import { blockedMessage } from "./blocked-message.ts";

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
      choices: 1,
      outputBound: asCount(body["max_tokens"]),
      outputLeast: asCount(asBody(body["thinking"])?.["budget_tokens"]) === undefined ? 1 : THINKING_TOKENS_LEAST + 1,
      inputBound: isText(body) ? inputTokensMax(body, { hasTools: asArray(body["tools"]).length > 0 }) : undefined,
      cacheWrites: isContinued(body) || mentionsCache(body, 0),
      hidesOutput: thinks,
      attributes: requestAttributes(body),
    };
  },

  rewrite(body: Body, { model, outputBound }: Rewrite): Body {
    const sent: Record<string, unknown> = { ...body, model };
    if (outputBound === undefined) return sent;
    sent["max_tokens"] = outputBound;
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
      usage: readUsage(asBody(body["usage"])),
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
        this.#reason = asText(asBody(body["delta"])?.["stop_reason"]) ?? this.#reason;
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
      usage: this.#isFinal && this.#hasStarted ? readUsage(this.#usage) : undefined,
    };
  }

  inputTokens(): number | undefined {
    return this.#hasStarted ? readUsage({ ...this.#usage, output_tokens: 0 })?.input : undefined;
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

/** Anthropic counts cache reads and writes apart from `input_tokens`; the conventions count them in. */
function readUsage(usage: Body | undefined): TokenUsage | undefined {
  const input = asCount(usage?.["input_tokens"]);
  const output = asCount(usage?.["output_tokens"]);
  if (usage === undefined || input === undefined || output === undefined) return undefined;
  const cacheRead = asCount(usage["cache_read_input_tokens"]) ?? 0;
  const cacheWrite = asCount(usage["cache_creation_input_tokens"]) ?? 0;
  const cacheWrite1h = asCount(asBody(usage["cache_creation"])?.["ephemeral_1h_input_tokens"]) ?? 0;
  return {
    input: input + cacheRead + cacheWrite,
    output,
    cacheRead,
    cacheWrite,
    cacheWrite1h,
    reasoning: asCount(asBody(usage["output_tokens_details"])?.["thinking_tokens"]) ?? 0,
    ...hostedCalls(asBody(usage["server_tool_use"])),
  };
}

/** https://docs.claude.com/en/docs/agents-and-tools/tool-use/web-search-tool#usage-and-pricing */
function hostedCalls(serverToolUse: Body | undefined): Pick<TokenUsage, "hostedCalls"> {
  const webSearches = asCount(serverToolUse?.["web_search_requests"]) ?? 0;
  return webSearches === 0 ? {} : { hostedCalls: { webSearches, fileSearches: 0 } };
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

/** Fast mode and a region of one's choice have multipliers of their own. https://platform.claude.com/docs/en/about-claude/pricing */
function dearerTier(body: Body): string {
  const speed = asText(body["speed"]) ?? "standard";
  const region = asText(body["inference_geo"]) ?? "global";
  return [speed === "standard" ? "" : speed, region === "global" ? "" : region].filter((part) => part !== "").join("-");
}
