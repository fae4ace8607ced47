/**
 * The messages of a call under their current names, from whatever dialect brought them. Content is not kept unless
 * somebody asks for it (`processors.redact.content`), and this costs more than all the rest of a span together, so it
 * runs only with `processors.normalise.messages: true`.
 */
import { ATTR_GEN_AI_INPUT_MESSAGES, ATTR_GEN_AI_OUTPUT_MESSAGES } from "@tollgate/instrumentation/semconv";
import { textAttribute } from "../../../pdata/attribute-read.ts";
import type { Attributes } from "../../../pdata/span.ts";
import { type ChatMessage, chatMessages, isJson, textPart, toolCall } from "./chat-message.ts";
import { indexedMessages } from "./indexed-messages.ts";

/** A longer one stays under its own name only. */
const LENGTH_MAX = 1_048_576;

type Read = (attributes: Attributes) => readonly ChatMessage[];

/** In the order in which they are believed. */
const INPUTS: readonly Read[] = [
  (attributes) => chatMessages(parsed(attributes, "ai.prompt.messages"), "user"),
  (attributes) => indexedMessages(attributes, { prefix: "llm.input_messages", member: "message.", role: "user" }),
  (attributes) => indexedMessages(attributes, { prefix: "gen_ai.prompt", member: "", role: "user" }),
  (attributes) => requestMessages(parsed(attributes, "langfuse.observation.input")),
  (attributes) => requestMessages(parsed(attributes, "mlflow.spanInputs")),
];
const OUTPUTS: readonly Read[] = [
  vercelAnswer,
  (attributes) => indexedMessages(attributes, { prefix: "llm.output_messages", member: "message.", role: "assistant" }),
  (attributes) => indexedMessages(attributes, { prefix: "gen_ai.completion", member: "", role: "assistant" }),
  (attributes) => answerMessages(parsed(attributes, "langfuse.observation.output")),
  (attributes) => answerMessages(parsed(attributes, "mlflow.spanOutputs")),
];

/** Adds `gen_ai.input.messages` and `gen_ai.output.messages` (JSON) where they are missing and another name has them. */
export function normaliseMessages(attributes: Attributes): void {
  add(attributes, { key: ATTR_GEN_AI_INPUT_MESSAGES, reads: INPUTS });
  add(attributes, { key: ATTR_GEN_AI_OUTPUT_MESSAGES, reads: OUTPUTS });
}

function add(attributes: Attributes, { key, reads }: { readonly key: string; readonly reads: readonly Read[] }): void {
  if (attributes.has(key)) return;
  for (const read of reads) {
    const messages = read(attributes);
    if (messages.length === 0) continue;
    attributes.set(key, JSON.stringify(messages));
    return;
  }
}

function vercelAnswer(attributes: Attributes): readonly ChatMessage[] {
  const text = textAttribute(attributes, "ai.response.text") || textAttribute(attributes, "ai.response.object");
  const calls = parsed(attributes, "ai.response.toolCalls");
  const parts = [...(text === "" ? [] : [textPart(text)]), ...(Array.isArray(calls) ? calls.flatMap(toolCall) : [])];
  return parts.length === 0 ? [] : [{ role: "assistant", parts }];
}

/** A request's body, or only its messages. */
function requestMessages(value: unknown): readonly ChatMessage[] {
  if (!isJson(value)) return chatMessages(value, "user");
  return chatMessages(value["messages"] ?? value["input"] ?? value["prompt"] ?? value, "user");
}

/** An answer's body (`choices`, `content`), or only its message. */
function answerMessages(value: unknown): readonly ChatMessage[] {
  if (!isJson(value) || !Array.isArray(value["choices"])) return chatMessages(value, "assistant");
  return value["choices"].flatMap((choice) =>
    chatMessages(isJson(choice) ? choice["message"] : undefined, "assistant"),
  );
}

function parsed(attributes: Attributes, key: string): unknown {
  const text = textAttribute(attributes, key);
  if (text === "" || text.length > LENGTH_MAX) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
