/**
 * Bedrock on the wire: Converse for all models, InvokeModel in Anthropic's and Amazon's own formats; streams in AWS's framing.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
 */
import { anthropicMessages } from "./anthropic-messages.ts";
import {
  inChunks,
  invalidRequest,
  isProviderError,
  isRecord,
  readBound,
  type Dialect,
  type PromptPart,
  type ProviderError,
  type SimulatedCall,
  type SimulatedReply,
  type StreamPiece,
} from "./dialect.ts";
import { eventFrame } from "./event-stream.ts";
import { findModel } from "./prices.ts";

const PATH = /^\/model\/([^/]+)\/(converse|converse-stream|invoke|invoke-with-response-stream)$/;
const STREAM_TYPE = "application/vnd.amazon.eventstream";
const common = {
  provider: "aws",
  requestIdHeader: "x-amzn-requestid",
  streamType: STREAM_TYPE,
  // By this the SDK tells errors apart.
  errorHeaders: ({ status }: ProviderError) => ({
    "x-amzn-errortype": ERROR_NAMES[status] ?? "InternalServerException",
  }),
} as const;

const error = ({ message }: ProviderError): unknown => ({ message });
const ERROR_NAMES: Readonly<Record<number, string>> = {
  400: "ValidationException",
  401: "AccessDeniedException",
  404: "ResourceNotFoundException",
  429: "ThrottlingException",
};

export const bedrockConverse: Dialect = {
  ...common,
  path: (path) => readPath(path, ["converse", "converse-stream"]),
  parse(body) {
    const messages = Array.isArray(body["messages"]) ? (body["messages"] as readonly unknown[]) : [];
    if (messages.length === 0) return invalidRequest("messages: at least one is required");
    const config = isRecord(body["inferenceConfig"]) ? body["inferenceConfig"] : {};
    const tools = isRecord(body["toolConfig"]) ? [{ role: "tools", text: JSON.stringify(body["toolConfig"]) }] : [];
    const prompt = [...tools, ...messages.map(readMessage)];
    return toCall(body, { outputBound: readBound(config, "maxTokens", 1), prompt, tool: toolToCall(body, messages) });
  },
  json: (call, reply) => ({
    output: { message: { role: "assistant", content: [contentOf(call, reply)] } },
    stopReason: stopReason(call, reply),
    usage: usage(reply),
    metrics: { latencyMs: 1 },
  }),
  *stream(call, reply, tokensPerChunk) {
    let outputTokens = 0;
    for (const event of converseEvents(call, reply, tokensPerChunk)) {
      outputTokens = event.outputTokens;
      yield { text: eventFrame(event.type, event.payload), outputTokens };
    }
    yield { text: eventFrame("metadata", { usage: usage(reply), metrics: { latencyMs: 1 } }), outputTokens };
  },
  error,
};

export const bedrockInvoke: Dialect = {
  ...common,
  path: (path) => readPath(path, ["invoke", "invoke-with-response-stream"]),
  parse(body) {
    if (!isAnthropic(body["model"])) return bedrockConverse.parse(body);
    // The same checks as Anthropic's own, but for the model, which Bedrock has in the path.
    const call = anthropicMessages.parse({ ...body, model: "claude-haiku-4-5" });
    if (isProviderError(call)) return call;
    return toCall(body, { outputBound: call.outputBound, prompt: call.prompt, tool: call.tool });
  },
  json: (call, reply) =>
    isAnthropic(call.modelName) ? anthropicMessages.json(call, reply) : bedrockConverse.json(call, reply),
  headers: ({ billed }) => ({
    "x-amzn-bedrock-input-token-count": String(billed.input),
    "x-amzn-bedrock-output-token-count": String(billed.output),
  }),
  *stream(call, reply, tokensPerChunk) {
    const chunk = (json: unknown, outputTokens: number): StreamPiece => {
      const bytes = Buffer.from(JSON.stringify(json)).toString("base64");
      return { text: eventFrame("chunk", { bytes }), outputTokens };
    };
    let outputTokens = 0;
    for (const event of ownEvents(call, reply, tokensPerChunk)) {
      outputTokens = event.outputTokens;
      yield chunk(event.json, outputTokens);
    }
    const metrics = { inputTokenCount: reply.billed.input, outputTokenCount: reply.billed.output };
    yield chunk({ "amazon-bedrock-invocationMetrics": metrics }, outputTokens);
  },
  error,
};

interface ConverseEvent {
  readonly type: string;
  readonly payload: object;
  readonly outputTokens: number;
}

/** What Converse and InvokeModel of a Nova stream alike: all but the usage. */
function* converseEvents(call: SimulatedCall, reply: SimulatedReply, tokensPerChunk: number): Generator<ConverseEvent> {
  let outputTokens = 0;
  const event = (type: string, payload: object): ConverseEvent => ({ type, payload, outputTokens });
  yield event("messageStart", { role: "assistant" });
  const { tool } = call;
  if (tool !== undefined) {
    yield event("contentBlockStart", { contentBlockIndex: 0, start: { toolUse: { toolUseId: "t1", name: tool } } });
  }
  const tokens = reply.choices[0]?.tokens ?? [];
  const pieces = tool === undefined ? inChunks(tokens, tokensPerChunk) : wholeTool(tokens);
  for (const { text, count } of pieces) {
    outputTokens += count;
    const delta = tool === undefined ? { text } : { toolUse: { input: text } };
    yield event("contentBlockDelta", { contentBlockIndex: 0, delta });
  }
  yield event("contentBlockStop", { contentBlockIndex: 0 });
  yield event("messageStop", { stopReason: stopReason(call, reply) });
}

interface OwnEvent {
  readonly json: unknown;
  readonly outputTokens: number;
}

function* ownEvents(call: SimulatedCall, reply: SimulatedReply, tokensPerChunk: number): Generator<OwnEvent> {
  if (!isAnthropic(call.modelName)) {
    for (const { type, payload, outputTokens } of converseEvents(call, reply, tokensPerChunk)) {
      yield { json: { [type]: payload }, outputTokens };
    }
    return;
  }
  for (const { text, outputTokens } of anthropicMessages.stream(call, reply, tokensPerChunk)) {
    const data =
      String(text)
        .split("\n")
        .find((line) => line.startsWith("data: ")) ?? "";
    yield { json: JSON.parse(data.slice(6)), outputTokens };
  }
}

function readPath(path: string, methods: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const [, model = "", method = ""] = PATH.exec(path) ?? [];
  if (!methods.includes(method)) return undefined;
  return { model: decodeURIComponent(model), stream: method.endsWith("stream") };
}

function isAnthropic(model: unknown): boolean {
  return String(model).includes("anthropic.");
}

function toCall(
  body: Readonly<Record<string, unknown>>,
  call: {
    readonly outputBound: number | undefined | ProviderError;
    readonly prompt: readonly PromptPart[];
    readonly tool: string | undefined;
  },
): SimulatedCall | ProviderError {
  const { outputBound } = call;
  if (typeof outputBound === "object") return outputBound;
  const modelName = String(body["model"]);
  const model = findModel("aws", modelName);
  if (model === undefined) return { ...invalidRequest("The provided model identifier is invalid."), status: 400 };
  return { ...call, model, modelName, stream: body["stream"] === true, includeUsage: true, outputBound, choices: 1 };
}

function readMessage(message: unknown): PromptPart {
  const { role, content } = isRecord(message) ? message : {};
  const text = (Array.isArray(content) ? content : [])
    .map((block: unknown) =>
      isRecord(block) && typeof block["text"] === "string" ? block["text"] : JSON.stringify(block),
    )
    .join("");
  return { role: String(role), text };
}

function toolToCall(body: Readonly<Record<string, unknown>>, messages: readonly unknown[]): string | undefined {
  if (JSON.stringify(messages).includes('"toolResult"')) return undefined;
  const tools = isRecord(body["toolConfig"]) ? body["toolConfig"]["tools"] : undefined;
  const [tool] = Array.isArray(tools) ? (tools as readonly unknown[]) : [];
  const spec = isRecord(tool) ? tool["toolSpec"] : undefined;
  return isRecord(spec) ? String(spec["name"]) : undefined;
}

function* wholeTool(tokens: readonly string[]): Generator<{ text: string; count: number }> {
  yield { text: JSON.stringify({ text: tokens.join("") }), count: tokens.length };
}

function contentOf({ tool }: SimulatedCall, { choices }: SimulatedReply): object {
  const text = choices[0]?.tokens.join("") ?? "";
  return tool === undefined ? { text } : { toolUse: { toolUseId: "t1", name: tool, input: { text } } };
}

function stopReason({ tool }: SimulatedCall, { choices }: SimulatedReply): string {
  if (choices[0]?.isCut === true) return "max_tokens";
  return tool === undefined ? "end_turn" : "tool_use";
}

function usage({ billed }: SimulatedReply): object {
  const { input, output } = billed;
  return { inputTokens: input, outputTokens: output, totalTokens: input + output };
}
