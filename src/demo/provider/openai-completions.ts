/** OpenAI's older completions on the wire: a prompt in place of messages. https://platform.openai.com/docs/api-reference/completions */
import {
  inChunks,
  invalidRequest,
  isRecord,
  readBound,
  serverSentEvent,
  type Dialect,
  type SimulatedCall,
  type SimulatedReply,
} from "./dialect.ts";
import { openaiError, openaiModel } from "./openai.ts";

/** What the API takes for a bound where the request has none. */
const OUTPUT_TOKENS_DEFAULT = 16;

export const openaiCompletions: Dialect = {
  provider: "openai",
  path: "/v1/completions",
  requestIdHeader: "x-request-id",
  parse(body) {
    const model = openaiModel(body);
    if ("status" in model) return model;
    const { prompt, stream_options: options } = body;
    if (typeof prompt !== "string") return invalidRequest("Missing required parameter: 'prompt'.", { param: "prompt" });
    const outputBound = readBound(body, "max_tokens", 1) ?? OUTPUT_TOKENS_DEFAULT;
    if (typeof outputBound === "object") return outputBound;
    const choices = readBound(body, "n", 1) ?? 1;
    if (typeof choices === "object") return choices;
    return {
      model,
      modelName: String(body["model"]),
      stream: body["stream"] === true,
      includeUsage: isRecord(options) && options["include_usage"] === true,
      outputBound,
      choices,
      prompt: [{ role: "prompt", text: prompt }],
    };
  },
  json: (call, reply) => ({
    ...head(call, reply),
    choices: reply.choices.map(({ tokens, isCut }, index) => choice(index, tokens.join(""), isCut ? "length" : "stop")),
    usage: usage(reply),
  }),
  *stream(call, reply, tokensPerPiece) {
    const chunk = { ...head(call, reply), ...(call.includeUsage ? { usage: null } : {}) };
    let outputTokens = 0;
    for (const [index, { tokens, isCut }] of reply.choices.entries()) {
      for (const { text, count } of inChunks(tokens, tokensPerPiece)) {
        outputTokens += count;
        yield { text: serverSentEvent({ ...chunk, choices: [choice(index, text, null)] }), outputTokens };
      }
      const last = choice(index, "", isCut ? "length" : "stop");
      yield { text: serverSentEvent({ ...chunk, choices: [last] }), outputTokens };
    }
    if (call.includeUsage) {
      yield { text: serverSentEvent({ ...chunk, choices: [], usage: usage(reply) }), outputTokens };
    }
    yield { text: "data: [DONE]\n\n", outputTokens };
  },
  usage,
  error: openaiError,
};

function head(call: SimulatedCall, { id, createdUnixS }: SimulatedReply): object {
  return { id: `cmpl-${id}`, object: "text_completion", created: createdUnixS, model: call.model.snapshot };
}

function choice(index: number, text: string, reason: string | null): object {
  return { text, index, logprobs: null, finish_reason: reason };
}

function usage({ billed }: SimulatedReply): object {
  const prompt = billed.input + billed.cacheRead;
  return { prompt_tokens: prompt, completion_tokens: billed.output, total_tokens: prompt + billed.output };
}
