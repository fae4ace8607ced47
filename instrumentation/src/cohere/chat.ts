/** POST /v2/chat and /v1/chat. https://docs.cohere.com/reference/chat · https://docs.cohere.com/v2/docs/streaming */
import type { Attributes } from "@opentelemetry/api";
import { asArray, asBody, asCount, asText, numberAttributes } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite, StreamReader } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import { textBytes } from "../openai/chat-completions.ts";
import * as semconv from "../semconv.ts";
import { blockedV1, blockedV2 } from "./blocked-chat.ts";
import { readBilled } from "./usage.ts";

const NUMBERS = {
  temperature: semconv.ATTR_GEN_AI_REQUEST_TEMPERATURE,
  p: semconv.ATTR_GEN_AI_REQUEST_TOP_P,
  k: semconv.ATTR_GEN_AI_REQUEST_TOP_K,
  frequency_penalty: semconv.ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY,
  presence_penalty: semconv.ATTR_GEN_AI_REQUEST_PRESENCE_PENALTY,
  seed: semconv.ATTR_GEN_AI_REQUEST_SEED,
};
const TEXT_PARTS: ReadonlySet<unknown> = new Set(["text", "thinking", "document"]);
/** What the model reads beside the body: searches, and conversations that Cohere keeps. */
const REFERENCES = ["connectors", "conversation_id"] as const;

const shared = {
  provider: semconv.Provider.cohere,
  operation: semconv.Operation.chat,
  readRequest,
  rewrite(body: Body, { model, outputBound }: Rewrite): Body {
    return {
      ...body,
      ...(model === "" ? {} : { model }),
      ...(outputBound === undefined ? {} : { max_tokens: outputBound }),
    };
  },
} as const;

export const chatV2: Endpoint = {
  ...shared,
  readAnswer(answer: unknown): AnswerFacts {
    const body = asBody(answer) ?? {};
    return factsOf(body["id"], body["finish_reason"], asBody(body["usage"]));
  },
  streamReader: () => new EventReader(),
  blockedAnswer: blockedV2,
};

export const chatV1: Endpoint = {
  ...shared,
  streamFormat: "lines",
  readAnswer: readAnswerV1,
  streamReader: () => new EventReaderV1(),
  blockedAnswer: blockedV1,
};

function readAnswerV1(answer: unknown): AnswerFacts {
  const body = asBody(answer) ?? {};
  return factsOf(body["generation_id"], body["finish_reason"], asBody(body["meta"]));
}

function factsOf(id: unknown, reason: unknown, usage: Body | undefined): AnswerFacts {
  const finish = asText(reason);
  return {
    id: asText(id),
    model: undefined,
    finishReasons: finish === undefined ? [] : [finish],
    usage: readBilled(usage),
  };
}

/** `message-start` has the id, `message-end` the usage. */
class EventReader implements StreamReader {
  #id: unknown;
  #facts: AnswerFacts = factsOf(undefined, undefined, undefined);
  #bytes = 0;

  read(event: unknown): unknown {
    const body = asBody(event) ?? {};
    const delta = asBody(body["delta"]) ?? {};
    if (body["type"] === "message-start") this.#id = body["id"];
    if (body["type"] === "message-end") {
      this.#facts = factsOf(this.#id, delta["finish_reason"], asBody(delta["usage"]));
    } else this.#bytes += textBytes(delta["message"]);
    return event;
  }

  facts(): AnswerFacts {
    return { ...this.#facts, id: asText(this.#id) };
  }

  inputTokens(): undefined {
    return undefined;
  }

  seenBytes(): number {
    return this.#bytes;
  }
}

/** `stream-end` has the whole answer. */
class EventReaderV1 implements StreamReader {
  #facts: AnswerFacts = factsOf(undefined, undefined, undefined);
  #bytes = 0;

  read(event: unknown): unknown {
    const body = asBody(event) ?? {};
    if (body["event_type"] === "stream-end") this.#facts = readAnswerV1(body["response"]);
    else this.#bytes += textBytes(body["text"]) + textBytes(body["tool_calls"]) + textBytes(body["tool_call_delta"]);
    return event;
  }

  facts(): AnswerFacts {
    return this.#facts;
  }

  inputTokens(): undefined {
    return undefined;
  }

  seenBytes(): number {
    return this.#bytes;
  }
}

function readRequest(body: Body): RequestFacts {
  return {
    model: asText(body["model"]) ?? "",
    isStreamed: body["stream"] === true,
    tier: "",
    choices: 1,
    outputBound: asCount(body["max_tokens"]),
    outputLeast: 1,
    inputBound: isText(body) ? inputTokensMax(body, { hasTools: asArray(body["tools"]).length > 0 }) : undefined,
    cacheWrites: false,
    // Thoughts are part of the answer.
    hidesOutput: false,
    attributes: requestAttributes(body),
  };
}

function isText(body: Body): boolean {
  if (REFERENCES.some((name) => body[name] !== undefined && body[name] !== null)) return false;
  return asArray(body["messages"]).every((message) =>
    asArray(asBody(message)?.["content"]).every((part) => TEXT_PARTS.has(asBody(part)?.["type"])),
  );
}

function requestAttributes(body: Body): Attributes {
  const attributes = numberAttributes(body, NUMBERS);
  const stop = asArray(body["stop_sequences"]).filter((text) => typeof text === "string");
  if (stop.length > 0) attributes[semconv.ATTR_GEN_AI_REQUEST_STOP_SEQUENCES] = stop;
  return attributes;
}
