/**
 * OpenAI chat completions on the wire.
 * https://platform.openai.com/docs/api-reference/chat/create · …/chat/streaming (usage: `stream_options.include_usage`)
 */
import {
  invalidRequest,
  inChunks,
  isRecord,
  readBound,
  serverSentEvent,
  type Dialect,
  type PromptPart,
  type ProviderError,
  type SimulatedCall,
  type SimulatedReply,
  type StreamPiece,
} from "./dialect.ts";
import { openaiError, openaiModel, openaiUsageDetails, readOpenaiContent } from "./openai.ts";

export const openaiChat: Dialect = {
  provider: "openai",
  path: "/v1/chat/completions",
  requestIdHeader: "x-request-id",
  parse,
  json(call, reply) {
    return {
      ...head(call, reply, "chat.completion"),
      choices: reply.choices.map((choice, index) => ({
        index,
        message: { role: "assistant", content: choice.tokens.join(""), refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: choice.isCut ? "length" : "stop",
      })),
      usage: usage(reply),
    };
  },
  stream,
  error: openaiError,
};

function parse(body: Readonly<Record<string, unknown>>): SimulatedCall | ProviderError {
  const model = openaiModel(body);
  if ("status" in model) return model;
  if (!Array.isArray(body["messages"]) || body["messages"].length === 0) {
    return invalidRequest("Missing required parameter: 'messages'.", {
      param: "messages",
      code: "missing_required_parameter",
    });
  }
  const outputBound = readOutputBound(body);
  if (typeof outputBound === "object") return outputBound;
  if (outputBound !== undefined && outputBound > model.maxOutputTokens) {
    return invalidRequest(
      `max_tokens is too large: ${outputBound}. This model supports at most ${model.maxOutputTokens} completion tokens, whereas you provided ${outputBound}.`,
      { param: "max_tokens", code: "invalid_value" },
    );
  }
  const choices = readBound(body, "n", 1) ?? 1;
  if (typeof choices === "object") return choices;
  const stream = body["stream"] === true;
  const streamOptions = body["stream_options"];
  if (isRecord(streamOptions) && !stream) {
    return invalidRequest("The 'stream_options' parameter is only allowed when 'stream' is enabled.", {
      param: "stream_options",
    });
  }
  const call: SimulatedCall = {
    model,
    modelName: String(body["model"]),
    stream,
    includeUsage: isRecord(streamOptions) && streamOptions["include_usage"] === true,
    outputBound,
    choices,
    prompt: readPrompt(body),
  };
  return call;
}

function readOutputBound(body: Readonly<Record<string, unknown>>): number | undefined | ProviderError {
  const old = readBound(body, "max_tokens", 1);
  const current = readBound(body, "max_completion_tokens", 1);
  if (typeof old === "object") return old;
  if (typeof current === "object") return current;
  if (old !== undefined && current !== undefined) {
    return invalidRequest("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.", {
      param: "max_tokens",
      code: "invalid_parameter_combination",
    });
  }
  return current ?? old;
}

function readPrompt(body: Readonly<Record<string, unknown>>): PromptPart[] {
  const parts: PromptPart[] = [];
  if (Array.isArray(body["tools"])) parts.push({ role: "tools", text: JSON.stringify(body["tools"]) });
  for (const message of body["messages"] as readonly unknown[]) {
    if (!isRecord(message)) continue;
    const calls = message["tool_calls"] === undefined ? "" : JSON.stringify(message["tool_calls"]);
    parts.push({ role: String(message["role"]), text: readOpenaiContent(message["content"]) + calls });
  }
  return parts;
}

function* stream(call: SimulatedCall, reply: SimulatedReply, tokensPerChunk: number): Generator<StreamPiece> {
  const chunk = { ...head(call, reply, "chat.completion.chunk"), ...(call.includeUsage ? { usage: null } : {}) };
  const choice = (index: number, delta: unknown, finishReason: string | null): unknown => ({
    ...chunk,
    choices: [{ index, delta, logprobs: null, finish_reason: finishReason }],
  });
  let outputTokens = 0;
  for (const [index, { tokens, isCut }] of reply.choices.entries()) {
    yield {
      text: serverSentEvent(choice(index, { role: "assistant", content: "", refusal: null }, null)),
      outputTokens,
    };
    for (const { text, count } of inChunks(tokens, tokensPerChunk)) {
      outputTokens += count;
      yield { text: serverSentEvent(choice(index, { content: text }, null)), outputTokens };
    }
    yield { text: serverSentEvent(choice(index, {}, isCut ? "length" : "stop")), outputTokens };
  }
  if (call.includeUsage) {
    yield { text: serverSentEvent({ ...chunk, choices: [], usage: usage(reply) }), outputTokens };
  }
  yield { text: "data: [DONE]\n\n", outputTokens };
}

function head(call: SimulatedCall, reply: SimulatedReply, object: string): Readonly<Record<string, unknown>> {
  return {
    id: `chatcmpl-${reply.id}`,
    object,
    created: reply.createdUnixS,
    model: call.model.snapshot,
    service_tier: "default",
    system_fingerprint: "fp_simulated",
  };
}

function usage({ billed }: SimulatedReply): unknown {
  const prompt = billed.input + billed.cacheRead;
  return {
    prompt_tokens: prompt,
    completion_tokens: billed.output,
    total_tokens: prompt + billed.output,
    ...openaiUsageDetails(billed, { input: "prompt_tokens_details", output: "completion_tokens_details" }),
  };
}
