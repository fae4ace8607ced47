/** Ollama's chat, generate and embed on the wire: streams are lines of JSON. https://docs.ollama.com/api */
import {
  inChunks,
  invalidRequest,
  isRecord,
  readBound,
  type Dialect,
  type PromptPart,
  type ProviderError,
  type SimulatedCall,
  type SimulatedReply,
  type StreamPiece,
} from "./dialect.ts";
import { findModel } from "./prices.ts";

const error = ({ message }: ProviderError): unknown => ({ error: message });
const common = { provider: "ollama", requestIdHeader: "x-request-id", streamType: "application/x-ndjson" } as const;

type Said = (call: SimulatedCall, text: string) => object;

function generating(said: Said): Pick<Dialect, "json" | "stream" | "error"> {
  return {
    json: (call, reply) => ({ ...said(call, reply.choices[0]?.tokens.join("") ?? ""), ...head(call), ...end(reply) }),
    *stream(call, reply, tokensPerChunk): Generator<StreamPiece> {
      let outputTokens = 0;
      const line = (fields: object): StreamPiece => ({ text: `${JSON.stringify(fields)}\n`, outputTokens });
      // A tool's call comes whole.
      const size = call.tool === undefined ? tokensPerChunk : Number.MAX_SAFE_INTEGER;
      for (const { text, count } of inChunks(reply.choices[0]?.tokens ?? [], size)) {
        outputTokens += count;
        yield line({ ...head(call), ...said(call, text), done: false });
      }
      yield line({ ...head(call), ...said({ ...call, tool: undefined }, ""), ...end(reply) });
    },
    error,
  };
}

export const ollamaChat: Dialect = {
  ...common,
  path: "/api/chat",
  parse: (body) => {
    const messages = Array.isArray(body["messages"]) ? (body["messages"] as readonly unknown[]) : [];
    const tools = Array.isArray(body["tools"]) ? (body["tools"] as readonly unknown[]) : [];
    const offered = tools.length === 0 ? [] : [{ role: "tools", text: JSON.stringify(tools) }];
    return toCall(body, [...offered, ...messages.map(readMessage)], toolToCall(tools, messages));
  },
  ...generating(({ tool }, text) => ({
    message:
      tool === undefined
        ? { role: "assistant", content: text }
        : { role: "assistant", content: "", tool_calls: [{ function: { name: tool, arguments: { text } } }] },
  })),
};

export const ollamaGenerate: Dialect = {
  ...common,
  path: "/api/generate",
  parse: (body) => toCall(body, [{ role: "user", text: String(body["prompt"]) }]),
  ...generating((_call, response) => ({ response })),
};

export const ollamaEmbed: Dialect = {
  ...common,
  path: "/api/embed",
  parse(body) {
    const inputs: readonly unknown[] = Array.isArray(body["input"]) ? body["input"] : [body["input"]];
    const prompt = inputs.map((input) => ({ role: "input", text: String(input) }));
    const call = toCall({ ...body, stream: false }, prompt);
    return "status" in call ? call : { ...call, choices: 0 };
  },
  json: (call, { billed }) => ({
    model: call.modelName,
    embeddings: call.prompt.map(({ text }) => [text.length, 0.5, -0.5]),
    prompt_eval_count: billed.input,
  }),
  stream: () => [],
  error,
};

function toolToCall(tools: readonly unknown[], messages: readonly unknown[]): string | undefined {
  if (messages.some((message) => isRecord(message) && message["role"] === "tool")) return undefined;
  const [tool] = tools;
  const named = isRecord(tool) ? tool["function"] : undefined;
  return isRecord(named) ? String(named["name"]) : undefined;
}

function readMessage(message: unknown): PromptPart {
  const { role, content, tool_calls: calls } = isRecord(message) ? message : {};
  return { role: String(role), text: String(content) + (calls === undefined ? "" : JSON.stringify(calls)) };
}

function toCall(
  body: Readonly<Record<string, unknown>>,
  prompt: readonly PromptPart[],
  tool?: string,
): SimulatedCall | ProviderError {
  const modelName = String(body["model"]);
  const model = findModel("ollama", modelName);
  if (model === undefined) {
    const message = `model '${modelName}' not found`;
    return { status: 404, type: "not_found", code: null, param: null, message };
  }
  if (prompt.length === 0) return invalidRequest("missing request body");
  const options = isRecord(body["options"]) ? body["options"] : {};
  const outputBound = readBound(options, "num_predict", 1);
  if (typeof outputBound === "object") return outputBound;
  const stream = body["stream"] !== false;
  return { model, modelName, stream, includeUsage: true, outputBound, choices: 1, prompt, tool };
}

function head({ modelName }: SimulatedCall): object {
  return { model: modelName, created_at: "2026-11-21T00:00:00Z" };
}

function end({ billed, choices }: SimulatedReply): object {
  return {
    done: true,
    done_reason: choices[0]?.isCut === true ? "length" : "stop",
    total_duration: 1_000_000,
    load_duration: 1_000,
    prompt_eval_count: billed.input,
    prompt_eval_duration: 1_000,
    eval_count: billed.output,
    eval_duration: 1_000,
  };
}
