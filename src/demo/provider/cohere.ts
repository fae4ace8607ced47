/**
 * Cohere's chat, rank and embeddings on the wire. https://docs.cohere.com/reference/chat · …/chat-stream · …/embed
 * It bills `billed_units`, which leave out what it puts around a prompt itself.
 */
import {
  inChunks,
  invalidRequest,
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
import { readOpenaiContent } from "./openai.ts";
import { findModel } from "./prices.ts";

/** Unbilled tokens of Cohere's own prompt. */
const PREAMBLE_TOKENS = 60;

const error = ({ message }: ProviderError): unknown => ({ id: "error", message });

export const cohereChat: Dialect = {
  provider: "cohere",
  path: "/v2/chat",
  requestIdHeader: "x-request-id",
  parse: parseChat,
  json: (call, reply) => ({
    id: reply.id,
    message: messageOf(call, reply.choices[0]?.tokens ?? []),
    finish_reason: finishReason(call, reply),
    usage: usage(reply),
  }),
  stream,
  error,
};

export const cohereChatV1: Dialect = {
  provider: "cohere",
  path: "/v1/chat",
  streamType: "application/stream+json",
  requestIdHeader: "x-request-id",
  parse: (body) => parseChat({ ...body, messages: [...historyOf(body), { role: "user", content: body["message"] }] }),
  json: wholeV1,
  *stream(call, reply, tokensPerChunk) {
    const tokens = reply.choices[0]?.tokens ?? [];
    let outputTokens = 0;
    const event = (type: string, fields: object): StreamPiece => ({
      text: `${JSON.stringify({ event_type: type, is_finished: type === "stream-end", ...fields })}\n`,
      outputTokens,
    });
    yield event("stream-start", { generation_id: reply.id });
    if (call.tool === undefined) {
      for (const { text, count } of inChunks(tokens, tokensPerChunk)) {
        outputTokens += count;
        yield event("text-generation", { text });
      }
    } else {
      yield event("tool-calls-chunk", { tool_call_delta: { index: 0, name: call.tool } });
      outputTokens += tokens.length;
      const parameters = JSON.stringify({ text: tokens.join("") });
      yield event("tool-calls-chunk", { tool_call_delta: { index: 0, parameters } });
      yield event("tool-calls-generation", { tool_calls: [toolCallV1(call.tool, tokens)] });
    }
    yield event("stream-end", { finish_reason: finishReason(call, reply), response: wholeV1(call, reply) });
  },
  error,
};

export const cohereEmbed: Dialect = {
  provider: "cohere",
  path: "/v2/embed",
  requestIdHeader: "x-request-id",
  parse(body) {
    const texts = Array.isArray(body["texts"]) ? body["texts"].map(String) : [];
    if (texts.length === 0) return invalidRequest("texts is required");
    return toCall(body, { choices: 0, outputBound: undefined, prompt: texts.map((text) => ({ role: "text", text })) });
  },
  json: (call, { id, billed }) => ({
    id,
    embeddings: { float: call.prompt.map(({ text }) => [text.length, 0.5, -0.5]) },
    texts: call.prompt.map(({ text }) => text),
    meta: { api_version: { version: "2" }, billed_units: { input_tokens: billed.input } },
    response_type: "embeddings_by_type",
  }),
  stream: () => [],
  error,
};

function historyOf(body: Readonly<Record<string, unknown>>): readonly unknown[] {
  const history = Array.isArray(body["chat_history"]) ? body["chat_history"] : [];
  return history.map((turn: unknown) => (isRecord(turn) ? { role: turn["role"], content: turn["message"] } : turn));
}

function wholeV1(call: SimulatedCall, reply: SimulatedReply): object {
  const tokens = reply.choices[0]?.tokens ?? [];
  return {
    response_id: reply.id,
    generation_id: reply.id,
    text: call.tool === undefined ? tokens.join("") : "",
    ...(call.tool === undefined ? {} : { tool_calls: [toolCallV1(call.tool, tokens)] }),
    chat_history: [],
    finish_reason: finishReason(call, reply),
    meta: { api_version: { version: "1" }, ...usage(reply) },
  };
}

function parseChat(body: Readonly<Record<string, unknown>>): SimulatedCall | ProviderError {
  const messages = Array.isArray(body["messages"]) ? (body["messages"] as readonly unknown[]) : [];
  if (messages.length === 0) return invalidRequest("invalid request: messages must not be empty");
  const outputBound = readBound(body, "max_tokens", 1);
  if (typeof outputBound === "object") return outputBound;
  const tools = Array.isArray(body["tools"]) ? [{ role: "tools", text: JSON.stringify(body["tools"]) }] : [];
  const prompt = [...tools, ...messages.map(readMessage)];
  return toCall(body, { outputBound, choices: 1, prompt, tool: toolToCall(body, messages) });
}

function toolToCall(body: Readonly<Record<string, unknown>>, messages: readonly unknown[]): string | undefined {
  if (messages.some((message) => isRecord(message) && message["role"] === "tool")) return undefined;
  if (Array.isArray(body["tool_results"])) return undefined;
  const [tool] = Array.isArray(body["tools"]) ? (body["tools"] as readonly unknown[]) : [];
  // The tools of v1 have their names outside.
  const named = isRecord(tool) ? (tool["function"] ?? tool) : undefined;
  return isRecord(named) ? String(named["name"]) : undefined;
}

function readMessage(message: unknown): PromptPart {
  const { role, content, tool_calls: calls } = isRecord(message) ? message : {};
  return { role: String(role), text: readOpenaiContent(content) + (calls === undefined ? "" : JSON.stringify(calls)) };
}

function toCall(
  body: Readonly<Record<string, unknown>>,
  call: Pick<SimulatedCall, "outputBound" | "choices" | "prompt" | "tool">,
): SimulatedCall | ProviderError {
  const modelName = String(body["model"]);
  const model = findModel("cohere", modelName);
  if (model === undefined) {
    const message = `model '${modelName}' not found, make sure the correct model ID was used`;
    return { status: 404, type: "not_found", code: null, param: null, message };
  }
  return { ...call, model, modelName, stream: body["stream"] === true, includeUsage: true };
}

function messageOf({ tool }: SimulatedCall, tokens: readonly string[]): object {
  const text = tokens.join("");
  if (tool === undefined) return { role: "assistant", content: [{ type: "text", text }] };
  return { role: "assistant", tool_plan: "", tool_calls: [toolCall(tool, JSON.stringify({ text }))] };
}

function toolCall(name: string, text: string): object {
  return { id: "call_1", type: "function", function: { name, arguments: text } };
}

/** The calls of v1 have no ids. */
function toolCallV1(name: string, tokens: readonly string[]): object {
  return { name, parameters: { text: tokens.join("") } };
}

function finishReason({ tool }: SimulatedCall, { choices }: SimulatedReply): string {
  if (choices[0]?.isCut === true) return "MAX_TOKENS";
  return tool === undefined ? "COMPLETE" : "TOOL_CALL";
}

function usage({ billed }: SimulatedReply): object {
  return {
    billed_units: { input_tokens: billed.input, output_tokens: billed.output },
    tokens: { input_tokens: billed.input + PREAMBLE_TOKENS, output_tokens: billed.output },
  };
}

function* stream(call: SimulatedCall, reply: SimulatedReply, tokensPerChunk: number): Generator<StreamPiece> {
  const tokens = reply.choices[0]?.tokens ?? [];
  let outputTokens = 0;
  const event = (type: string, fields: Readonly<Record<string, unknown>>): StreamPiece => ({
    text: serverSentEvent({ type, ...fields }, type),
    outputTokens,
  });
  const part = (message: object): Readonly<Record<string, unknown>> => ({ index: 0, delta: { message } });
  yield event("message-start", { id: reply.id, delta: { message: { role: "assistant", content: [] } } });
  if (call.tool === undefined) {
    yield event("content-start", part({ content: { type: "text", text: "" } }));
    for (const { text, count } of inChunks(tokens, tokensPerChunk)) {
      outputTokens += count;
      yield event("content-delta", part({ content: { text } }));
    }
    yield event("content-end", { index: 0 });
  } else {
    yield event("tool-call-start", part({ tool_calls: toolCall(call.tool, "") }));
    outputTokens += tokens.length;
    const text = JSON.stringify({ text: tokens.join("") });
    yield event("tool-call-delta", part({ tool_calls: { function: { arguments: text } } }));
    yield event("tool-call-end", { index: 0 });
  }
  yield event("message-end", { delta: { finish_reason: finishReason(call, reply), usage: usage(reply) } });
}
