/**
 * Anthropic messages on the wire.
 * https://platform.claude.com/docs/en/api/messages · …/build-with-claude/streaming (usage: message_start, then cumulative in message_delta)
 */
import {
  invalidRequest,
  inChunks,
  isProviderError,
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
import { findModel, type SimulatedModel } from "./prices.ts";

const TOOL_ID = "toolu_1";

export const anthropicMessages: Dialect = {
  provider: "anthropic",
  path: "/v1/messages",
  requestIdHeader: "request-id",
  parse,
  json(call, reply) {
    return {
      ...message(call, reply),
      content: [contentOf(call, reply.choices[0]?.tokens ?? [])],
      stop_reason: stopReason(call, reply),
      usage: fullUsage(reply, reply.billed.output),
    };
  },
  stream,
  error: (error) => ({ type: "error", error: { type: error.type, message: error.message } }),
};

function atHalfPrice(model: SimulatedModel): SimulatedModel {
  const half = Object.entries(model.nanoUsdPerMillion).map(([kind, rate]: [string, bigint]) => [kind, rate / 2n]);
  return { ...model, nanoUsdPerMillion: Object.fromEntries(half) as SimulatedModel["nanoUsdPerMillion"] };
}

const VERTEX_PATH = /\/publishers\/anthropic\/models\/([^/:]+):(rawPredict|streamRawPredict)$/;

/** As Vertex AI serves it: the model is in the path. https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude */
export const vertexMessages: Dialect = {
  ...anthropicMessages,
  path(path) {
    const [, model = "", method] = VERTEX_PATH.exec(path) ?? [];
    if (method === undefined) return undefined;
    return { model: decodeURIComponent(model), stream: method === "streamRawPredict" };
  },
};

/** Answered later, and billed here at once: half the price of all its answers. https://platform.claude.com/docs/en/api/creating-message-batches */
export const anthropicBatches: Dialect = {
  ...anthropicMessages,
  path: "/v1/messages/batches",
  parse(body) {
    const requests = Array.isArray(body["requests"]) ? (body["requests"] as readonly unknown[]) : [];
    const calls = requests.map((request) =>
      parse(isRecord(request) && isRecord(request["params"]) ? request["params"] : {}),
    );
    const refused = calls.find((call) => isProviderError(call));
    const known = calls.filter((call): call is SimulatedCall => !isProviderError(call));
    const [first] = known;
    if (first === undefined || refused !== undefined) return refused ?? invalidRequest("requests: Field required");
    return {
      ...first,
      model: atHalfPrice(first.model),
      choices: known.length,
      prompt: known.flatMap(({ prompt }) => prompt),
    };
  },
  json: (call, { id, createdUnixS }) => ({
    id: `msgbatch_${id}`,
    type: "message_batch",
    processing_status: "in_progress",
    request_counts: { processing: call.choices, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
    created_at: new Date(createdUnixS * 1_000).toISOString(),
    results_url: null,
  }),
  stream: () => [],
};

function parse(body: Readonly<Record<string, unknown>>): SimulatedCall | ProviderError {
  const name = body["model"];
  if (typeof name !== "string") return invalidRequest("model: Field required");
  const model = findModel("anthropic", name);
  if (model === undefined) {
    return { status: 404, type: "not_found_error", code: null, param: null, message: `model: ${name}` };
  }
  if (!Array.isArray(body["messages"]) || body["messages"].length === 0) {
    return invalidRequest("messages: at least one message is required");
  }
  const outputBound = readBound(body, "max_tokens", 1);
  if (outputBound === undefined) return invalidRequest("max_tokens: Field required");
  if (typeof outputBound === "object") return outputBound;
  if (outputBound > model.maxOutputTokens) {
    return invalidRequest(
      `max_tokens: ${outputBound} > ${model.maxOutputTokens}, which is the maximum allowed number of output tokens for ${name}`,
    );
  }
  return {
    model,
    modelName: name,
    stream: body["stream"] === true,
    includeUsage: true,
    outputBound,
    choices: 1,
    prompt: readPrompt(body),
    tool: toolToCall(body),
  };
}

/** The first tool of the app's own, unless the conversation already has a result of one. */
function toolToCall(body: Readonly<Record<string, unknown>>): string | undefined {
  if (JSON.stringify(body["messages"]).includes('"tool_result"')) return undefined;
  const tools = Array.isArray(body["tools"]) ? (body["tools"] as readonly unknown[]) : [];
  const own = tools.find((tool) => isRecord(tool) && tool["input_schema"] !== undefined);
  return isRecord(own) ? String(own["name"]) : undefined;
}

/** A text, or a call of the tool with the text in its input. */
function contentOf({ tool }: SimulatedCall, tokens: readonly string[]): object {
  const text = tokens.join("");
  return tool === undefined ? { type: "text", text } : { type: "tool_use", id: TOOL_ID, name: tool, input: { text } };
}

/** In the order in which the cache sees it: tools, system, messages. */
function readPrompt(body: Readonly<Record<string, unknown>>): PromptPart[] {
  const parts: PromptPart[] = [];
  for (const tool of Array.isArray(body["tools"]) ? (body["tools"] as readonly unknown[]) : []) {
    parts.push(part("tools", tool, JSON.stringify(tool)));
  }
  parts.push(...readContent("system", body["system"]));
  for (const item of body["messages"] as readonly unknown[]) {
    if (isRecord(item)) parts.push(...readContent(String(item["role"]), item["content"]));
  }
  return parts;
}

function readContent(role: string, content: unknown): PromptPart[] {
  if (typeof content === "string") return [{ role, text: content }];
  if (!Array.isArray(content)) return [];
  return content.map((block: unknown) =>
    part(role, block, isRecord(block) && typeof block["text"] === "string" ? block["text"] : JSON.stringify(block)),
  );
}

function part(role: string, block: unknown, text: string): PromptPart {
  const control = isRecord(block) ? block["cache_control"] : undefined;
  if (!isRecord(control)) return { role, text };
  return { role, text, cache: control["ttl"] === "1h" ? "1h" : "5m" };
}

function* stream(call: SimulatedCall, reply: SimulatedReply, tokensPerChunk: number): Generator<StreamPiece> {
  let outputTokens = 0;
  const event = (type: string, fields: Readonly<Record<string, unknown>>): StreamPiece => ({
    text: serverSentEvent({ type, ...fields }, type),
    outputTokens,
  });
  yield event("message_start", {
    message: { ...message(call, reply), content: [], stop_reason: null, usage: fullUsage(reply, 1) },
  });
  const { tool } = call;
  const opening = tool === undefined ? contentOf(call, []) : { type: "tool_use", id: TOOL_ID, name: tool, input: {} };
  yield event("content_block_start", { index: 0, content_block: opening });
  yield event("ping", {});
  const delta = (text: string): StreamPiece =>
    event("content_block_delta", {
      index: 0,
      delta: tool === undefined ? { type: "text_delta", text } : { type: "input_json_delta", partial_json: text },
    });
  if (tool !== undefined) yield delta('{"text":"');
  for (const { text, count } of inChunks(reply.choices[0]?.tokens ?? [], tokensPerChunk)) {
    outputTokens += count;
    yield delta(text);
  }
  if (tool !== undefined) yield delta('"}');
  yield event("content_block_stop", { index: 0 });
  yield event("message_delta", {
    delta: { stop_reason: stopReason(call, reply), stop_sequence: null },
    usage: usage(reply, reply.billed.output),
  });
  yield event("message_stop", {});
}

function message(call: SimulatedCall, reply: SimulatedReply): Readonly<Record<string, unknown>> {
  return {
    id: `msg_${reply.id}`,
    type: "message",
    role: "assistant",
    model: call.model.snapshot,
    stop_sequence: null,
  };
}

/** `input_tokens` excludes what went into or came from the cache, other than in OpenAI's formats. */
function usage({ billed }: SimulatedReply, outputTokens: number): Readonly<Record<string, unknown>> {
  return {
    input_tokens: billed.input,
    cache_creation_input_tokens: billed.cacheWrite5m + billed.cacheWrite1h,
    cache_read_input_tokens: billed.cacheRead,
    output_tokens: outputTokens,
  };
}

/** The split of cache writes by their life comes with the message only, never with a `message_delta`. */
function fullUsage(reply: SimulatedReply, outputTokens: number): Readonly<Record<string, unknown>> {
  return {
    ...usage(reply, outputTokens),
    cache_creation: {
      ephemeral_5m_input_tokens: reply.billed.cacheWrite5m,
      ephemeral_1h_input_tokens: reply.billed.cacheWrite1h,
    },
    service_tier: "standard",
  };
}

function stopReason({ tool }: SimulatedCall, reply: SimulatedReply): string {
  if (reply.choices[0]?.isCut === true) return "max_tokens";
  return tool === undefined ? "end_turn" : "tool_use";
}
