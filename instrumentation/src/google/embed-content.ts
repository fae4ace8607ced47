/** models.embedContent (https://ai.google.dev/api/embeddings): input only. */
import { asArray, asBody, asCount } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite, StreamReader } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import * as semconv from "../semconv.ts";
import { isText, modelName } from "./content.ts";
import { mediaIn } from "./generate-content.ts";

export function embedContent(options: { readonly provider: string; readonly hasExtraBody: boolean }): Endpoint {
  return {
    provider: options.provider,
    operation: semconv.Operation.embeddings,

    readRequest(params: Body): RequestFacts {
      const contents = [params["contents"], params["content"]];
      const isPlain = !options.hasExtraBody && isText(contents);
      return {
        model: modelName(params["model"]),
        isStreamed: false,
        tier: "",
        choices: 1,
        // An embedding is no text; the gate's smallest bound stands for it.
        outputBound: 1,
        takesNoBound: true,
        outputLeast: 1,
        inputBound: isPlain ? inputTokensMax(contents, { hasTools: false }) : undefined,
        cacheWrites: false,
        hidesOutput: false,
        attributes: {},
      };
    },

    rewrite(params: Body, { model }: Rewrite): Body {
      return model === modelName(params["model"]) ? { ...params } : { ...params, model };
    },

    readAnswer(answer: unknown): AnswerFacts {
      return { id: undefined, model: undefined, finishReasons: [], usage: readUsage(asBody(answer) ?? {}) };
    },

    streamReader(): StreamReader {
      throw new Error("embeddings are not streamed");
    },

    blockedAnswer(): string {
      return JSON.stringify({ embeddings: [], usageMetadata: { promptTokenCount: 0 } });
    },
  };
}

/** The Gemini API counts the request, Vertex AI each embedding, by another name where it predicts them. */
function readUsage(answer: Body): TokenUsage | undefined {
  const usage = asBody(answer["usageMetadata"]);
  const predicted = asArray(answer["predictions"]).map((value) => asBody(value)?.["embeddings"]);
  const counts = [...asArray(answer["embeddings"]), ...predicted].map((value) => {
    const statistics = asBody(asBody(value)?.["statistics"]);
    return asCount(statistics?.["tokenCount"] ?? statistics?.["token_count"]);
  });
  const sum = counts.every((count) => count !== undefined) ? counts.reduce((left, right) => left + right, 0) : 0;
  const input = asCount(usage?.["promptTokenCount"]) ?? sum;
  if (input === 0) return undefined;
  const parts = mediaIn(usage ?? {});
  return { input, output: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0, ...parts };
}
