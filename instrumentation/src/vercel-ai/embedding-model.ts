/** A request to an embedding model of the AI SDK: input only. */
import { asBody, asCount, asText } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import * as semconv from "../semconv.ts";
import type { ModelProvider } from "./model-provider.ts";

export function embeddingModel({ name, model }: ModelProvider): Endpoint {
  return {
    provider: name,
    operation: semconv.Operation.embeddings,
    isModelFixed: true,

    readRequest(options: Body): RequestFacts {
      return {
        model,
        isStreamed: false,
        tier: "",
        choices: 1,
        // An embedding is no text; the gate's smallest bound stands for it.
        outputBound: 1,
        takesNoBound: true,
        outputLeast: 1,
        inputBound: inputTokensMax({ input: options["values"] }, { hasTools: false }),
        cacheWrites: false,
        hidesOutput: false,
        attributes: {},
      };
    },

    rewrite: (options: Body) => ({ ...options }),

    readAnswer(answer: unknown): AnswerFacts {
      const body = asBody(answer) ?? {};
      const input = asCount(asBody(body["usage"])?.["tokens"]);
      const usage =
        input === undefined
          ? undefined
          : { input, output: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
      return { id: undefined, model: asText(asBody(body["response"])?.["modelId"]), finishReasons: [], usage };
    },

    streamReader() {
      throw new Error("embeddings are not streamed");
    },

    blockedAnswer() {
      throw new Error("models of the AI SDK are not guarded one by one");
    },
  };
}
