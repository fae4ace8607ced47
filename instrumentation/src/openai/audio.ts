/**
 * POST /audio/speech, /audio/transcriptions and /audio/translations (https://platform.openai.com/docs/api-reference/audio). Models
 * that count tokens are priced by them; those that cost by the minute or the letter (`whisper-1`, `tts-1`) are in no book.
 */
import { asBody, asCount, asText } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import * as semconv from "../semconv.ts";
import { isTrue, memberOf } from "./form-body.ts";
import { LastUsageReader } from "./last-usage.ts";

/** A minute of speech is some 1,250 tokens and 700 letters; this is twice that, for the slowest voice at its usual speed. */
const TOKENS_PER_LETTER = 4;
const TOKENS_LEAST = 512;

const NOTHING: AnswerFacts = { id: undefined, model: undefined, finishReasons: [], usage: undefined };

const common = {
  tier: "",
  choices: 1,
  // Neither API has a bound: what it makes costs what it costs.
  outputLeast: Number.MAX_SAFE_INTEGER,
  cacheWrites: false,
  makesMedia: true,
  hidesOutput: true,
  isFixed: true,
} as const;

/** Sound out of text. Only a stream of events says what it used; anything else is charged as reserved. */
export function speechOf(provider: string): Endpoint {
  return {
    provider,
    operation: semconv.Operation.generateContent,
    readRequest(body: Body): RequestFacts {
      const letters = Buffer.byteLength(asText(body["input"]) ?? "", "utf8");
      const speed = typeof body["speed"] === "number" && body["speed"] > 0 ? Math.min(1, body["speed"]) : 1;
      return {
        ...common,
        model: asText(body["model"]) ?? "",
        isStreamed: body["stream_format"] === "sse",
        outputBound: TOKENS_LEAST + Math.ceil((letters * TOKENS_PER_LETTER) / speed),
        takesNoBound: true,
        inputBound: inputTokensMax(body, { hasTools: false }),
        attributes: { [semconv.ATTR_GEN_AI_OUTPUT_TYPE]: "speech" },
      };
    },
    rewrite: (body) => body,
    readAnswer: () => NOTHING,
    // The last event, `speech.audio.done` or `transcript.text.done`, has the usage.
    streamReader: () => new LastUsageReader(readUsage),
    blockedAnswer: () => "",
  };
}

/** Text out of sound. */
export function transcriptionOf(provider: string): Endpoint {
  return {
    provider,
    operation: semconv.Operation.generateContent,
    readRequest: (body: Body): RequestFacts => ({
      ...common,
      model: asText(memberOf(body, "model")) ?? "",
      isStreamed: isTrue(memberOf(body, "stream")),
      outputBound: undefined,
      inputBound: undefined,
      attributes: { [semconv.ATTR_GEN_AI_OUTPUT_TYPE]: "text" },
    }),
    rewrite: (body) => body,
    readAnswer: (answer) => ({ ...NOTHING, usage: readUsage(asBody(asBody(answer)?.["usage"])) }),
    // The last event, `speech.audio.done` or `transcript.text.done`, has the usage.
    streamReader: () => new LastUsageReader(readUsage),
    blockedAnswer: (body, text) =>
      isTrue(memberOf(body, "stream")) ? "data: [DONE]\n\n" : JSON.stringify({ text, usage: ZERO_USAGE }),
  };
}

const ZERO_USAGE = { type: "tokens", input_tokens: 0, output_tokens: 0, total_tokens: 0 };

/** By tokens; `{ type: "duration" }` has a price by the minute, which no book has in this form. */
function readUsage(usage: Body | undefined): TokenUsage | undefined {
  const input = asCount(usage?.["input_tokens"]);
  const output = asCount(usage?.["output_tokens"]);
  if (usage === undefined || input === undefined || output === undefined) return undefined;
  const heard = asCount(asBody(usage["input_token_details"])?.["audio_tokens"]) ?? 0;
  return {
    input,
    output,
    cacheRead: 0,
    cacheWrite: 0,
    cacheWrite1h: 0,
    reasoning: 0,
    ...(heard > 0 && { audio: { input: heard, cacheRead: 0, output: 0 } }),
  };
}
