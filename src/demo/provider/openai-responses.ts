/**
 * OpenAI responses on the wire.
 * https://platform.openai.com/docs/api-reference/responses/create · …/responses-streaming (usage on the terminal event)
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

/** The API refuses smaller values of `max_output_tokens`. */
const OUTPUT_TOKENS_MIN = 16;

export const openaiResponses: Dialect = {
  provider: "openai",
  path: "/v1/responses",
  requestIdHeader: "x-request-id",
  parse,
  json: finalResponse,
  stream,
  error: openaiError,
};

/** Its deployments are named in the body. */
export const azureResponses: Dialect = { ...openaiResponses, path: "/openai/responses" };

function parse(body: Readonly<Record<string, unknown>>): SimulatedCall | ProviderError {
  const model = openaiModel(body);
  if ("status" in model) return model;
  const input = body["input"];
  if (typeof input !== "string" && !Array.isArray(input)) {
    return invalidRequest("Missing required parameter: 'input'.", {
      param: "input",
      code: "missing_required_parameter",
    });
  }
  const outputBound = readBound(body, "max_output_tokens", OUTPUT_TOKENS_MIN);
  if (typeof outputBound === "object") return outputBound;
  return {
    model,
    modelName: String(body["model"]),
    stream: body["stream"] === true,
    includeUsage: true,
    outputBound,
    choices: 1,
    prompt: readPrompt(body, input),
    tool: toolToCall(body, input),
  };
}

/** The first function that is offered, unless the conversation already has an output of one. */
function toolToCall(body: Readonly<Record<string, unknown>>, input: string | readonly unknown[]): string | undefined {
  if (JSON.stringify(input).includes('"function_call_output"')) return undefined;
  const tools = Array.isArray(body["tools"]) ? (body["tools"] as readonly unknown[]) : [];
  const first = tools.find((tool) => isRecord(tool) && tool["type"] === "function");
  return isRecord(first) ? String(first["name"]) : undefined;
}

function readPrompt(body: Readonly<Record<string, unknown>>, input: string | readonly unknown[]): PromptPart[] {
  const parts: PromptPart[] = [];
  if (Array.isArray(body["tools"])) parts.push({ role: "tools", text: JSON.stringify(body["tools"]) });
  if (typeof body["instructions"] === "string") parts.push({ role: "developer", text: body["instructions"] });
  if (typeof input === "string") return [...parts, { role: "user", text: input }];
  for (const item of input) {
    if (!isRecord(item)) continue;
    const content = item["content"] === undefined ? JSON.stringify(item) : readOpenaiContent(item["content"]);
    parts.push({ role: typeof item["role"] === "string" ? item["role"] : "item", text: content });
  }
  return parts;
}

function* stream(call: SimulatedCall, reply: SimulatedReply, tokensPerChunk: number): Generator<StreamPiece> {
  let sequence = 0;
  let outputTokens = 0;
  const event = (type: string, fields: Readonly<Record<string, unknown>>): StreamPiece => ({
    text: serverSentEvent({ type, sequence_number: sequence++, ...fields }, type),
    outputTokens,
  });
  const running = response(call, reply, { status: "in_progress", output: [], usage: null });
  yield event("response.created", { response: running });
  yield event("response.in_progress", { response: running });
  const said = call.tool === undefined ? messageEvents(reply) : functionEvents(reply, call.tool);
  yield event("response.output_item.added", { output_index: 0, item: said.opening });
  for (const { type, fields } of said.before) yield event(type, fields);
  for (const { text, count } of inChunks(reply.choices[0]?.tokens ?? [], tokensPerChunk)) {
    outputTokens += count;
    yield event(said.delta, { ...said.at, delta: text, ...said.more });
  }
  for (const { type, fields } of said.after) yield event(type, fields);
  yield event("response.output_item.done", { output_index: 0, item: finalItem(call, reply) });
  const type = isCut(reply) ? "response.incomplete" : "response.completed";
  yield event(type, { response: finalResponse(call, reply) });
}

interface Fields {
  readonly type: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** How an item of the output is streamed. */
interface ItemEvents {
  readonly opening: unknown;
  readonly at: Readonly<Record<string, unknown>>;
  readonly before: readonly Fields[];
  readonly delta: string;
  readonly more?: Readonly<Record<string, unknown>>;
  readonly after: readonly Fields[];
}

function messageEvents(reply: SimulatedReply): ItemEvents {
  const at = { output_index: 0, content_index: 0, item_id: `msg_${reply.id}` };
  const text = textOf(reply);
  return {
    opening: message(reply, { status: "in_progress", content: [] }),
    at,
    before: [{ type: "response.content_part.added", fields: { ...at, part: outputText("") } }],
    delta: "response.output_text.delta",
    more: { logprobs: [] },
    after: [
      { type: "response.output_text.done", fields: { ...at, text, logprobs: [] } },
      { type: "response.content_part.done", fields: { ...at, part: outputText(text) } },
    ],
  };
}

/** The text is in the arguments of the call. */
function functionEvents(reply: SimulatedReply, tool: string): ItemEvents {
  const at = { output_index: 0, item_id: `fc_${reply.id}` };
  const piece = (delta: string): Fields => ({
    type: "response.function_call_arguments.delta",
    fields: { ...at, delta },
  });
  const whole = { ...at, name: tool, arguments: argumentsOf(reply) };
  return {
    opening: functionCall(reply, tool, { status: "in_progress", arguments: "" }),
    at,
    before: [piece('{"text":"')],
    delta: "response.function_call_arguments.delta",
    after: [piece('"}'), { type: "response.function_call_arguments.done", fields: whole }],
  };
}

function argumentsOf(reply: SimulatedReply): string {
  return JSON.stringify({ text: textOf(reply) });
}

function functionCall(reply: SimulatedReply, name: string, state: Readonly<Record<string, unknown>>): unknown {
  return { id: `fc_${reply.id}`, type: "function_call", call_id: "call_1", name, ...state };
}

function finalItem({ tool }: SimulatedCall, reply: SimulatedReply): unknown {
  if (tool === undefined) return finalMessage(reply);
  const status = isCut(reply) ? "incomplete" : "completed";
  return functionCall(reply, tool, { status, arguments: argumentsOf(reply) });
}

function finalResponse(call: SimulatedCall, reply: SimulatedReply): unknown {
  const { billed } = reply;
  const input = billed.input + billed.cacheRead;
  return response(call, reply, {
    status: isCut(reply) ? "incomplete" : "completed",
    output: [finalItem(call, reply)],
    usage: {
      input_tokens: input,
      output_tokens: billed.output,
      total_tokens: input + billed.output,
      ...openaiUsageDetails(billed, { input: "input_tokens_details", output: "output_tokens_details" }),
    },
  });
}

function response(
  call: SimulatedCall,
  reply: SimulatedReply,
  state: { readonly status: string; readonly output: readonly unknown[]; readonly usage: unknown },
): unknown {
  return {
    id: `resp_${reply.id}`,
    object: "response",
    created_at: reply.createdUnixS,
    model: call.model.snapshot,
    error: null,
    incomplete_details: state.status === "incomplete" ? { reason: "max_output_tokens" } : null,
    instructions: null,
    max_output_tokens: call.outputBound ?? null,
    metadata: {},
    parallel_tool_calls: true,
    previous_response_id: null,
    service_tier: "default",
    temperature: 1,
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    ...state,
  };
}

function finalMessage(reply: SimulatedReply): unknown {
  return message(reply, {
    status: isCut(reply) ? "incomplete" : "completed",
    content: [outputText(textOf(reply))],
  });
}

function message(
  reply: SimulatedReply,
  state: { readonly status: string; readonly content: readonly unknown[] },
): unknown {
  return { id: `msg_${reply.id}`, type: "message", role: "assistant", ...state };
}

function outputText(text: string): unknown {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

function textOf(reply: SimulatedReply): string {
  return reply.choices[0]?.tokens.join("") ?? "";
}

function isCut(reply: SimulatedReply): boolean {
  return reply.choices[0]?.isCut === true;
}
