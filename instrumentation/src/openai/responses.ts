/** POST /responses (https://platform.openai.com/docs/api-reference/responses/create). */
import { asArray, asBody, asCount, asText, numberAttributes } from "../gate/endpoint.ts";
import type { AnswerFacts, Body, Endpoint, RequestFacts, Rewrite, StreamReader } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import * as semconv from "../semconv.ts";
import { toldCost } from "./told-cost.ts";
import { textBytes } from "./chat-completions.ts";
import { lessEffort } from "../gate/downgrade.ts";
import { firstOf, standInsOf } from "../gate/stand-ins.ts";
import { hidesReasoning } from "./reasoning.ts";
import { readImageUsage } from "./images.ts";
import { dearerTier, servedTier } from "./tier.ts";
import { blockedResponse } from "./blocked-response.ts";

/** The API refuses less. */
const OUTPUT_TOKENS_LEAST = 16;
/** What the body only points at, so that its text does not tell how much there is. */
const REFERENCES = ["previous_response_id", "conversation", "prompt"] as const;
const TEXT_ITEMS: ReadonlySet<unknown> = new Set([
  undefined,
  "message",
  "function_call",
  "function_call_output",
  "custom_tool_call",
  "custom_tool_call_output",
]);
const TEXT_PARTS: ReadonlySet<unknown> = new Set(["input_text", "output_text", "refusal", "text"]);
const TEXT_TOOLS: ReadonlySet<unknown> = new Set(["function", "custom"]);
/** What draws where the tool does not name a model. https://platform.openai.com/docs/guides/tools-image-generation */
const DRAWING_MODEL = "gpt-image-1";
const TERMINAL: ReadonlySet<unknown> = new Set(["response.completed", "response.incomplete", "response.failed"]);

const NUMBERS = {
  temperature: semconv.ATTR_GEN_AI_REQUEST_TEMPERATURE,
  top_p: semconv.ATTR_GEN_AI_REQUEST_TOP_P,
};

/** As OpenAI serves it, or as somebody does under another name. */
export function responsesOf(provider: string): Endpoint {
  return { ...RESPONSES, provider };
}

const RESPONSES: Omit<Endpoint, "provider"> = {
  operation: semconv.Operation.chat,

  readRequest(body: Body): RequestFacts {
    const model = asText(body["model"]) ?? firstOf(body) ?? "";
    return {
      model,
      isStreamed: body["stream"] === true,
      tier: dearerTier(body),
      choices: 1,
      ...standInsOf(body, model),
      outputBound: asCount(body["max_output_tokens"]),
      outputLeast: OUTPUT_TOKENS_LEAST,
      inputBound: isText(body) ? inputTokensMax(body, { hasTools: asArray(body["tools"]).length > 0 }) : undefined,
      // OpenAI caches unasked, and since gpt-5.6 a write has a price of its own.
      cacheWrites: true,
      // In the background an answer is made to its end, whoever has left its stream.
      hidesOutput: hidesReasoning(model, body) || body["background"] === true,
      attributes: numberAttributes(body, NUMBERS),
    };
  },

  rewrite(body: Body, { model, outputBound, reasoningEffort }: Rewrite): Body {
    const reasoning = asBody(body["reasoning"]);
    const effort = lessEffort(reasoning?.["effort"], reasoningEffort);
    return {
      ...body,
      model,
      ...(outputBound === undefined ? {} : { max_output_tokens: outputBound }),
      ...(effort === undefined ? {} : { reasoning: { ...reasoning, effort } }),
    };
  },

  readAnswer(answer: unknown): AnswerFacts {
    const body = asBody(answer) ?? {};
    const status = asText(body["status"]);
    const reason = asText(asBody(body["incomplete_details"])?.["reason"]) ?? status;
    return {
      id: asText(body["id"]),
      model: asText(body["model"]),
      finishReasons: reason === undefined ? [] : [reason],
      usage: readUsage(body),
      ...servedTier(body),
      ...drawings(body),
      ...toldCost(asBody(body["usage"])),
    };
  },

  streamReader(): StreamReader {
    return new EventReader();
  },

  blockedAnswer: blockedResponse,
};

export const responses: Endpoint = responsesOf(semconv.Provider.openai);

class EventReader implements StreamReader {
  #facts: AnswerFacts = { id: undefined, model: undefined, finishReasons: [], usage: undefined };
  #bytes = 0;

  read(event: unknown): unknown {
    const body = asBody(event);
    const type = asText(body?.["type"]);
    if (body === undefined || type === undefined) return event;
    if (type.endsWith(".delta")) this.#bytes += textBytes(body["delta"]);
    else if (type === "response.created" || TERMINAL.has(type)) this.#facts = responses.readAnswer(body["response"]);
    return event;
  }

  facts(): AnswerFacts {
    return this.#facts;
  }

  inputTokens(): undefined {
    return undefined;
  }

  seenBytes(): number {
    return this.#bytes;
  }
}

function isText(body: Body): boolean {
  if (REFERENCES.some((name) => body[name] !== undefined && body[name] !== null)) return false;
  const items = asArray(body["input"]).every((value) => {
    const item = asBody(value) ?? {};
    const parts = item["content"] ?? item["output"];
    return TEXT_ITEMS.has(item["type"]) && asArray(parts).every((part) => TEXT_PARTS.has(asBody(part)?.["type"]));
  });
  return items && asArray(body["tools"]).every((tool) => TEXT_TOOLS.has(asBody(tool)?.["type"]));
}

function readUsage(answer: Body): TokenUsage | undefined {
  const usage = asBody(answer["usage"]);
  const input = asCount(usage?.["input_tokens"]);
  const output = asCount(usage?.["output_tokens"]);
  if (usage === undefined || input === undefined || output === undefined) return undefined;
  const inputParts = asBody(usage["input_tokens_details"]);
  return {
    input,
    output,
    cacheRead: asCount(inputParts?.["cached_tokens"]) ?? 0,
    cacheWrite: asCount(inputParts?.["cache_write_tokens"]) ?? 0,
    cacheWrite1h: 0,
    reasoning: asCount(asBody(usage["output_tokens_details"])?.["reasoning_tokens"]) ?? 0,
    ...hostedCalls(answer),
  };
}

/** Tools that OpenAI runs leave an item each in the output. https://platform.openai.com/docs/pricing#built-in-tools */
function hostedCalls(answer: Body): Pick<TokenUsage, "hostedCalls"> {
  let webSearches = 0;
  let fileSearches = 0;
  let others = 0;
  for (const value of asArray(answer["output"])) {
    const item = asBody(value);
    if (item?.["type"] === "file_search_call") fileSearches += 1;
    else if (isUncounted(answer, item)) others += 1;
    // Opening and reading a page that a search found are items too, and not billed as searches.
    else if (item?.["type"] === "web_search_call" && isSearch(asBody(item["action"]))) webSearches += 1;
  }
  // What is said to be billed counts, where it is said.
  webSearches = Math.max(
    webSearches,
    asCount(asBody(asBody(answer["tool_usage"])?.["web_search"])?.["num_requests"]) ?? 0,
  );
  if (webSearches + fileSearches + others === 0) return {};
  return { hostedCalls: { webSearches, fileSearches, ...(others > 0 && { others }) } };
}

/** Containers are billed by the session, and pictures that nobody counts by their tokens. */
function isUncounted(answer: Body, item: Body | undefined): boolean {
  switch (item?.["type"]) {
    case "code_interpreter_call":
      return true;
    case "shell_call":
      return asText(asBody(item["environment"])?.["type"])?.startsWith("container") === true;
    case "image_generation_call":
      return drawn(answer) === undefined;
    default:
      return false;
  }
}

/** Pictures that a tool has drawn are another model's, and in none of the counts of `usage`. */
function drawings(answer: Body): Pick<AnswerFacts, "others"> {
  const usage = drawn(answer);
  if (usage === undefined || usage.input + usage.output === 0) return {};
  const tool = asArray(answer["tools"])
    .map(asBody)
    .find((one) => one?.["type"] === "image_generation");
  return { others: [{ model: asText(tool?.["model"]) ?? DRAWING_MODEL, usage }] };
}

function drawn(answer: Body): TokenUsage | undefined {
  return readImageUsage(asBody(asBody(answer["tool_usage"])?.["image_gen"]));
}

function isSearch(action: Body | undefined): boolean {
  return action === undefined || action["type"] === "search";
}
