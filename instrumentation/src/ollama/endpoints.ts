/** What of Ollama's API is gated, by the end of the path. https://docs.ollama.com/api */
import type { Attributes } from "@opentelemetry/api";
import { asArray, asBody, asCount, asText, numberAttributes } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite, StreamReader } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import { textBytes } from "../openai/chat-completions.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import * as semconv from "../semconv.ts";

const NUMBERS = {
  temperature: semconv.ATTR_GEN_AI_REQUEST_TEMPERATURE,
  top_p: semconv.ATTR_GEN_AI_REQUEST_TOP_P,
  top_k: semconv.ATTR_GEN_AI_REQUEST_TOP_K,
  frequency_penalty: semconv.ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY,
  presence_penalty: semconv.ATTR_GEN_AI_REQUEST_PRESENCE_PENALTY,
  seed: semconv.ATTR_GEN_AI_REQUEST_SEED,
};

type Said = (text: string) => Readonly<Record<string, unknown>>;

function generating(operation: string, said: Said): Endpoint {
  return {
    provider: semconv.Provider.ollama,
    operation,
    streamFormat: "lines",
    readRequest,
    rewrite(body: Body, { model, outputBound }: Rewrite): Body {
      if (outputBound === undefined) return { ...body, model };
      return { ...body, model, options: { ...asBody(body["options"]), num_predict: outputBound } };
    },
    readAnswer,
    streamReader: () => new LineReader(),
    blockedAnswer(body: Body, text: string): string {
      const base = { model: asText(body["model"]) ?? "", created_at: new Date().toISOString() };
      const end = { done: true, done_reason: "stop", prompt_eval_count: 0, eval_count: 0, total_duration: 0 };
      if (body["stream"] !== true) return JSON.stringify({ ...base, ...said(text), ...end });
      const lines = [
        { ...base, ...said(text), done: false },
        { ...base, ...said(""), ...end },
      ];
      return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    },
  };
}

const chat = generating(semconv.Operation.chat, (content) => ({ message: { role: "assistant", content } }));
const generate = generating(semconv.Operation.textCompletion, (response) => ({ response }));

const embed: Endpoint = {
  ...chat,
  operation: semconv.Operation.embeddings,
  readRequest: (body) => ({
    ...readRequest(body),
    isStreamed: false,
    outputBound: 1,
    takesNoBound: true,
    hidesOutput: false,
  }),
  rewrite: (body, { model }) => ({ ...body, model }),
  readAnswer(answer: unknown): AnswerFacts {
    const body = asBody(answer) ?? {};
    const input = asCount(body["prompt_eval_count"]);
    const usage = input === undefined ? undefined : usageOf(input, 0);
    return { id: undefined, model: asText(body["model"]), finishReasons: [], usage };
  },
  blockedAnswer: (body) =>
    JSON.stringify({ model: asText(body["model"]) ?? "", embeddings: [], embedding: [], prompt_eval_count: 0 }),
};

const ENDPOINTS: readonly (readonly [path: string, endpoint: Endpoint])[] = [
  ["/api/chat", chat],
  ["/api/generate", generate],
  ["/api/embed", embed],
  ["/api/embeddings", embed],
];

/** `undefined`: costs nothing, or is not gated. */
export function ollamaEndpoint(path: string): Endpoint | undefined {
  return ENDPOINTS.find(([suffix]) => path.endsWith(suffix))?.[1];
}

function readRequest(body: Body): RequestFacts {
  const options = asBody(body["options"]) ?? {};
  return {
    model: asText(body["model"]) ?? "",
    // The API streams unless it is told not to; the SDK always says.
    isStreamed: body["stream"] !== false,
    tier: "",
    choices: 1,
    // -1 and -2 stand for no bound.
    outputBound: asCount(options["num_predict"]),
    outputLeast: 1,
    inputBound: isText(body) ? inputTokensMax(body, { hasTools: asArray(body["tools"]).length > 0 }) : undefined,
    cacheWrites: false,
    // The API generates no thoughts that it does not show.
    hidesOutput: false,
    attributes: requestAttributes(options),
  };
}

/** Images, and the tokens of an earlier answer (`context`), can't be counted from here. */
function isText(body: Body): boolean {
  if (asArray(body["images"]).length > 0 || body["context"] !== undefined) return false;
  return asArray(body["messages"]).every((message) => asArray(asBody(message)?.["images"]).length === 0);
}

function readAnswer(answer: unknown): AnswerFacts {
  const body = asBody(answer) ?? {};
  const reason = asText(body["done_reason"]);
  const input = asCount(body["prompt_eval_count"]);
  const output = asCount(body["eval_count"]);
  const isFinal = body["done"] === true && input !== undefined && output !== undefined;
  return {
    id: undefined,
    model: asText(body["model"]),
    finishReasons: reason === undefined ? [] : [reason],
    usage: isFinal ? usageOf(input, output) : undefined,
  };
}

class LineReader implements StreamReader {
  #facts: AnswerFacts = { id: undefined, model: undefined, finishReasons: [], usage: undefined };
  #bytes = 0;

  read(event: unknown): unknown {
    const body = asBody(event) ?? {};
    this.#facts = readAnswer(body);
    this.#bytes += textBytes(body["message"]) + textBytes(body["response"]) + textBytes(body["thinking"]);
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

function usageOf(input: number, output: number): TokenUsage {
  return { input, output, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
}

function requestAttributes(options: Body): Attributes {
  const attributes = numberAttributes(options, NUMBERS);
  const stop = asArray(options["stop"]).filter((text) => typeof text === "string");
  if (stop.length > 0) attributes[semconv.ATTR_GEN_AI_REQUEST_STOP_SEQUENCES] = stop;
  return attributes;
}
