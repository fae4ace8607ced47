/**
 * POST /batches (https://platform.openai.com/docs/api-reference/batch/create). What a batch will cost is in a file that was
 * sent before, and it is billed hours later: no price is known for the model `batch`, so a hard budget in USD refuses it
 * (`unknown_price`), and any other lets it go with a span that says `unpriced`.
 */
import { asBody, asText } from "../gate/endpoint.ts";
import type { Endpoint } from "../gate/endpoint.ts";
import * as semconv from "../semconv.ts";

/** What a budget's error and the span call it. */
const MODEL = "batch";

export function batchesOf(provider: string): Endpoint {
  return {
    provider,
    operation: semconv.Operation.chat,
    readRequest: () => ({
      model: MODEL,
      isStreamed: false,
      tier: "",
      choices: 1,
      outputBound: undefined,
      outputLeast: Number.MAX_SAFE_INTEGER,
      inputBound: undefined,
      cacheWrites: true,
      makesMedia: true,
      hidesOutput: true,
      isFixed: true,
      attributes: {},
    }),
    rewrite: (body) => body,
    readAnswer: (answer) => {
      const id = asText(asBody(answer)?.["id"]);
      return { id, model: undefined, finishReasons: [], usage: undefined };
    },
    streamReader() {
      throw new Error("a batch is not streamed");
    },
    blockedAnswer: () => "{}",
  };
}
