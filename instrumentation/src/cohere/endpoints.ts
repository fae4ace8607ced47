/** What of Cohere's API is gated, by the path. https://docs.cohere.com/reference/chat */
import { asBody, asCount, asText } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import * as semconv from "../semconv.ts";
import { chatV1, chatV2 } from "./chat.ts";
import { readBilled } from "./usage.ts";

const NOTHING_STREAMED = "is not streamed";

function readRequest(body: Body): RequestFacts {
  const hasImages = body["images"] !== undefined || body["inputs"] !== undefined;
  return {
    model: asText(body["model"]) ?? "",
    isStreamed: false,
    tier: "",
    choices: 1,
    // A vector or a rank is no text; the gate's smallest bound stands for it.
    outputBound: 1,
    takesNoBound: true,
    outputLeast: 1,
    inputBound: hasImages ? undefined : inputTokensMax(body, { hasTools: false }),
    cacheWrites: false,
    hidesOutput: false,
    attributes: {},
  };
}

const embed: Endpoint = {
  provider: semconv.Provider.cohere,
  operation: semconv.Operation.embeddings,
  readRequest,
  rewrite: (body: Body, { model }: Rewrite): Body => (body["model"] === undefined ? { ...body } : { ...body, model }),
  readAnswer(answer: unknown): AnswerFacts {
    const body = asBody(answer) ?? {};
    const images = asCount(asBody(asBody(body["meta"])?.["billed_units"])?.["images"]) ?? 0;
    // Images have a price of their own, which no book knows.
    const usage = images > 0 ? undefined : readBilled(asBody(body["meta"]));
    return { id: asText(body["id"]), model: undefined, finishReasons: [], usage };
  },
  streamReader() {
    throw new Error(`an embedding ${NOTHING_STREAMED}`);
  },
  blockedAnswer: () =>
    JSON.stringify({
      id: "tollgate",
      embeddings: { float: [] },
      texts: [],
      meta: { billed_units: { input_tokens: 0 } },
    }),
};

/** Billed by searches, of which the price book knows none: unpriced, until a `kind: prices` document says `per_call`. */
const rerank: Endpoint = {
  ...embed,
  operation: semconv.Operation.rerank,
  readAnswer(answer: unknown): AnswerFacts {
    const body = asBody(answer) ?? {};
    const searches = asCount(asBody(asBody(body["meta"])?.["billed_units"])?.["search_units"]);
    const none = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
    // A house price is for one search: a call that made several is no exact one.
    return { id: asText(body["id"]), model: undefined, finishReasons: [], usage: searches === 1 ? none : undefined };
  },
  blockedAnswer: () => JSON.stringify({ id: "tollgate", results: [], meta: { billed_units: { search_units: 0 } } }),
};

const ENDPOINTS: readonly (readonly [path: string, endpoint: Endpoint])[] = [
  ["/v2/chat", chatV2],
  ["/v1/chat", chatV1],
  ["/v2/embed", embed],
  ["/v1/embed", embed],
  ["/v2/rerank", rerank],
  ["/v1/rerank", rerank],
];

/** `undefined`: costs nothing, or is not gated. */
export function cohereEndpoint(path: string): Endpoint | undefined {
  return ENDPOINTS.find(([suffix]) => path.endsWith(suffix))?.[1];
}
