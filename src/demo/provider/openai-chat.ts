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
import { azureDeployment, openaiError, openaiModel, openaiUsageDetails, readOpenaiContent } from "./openai.ts";
import type { SimulatedModel } from "./prices.ts";

/** Who else speaks this format, and how the usage of a stream is told. */
export interface ChatServer {
  readonly provider: SimulatedModel["provider"];
  readonly path: Dialect["path"];
  /** A chunk of its own for who asks; beside the last choice; there under `x_groq`. */
  readonly streamUsage: "asked" | "last_choice" | "x_groq";
}

export function chatDialect(server: ChatServer): Dialect {
  return {
    provider: server.provider,
    path: server.path,
    requestIdHeader: "x-request-id",
    parse: (body) => parse(body, server.provider),
    json(call, reply) {
      return {
        ...head(call, reply, "chat.completion"),
        choices: reply.choices.map((choice, index) => ({
          index,
          message: { role: "assistant", ...answered(call, choice.tokens) },
          logprobs: null,
          finish_reason: finishReason(call, choice.isCut),
        })),
        usage: usage(reply),
      };
    },
    stream: (call, reply, tokensPerChunk) => stream(call, reply, { tokensPerChunk, server }),
    usage,
    error: openaiError,
  };
}

export const openaiChat: Dialect = chatDialect({
  provider: "openai",
  path: "/v1/chat/completions",
  streamUsage: "asked",
});

/** A deployment of a model, whose API is in all else the same. */
export const azureChat: Dialect = chatDialect({
  provider: "openai",
  path: azureDeployment("/chat/completions"),
  streamUsage: "asked",
});

/** A text, or a call of the tool that the request offers, with the text in its arguments. */
function answered({ tool }: SimulatedCall, tokens: readonly string[]): object {
  const text = tokens.join("");
  if (tool === undefined) return { content: text, refusal: null, annotations: [] };
  const call = { id: "call_1", type: "function", function: { name: tool, arguments: JSON.stringify({ text }) } };
  return { content: null, refusal: null, tool_calls: [call] };
}

function finishReason({ tool }: SimulatedCall, isCut: boolean): string {
  if (isCut) return "length";
  return tool === undefined ? "stop" : "tool_calls";
}

function parse(
  body: Readonly<Record<string, unknown>>,
  provider: SimulatedModel["provider"],
): SimulatedCall | ProviderError {
  const model = openaiModel(body, provider);
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
    tool: toolToCall(body),
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

/** The first tool offered, unless the conversation already has a result of one. */
function toolToCall(body: Readonly<Record<string, unknown>>): string | undefined {
  const messages = Array.isArray(body["messages"]) ? body["messages"] : [];
  if (messages.some((message) => isRecord(message) && message["role"] === "tool")) return undefined;
  const [tool] = Array.isArray(body["tools"]) ? (body["tools"] as readonly unknown[]) : [];
  const named = isRecord(tool) ? tool["function"] : undefined;
  return isRecord(named) && typeof named["name"] === "string" ? named["name"] : undefined;
}

function* stream(
  call: SimulatedCall,
  reply: SimulatedReply,
  { tokensPerChunk, server }: { readonly tokensPerChunk: number; readonly server: ChatServer },
): Generator<StreamPiece> {
  const isAsked = server.streamUsage === "asked" && call.includeUsage;
  const chunk = { ...head(call, reply, "chat.completion.chunk"), ...(isAsked ? { usage: null } : {}) };
  const choice = (index: number, delta: unknown, reason: string | null): Readonly<Record<string, unknown>> => ({
    ...chunk,
    choices: [{ index, delta, logprobs: null, finish_reason: reason }],
  });
  let outputTokens = 0;
  // Mistral sends a tool's call whole.
  const isWhole = call.tool !== undefined && server.streamUsage === "last_choice";
  const pieceSize = isWhole ? Number.MAX_SAFE_INTEGER : tokensPerChunk;
  const last = reply.choices.length - 1;
  for (const [index, { tokens, isCut }] of reply.choices.entries()) {
    const opening = { role: "assistant", content: call.tool === undefined ? "" : null, refusal: null };
    yield { text: serverSentEvent(choice(index, opening, null)), outputTokens };
    for (const [at, { text, count }] of [...inChunks(tokens, pieceSize)].entries()) {
      outputTokens += count;
      yield { text: serverSentEvent(choice(index, deltaOf(call, text, { at, isWhole }), null)), outputTokens };
    }
    const end = choice(index, isWhole ? {} : closing(call, tokens.length), finishReason(call, isCut));
    const told = index === last ? toldBeside(server, reply) : {};
    yield { text: serverSentEvent({ ...end, ...told }), outputTokens };
  }
  if (isAsked) yield { text: serverSentEvent({ ...chunk, choices: [], usage: usage(reply) }), outputTokens };
  yield { text: "data: [DONE]\n\n", outputTokens };
}

function deltaOf(
  { tool }: SimulatedCall,
  text: string,
  { at, isWhole }: { readonly at: number; readonly isWhole: boolean },
): object {
  if (tool === undefined) return { content: text };
  if (isWhole) {
    const whole = { name: tool, arguments: JSON.stringify({ text }) };
    return { tool_calls: [{ index: 0, id: "call_1", type: "function", function: whole }] };
  }
  const head = at === 0 ? { id: "call_1", type: "function" } : {};
  const name = at === 0 ? { name: tool } : {};
  const opened = at === 0 ? '{"text":"' : "";
  return { tool_calls: [{ index: 0, ...head, function: { ...name, arguments: opened + text } }] };
}

function closing({ tool }: SimulatedCall, tokens: number): object {
  if (tool === undefined || tokens === 0) return {};
  return { tool_calls: [{ index: 0, function: { arguments: '"}' } }] };
}

function toldBeside({ streamUsage }: ChatServer, reply: SimulatedReply): object {
  if (streamUsage === "asked") return {};
  return streamUsage === "x_groq" ? { x_groq: { id: "req_1", usage: usage(reply) } } : { usage: usage(reply) };
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
