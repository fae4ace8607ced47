/** A request to a chat model of LangChain, in LangChain's own form, for any provider. */
import { asArray, asBody, asChoices, asCount, asText } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, StreamReader } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import { textBytes } from "../openai/chat-completions.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import * as semconv from "../semconv.ts";

/** As `getLsParams` names providers, where the conventions' name is another. */
const PROVIDERS: Readonly<Record<string, string>> = {
  amazon_bedrock: semconv.Provider.awsBedrock,
  azure: semconv.Provider.azureOpenai,
  google_genai: semconv.Provider.gcpGemini,
  google_vertexai: semconv.Provider.gcpVertexAi,
  mistral: "mistral_ai",
  xai: "x_ai",
};
const TEXT_PARTS: ReadonlySet<unknown> = new Set([
  "text",
  "tool_use",
  "tool_result",
  "tool_call",
  "thinking",
  "reasoning",
]);

/** `params` is what the model says of itself (`getLsParams`). The body is `{ messages, options }`. */
export function chatModel(params: Body, isStreamed: boolean): Endpoint {
  const provider = (asText(params["ls_provider"]) ?? "").toLowerCase();
  return {
    provider: Object.hasOwn(PROVIDERS, provider) ? (PROVIDERS[provider] ?? provider) : provider,
    operation: semconv.Operation.chat,
    isModelFixed: true,

    readRequest(body: Body): RequestFacts {
      const options = asBody(body["options"]) ?? {};
      return {
        model: asText(params["ls_model_name"]) ?? "",
        isStreamed,
        tier: "",
        choices: asChoices(options["n"]),
        outputBound: asCount(params["ls_max_tokens"]),
        // Each integration has a name of its own for the bound, so it can't be lowered here: the call fits, or is refused.
        outputLeast: Number.MAX_SAFE_INTEGER,
        inputBound: asArray(body["messages"]).every(isText)
          ? inputTokensMax({ messages: body["messages"], options }, { hasTools: options["tools"] !== undefined })
          : undefined,
        cacheWrites: true,
        hidesOutput: true,
        attributes:
          typeof params["ls_temperature"] === "number"
            ? { [semconv.ATTR_GEN_AI_REQUEST_TEMPERATURE]: params["ls_temperature"] }
            : {},
      };
    },

    rewrite: (body: Body) => ({ ...body }),

    readAnswer(answer: unknown): AnswerFacts {
      const generations = asArray(asBody(answer)?.["generations"]).map((generation) => asBody(generation) ?? {});
      const message = asBody(generations[0]?.["message"]) ?? {};
      return { ...head(message), finishReasons: generations.flatMap(finishReason), usage: readUsage(message) };
    },

    streamReader: () => new ChunkReader(),

    blockedAnswer() {
      throw new Error("models of LangChain are not guarded one by one");
    },
  };
}

/** Each chunk tells what came on top: LangChain adds them up. */
class ChunkReader implements StreamReader {
  #id: string | undefined;
  #model: string | undefined;
  #usage: TokenUsage | undefined;
  readonly #finish: string[] = [];
  #bytes = 0;

  read(event: unknown): unknown {
    const chunk = asBody(event) ?? {};
    const message = asBody(chunk["message"]) ?? {};
    const { id, model } = head(message);
    this.#id ??= id;
    this.#model ??= model;
    this.#finish.push(...finishReason(chunk));
    this.#usage = sum(this.#usage, readUsage(message));
    this.#bytes += textBytes(message["content"]) + textBytes(message["tool_call_chunks"]);
    return event;
  }

  facts(): AnswerFacts {
    // Before the end, what was told of the usage is not all of it.
    const usage = this.#finish.length > 0 ? this.#usage : undefined;
    return { id: this.#id, model: this.#model, finishReasons: this.#finish, usage };
  }

  inputTokens(): undefined {
    return undefined;
  }

  seenBytes(): number {
    return this.#bytes;
  }
}

function isText(message: unknown): boolean {
  const content = asBody(message)?.["content"];
  return asArray(content).every((part) => TEXT_PARTS.has(asBody(part)?.["type"]));
}

function head(message: Body): Pick<AnswerFacts, "id" | "model"> {
  const metadata = asBody(message["response_metadata"]);
  return {
    id: asText(metadata?.["id"]) ?? asText(message["id"]),
    model: asText(metadata?.["model_name"]) ?? asText(metadata?.["model"]),
  };
}

function finishReason(generation: Body): readonly string[] {
  const info = {
    ...asBody(asBody(generation["message"])?.["response_metadata"]),
    ...asBody(generation["generationInfo"]),
  };
  const reason = asText(info["finish_reason"]) ?? asText(info["stop_reason"]) ?? asText(info["finishReason"]);
  return reason === undefined ? [] : [reason];
}

/** `usage_metadata`: input with what was read from a cache and written to it, output with reasoning. */
function readUsage(message: Body): TokenUsage | undefined {
  const usage = asBody(message["usage_metadata"]);
  const [input, output] = [asCount(usage?.["input_tokens"]), asCount(usage?.["output_tokens"])];
  if (usage === undefined || input === undefined || output === undefined) return undefined;
  const [inputs, outputs] = [asBody(usage["input_token_details"]), asBody(usage["output_token_details"])];
  return {
    input,
    output,
    cacheRead: asCount(inputs?.["cache_read"]) ?? 0,
    cacheWrite: asCount(inputs?.["cache_creation"]) ?? 0,
    cacheWrite1h: asCount(inputs?.["ephemeral_1h_input_tokens"]) ?? 0,
    reasoning: asCount(outputs?.["reasoning"]) ?? 0,
  };
}

function sum(left: TokenUsage | undefined, right: TokenUsage | undefined): TokenUsage | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return {
    input: left.input + right.input,
    output: left.output + right.output,
    cacheRead: left.cacheRead + right.cacheRead,
    cacheWrite: left.cacheWrite + right.cacheWrite,
    cacheWrite1h: left.cacheWrite1h + right.cacheWrite1h,
    reasoning: left.reasoning + right.reasoning,
  };
}
