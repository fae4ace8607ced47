/**
 * One response of a realtime session (https://platform.openai.com/docs/api-reference/realtime-server-events/response/done). Its body here
 * is `response` of the event that asks for it, over what the session says.
 */
import { asBody, asCount, asText } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite } from "../gate/endpoint.ts";
import type { MediaTokens, TokenUsage } from "../pricing/price-book.ts";
import * as semconv from "../semconv.ts";

export function realtimeResponse(provider: string): Endpoint {
  return {
    provider,
    operation: semconv.Operation.chat,
    isModelFixed: true,

    readRequest(body: Body): RequestFacts {
      return {
        model: asText(body["model"]) ?? "",
        isStreamed: true,
        tier: "",
        choices: 1,
        // The beta of the API had the longer name.
        outputBound: asCount(body["max_output_tokens"]) ?? asCount(body["max_response_output_tokens"]),
        outputLeast: 1,
        // All of the conversation so far, which the provider keeps.
        inputBound: undefined,
        cacheWrites: false,
        makesMedia: true,
        hidesOutput: true,
        attributes: {},
      };
    },

    rewrite: (body: Body, { outputBound }: Rewrite): Body =>
      outputBound === undefined ? body : { ...body, max_output_tokens: outputBound },

    readAnswer(answer: unknown): AnswerFacts {
      const response = asBody(answer) ?? {};
      const status = asText(response["status"]);
      return {
        id: asText(response["id"]),
        model: asText(response["model"]),
        finishReasons: status === undefined ? [] : [status],
        usage: readUsage(asBody(response["usage"])),
      };
    },

    streamReader() {
      throw new Error("a session is read event by event");
    },
    blockedAnswer() {
      throw new Error("a session is not guarded");
    },
  };
}

function readUsage(usage: Body | undefined): TokenUsage | undefined {
  const input = asCount(usage?.["input_tokens"]);
  const output = asCount(usage?.["output_tokens"]);
  if (usage === undefined || input === undefined || output === undefined) return undefined;
  const read = asBody(usage["input_token_details"]);
  const cached = asBody(read?.["cached_tokens_details"]);
  const made = asBody(usage["output_token_details"]);
  const medium = (name: string): MediaTokens => ({
    input: asCount(read?.[name]) ?? 0,
    cacheRead: asCount(cached?.[name]) ?? 0,
    output: asCount(made?.[name]) ?? 0,
  });
  return {
    input,
    output,
    cacheRead: asCount(read?.["cached_tokens"]) ?? 0,
    cacheWrite: 0,
    cacheWrite1h: 0,
    reasoning: 0,
    audio: medium("audio_tokens"),
    image: medium("image_tokens"),
  };
}
