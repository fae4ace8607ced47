/**
 * POST /images/generations, /images/edits and /images/variations (https://platform.openai.com/docs/api-reference/images). Models
 * that count tokens are priced by them; those that cost by the image (`dall-e-3`) are in no book.
 */
import { asArray, asBody, asCount, asText } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import * as semconv from "../semconv.ts";
import { countOf, isTrue, memberOf } from "./form-body.ts";
import { LastUsageReader } from "./last-usage.ts";

/** The largest picture at the best quality. https://platform.openai.com/docs/guides/image-generation#cost-and-latency */
const TOKENS_MAX: readonly (readonly [model: RegExp, tokens: number])[] = [[/^gpt-image-1(?:-mini)?$/, 6_240]];
/** A picture that is read, at high fidelity. https://platform.openai.com/docs/guides/images-vision#calculating-costs */
const INPUT_TOKENS_PER_IMAGE = 8_192;
/** Each picture on the way to the whole one. */
const PARTIAL_TOKENS = 100;
const MODEL_DEFAULT = "dall-e-2";

export function imagesOf(provider: string): Endpoint {
  return {
    provider,
    operation: semconv.Operation.generateContent,

    readRequest(body: Body): RequestFacts {
      const model = asText(memberOf(body, "model")) ?? MODEL_DEFAULT;
      const known = TOKENS_MAX.find(([pattern]) => pattern.test(model))?.[1];
      const partial = (countOf(memberOf(body, "partial_images")) ?? 0) * PARTIAL_TOKENS;
      const pictures = Math.max(1, countOf(memberOf(body, "n")) ?? 1);
      return {
        model,
        isStreamed: isTrue(memberOf(body, "stream")),
        tier: "",
        choices: pictures,
        pieces: pictures,
        outputBound: known === undefined ? undefined : known + partial,
        // What it makes costs what it costs.
        takesNoBound: true,
        outputLeast: Number.MAX_SAFE_INTEGER,
        inputBound:
          inputTokensMax({ prompt: memberOf(body, "prompt") }, { hasTools: false }) +
          filesIn(body) * INPUT_TOKENS_PER_IMAGE,
        cacheWrites: false,
        makesMedia: true,
        hidesOutput: true,
        isFixed: true,
        attributes: { [semconv.ATTR_GEN_AI_OUTPUT_TYPE]: "image" },
      };
    },

    rewrite: (body) => body,

    readAnswer(answer: unknown): AnswerFacts {
      const body = asBody(answer);
      const usage = readImageUsage(asBody(body?.["usage"]));
      const pieces = asArray(body?.["data"]).length;
      return { id: undefined, model: undefined, finishReasons: [], usage: usage && { ...usage, pieces } };
    },

    // The last event, `image_generation.completed` or `image_edit.completed`, has the usage.
    streamReader: () => new LastUsageReader(readImageUsage),

    blockedAnswer: (body) =>
      isTrue(memberOf(body, "stream"))
        ? "data: [DONE]\n\n"
        : JSON.stringify({ created: Math.floor(Date.now() / 1_000), data: [] }),
  };
}

function filesIn(body: Body): number {
  return body instanceof FormData ? [...body.values()].filter((value) => value instanceof File).length : 0;
}

export function readImageUsage(usage: Body | undefined): TokenUsage | undefined {
  const input = asCount(usage?.["input_tokens"]);
  const output = asCount(usage?.["output_tokens"]);
  if (usage === undefined || input === undefined || output === undefined) return undefined;
  const pictured = asCount(asBody(usage["input_tokens_details"])?.["image_tokens"]) ?? 0;
  return {
    input,
    output,
    cacheRead: 0,
    cacheWrite: 0,
    cacheWrite1h: 0,
    reasoning: 0,
    image: { input: pictured, cacheRead: 0, output },
  };
}
