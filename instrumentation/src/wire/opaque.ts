/**
 * A call that nobody here can read: an API without a dialect, or a body that is no JSON. Its worst case is the model's
 * maximum, and a model that is not named has no price (`unknown_price` decides). It is charged as reserved, unless its
 * answer counts in a way that is known.
 */
import { asBody, asCount, asText, UNNAMED_MODEL } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, StreamReader } from "../gate/endpoint.ts";
import { chatCompletions } from "../openai/chat-completions.ts";
import { responses } from "../openai/responses.ts";
import * as semconv from "../semconv.ts";

export function opaqueEndpoint(provider: string, modelInPath: string | undefined): Endpoint {
  return {
    provider,
    operation: semconv.Operation.chat,

    readRequest(body: Body): RequestFacts {
      return {
        model: modelInPath ?? modelOf(body) ?? UNNAMED_MODEL,
        isStreamed: body["stream"] === true,
        tier: "",
        choices: 1,
        pieces: piecesOf(body, modelInPath),
        outputBound: undefined,
        outputLeast: Number.MAX_SAFE_INTEGER,
        inputBound: undefined,
        cacheWrites: true,
        makesMedia: true,
        hidesOutput: true,
        isFixed: true,
        attributes: {},
      };
    },

    rewrite: (body) => body,
    readAnswer,
    streamReader: (body) => new LastUsage(body),
    blockedAnswer: () => "{}",
  };
}

/** By the names that APIs have for it: OpenAI's, AWS's, watsonx and ElevenLabs, Tencent's. */
function modelOf(body: Body): string | undefined {
  return ["model", "modelId", "model_id", "Model"].map((name) => asText(body[name])).find((name) => name !== undefined);
}

/** https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/imagen-api */
const IMAGEN = /^imagen-/;
const IMAGEN_PICTURES = 4;

/** How many pictures, by the names that makers of models have for it. */
function piecesOf(body: Body, model = ""): number {
  const inParts = [
    asBody(body["parameters"])?.["sampleCount"],
    asBody(body["imageGenerationConfig"])?.["numberOfImages"],
  ];
  const named = [body["n"], body["num_images"], ...inParts].map(asCount).filter((pieces) => pieces !== undefined);
  return Math.max(1, ...(named.length === 0 && IMAGEN.test(model) ? [IMAGEN_PICTURES] : named));
}

/** Two shapes of usage are all but standard, and neither means anything else in the other. */
function readAnswer(given: unknown): AnswerFacts {
  // Cloudflare says around it whether that worked.
  const answer = asBody(asBody(given)?.["result"]) ?? given;
  const chat = chatCompletions.readAnswer(answer);
  return chat.usage === undefined ? responses.readAnswer(answer) : chat;
}

class LastUsage implements StreamReader {
  /** Knows which of several counts is of all chunks. */
  readonly #chat: StreamReader;
  #facts: AnswerFacts = { id: undefined, model: undefined, finishReasons: [], usage: undefined };

  constructor(body: Body) {
    this.#chat = chatCompletions.streamReader(body);
  }

  read(event: unknown): unknown {
    this.#chat.read(event);
    const facts = responses.readAnswer(asBody(event)?.["response"] ?? event);
    if (facts.usage !== undefined) this.#facts = facts;
    return event;
  }

  facts(): AnswerFacts {
    const chat = this.#chat.facts();
    return chat.usage === undefined ? this.#facts : chat;
  }

  inputTokens(): undefined {
    return undefined;
  }

  seenBytes(): number {
    return Number.MAX_SAFE_INTEGER;
  }
}
