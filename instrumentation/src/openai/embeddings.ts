/** POST /embeddings (https://platform.openai.com/docs/api-reference/embeddings/create): input only. */
import { asBody, asCount, asText } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite, StreamReader } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import { toldCost } from "./told-cost.ts";
import * as semconv from "../semconv.ts";

/** As OpenAI serves it, or as somebody does under another name. */
export function embeddingsOf(provider: string): Endpoint {
  return { ...EMBEDDINGS, provider };
}

const EMBEDDINGS: Omit<Endpoint, "provider"> = {
  operation: semconv.Operation.embeddings,

  readRequest(body: Body): RequestFacts {
    return {
      model: asText(body["model"]) ?? "",
      isStreamed: false,
      tier: "",
      choices: 1,
      // An embedding is no text; the gate's smallest bound stands for it.
      outputBound: 1,
      takesNoBound: true,
      outputLeast: 1,
      // Texts, or their tokens as numbers.
      inputBound: inputTokensMax({ input: body["input"] }, { hasTools: false }),
      cacheWrites: false,
      hidesOutput: false,
      attributes: {},
    };
  },

  rewrite(body: Body, { model }: Rewrite): Body {
    return { ...body, model };
  },

  readAnswer(answer: unknown): AnswerFacts {
    const body = asBody(answer) ?? {};
    const counted = asBody(body["usage"]);
    // Voyage AI says the sum only, and there is nothing but input.
    const input = asCount(counted?.["prompt_tokens"]) ?? asCount(counted?.["total_tokens"]);
    const usage =
      input === undefined
        ? undefined
        : { input, output: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
    return {
      id: undefined,
      model: asText(body["model"]),
      finishReasons: [],
      usage,
      ...toldCost(counted),
    };
  },

  streamReader(): StreamReader {
    throw new Error("embeddings are not streamed");
  },

  blockedAnswer(body: Body): string {
    const usage = { prompt_tokens: 0, total_tokens: 0 };
    return JSON.stringify({ object: "list", data: [], model: asText(body["model"]) ?? "", usage });
  },
};
