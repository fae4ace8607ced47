/**
 * What is ordered now and billed when it is done: POST /batches (https://platform.openai.com/docs/api-reference/batch/create), whose
 * requests are in a file that was sent before, and POST /videos (https://platform.openai.com/docs/api-reference/videos), which
 * costs by the second. No price is known for either, so a hard budget in USD refuses it (`unknown_price`) until a `kind: prices`
 * document names the model, and any other lets it go with a span that says `unpriced`.
 */
import { asBody, asText } from "../gate/endpoint.ts";
import type { Body, Endpoint } from "../gate/endpoint.ts";
import * as semconv from "../semconv.ts";
import { memberOf } from "./form-body.ts";

/** What a budget's error and the span call a batch. */
export const BATCH = "batch";
/** What the API makes where no model is named. */
const VIDEO_DEFAULT = "sora-2";

export function batchesOf(provider: string): Endpoint {
  return jobsOf(provider, { operation: semconv.Operation.chat, modelOf: () => BATCH });
}

/** Anything else that is ordered with one request and billed by what comes of it, under a name that a price can be given to. */
export function jobOf(provider: string, name: string): Endpoint {
  return jobsOf(provider, { operation: semconv.Operation.chat, modelOf: () => name });
}

export function videosOf(provider: string): Endpoint {
  return jobsOf(provider, {
    operation: semconv.Operation.generateContent,
    modelOf: (body) => asText(memberOf(body, "model")) ?? VIDEO_DEFAULT,
  });
}

function jobsOf(
  provider: string,
  { operation, modelOf }: { readonly operation: string; readonly modelOf: (body: Body) => string },
): Endpoint {
  return {
    provider,
    operation,
    readRequest: (body) => ({
      model: modelOf(body),
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
      throw new Error("a job is not streamed");
    },
    blockedAnswer: () => "{}",
  };
}
