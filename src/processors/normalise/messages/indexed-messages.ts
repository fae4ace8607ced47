/** Messages that are spread over numbered keys: `llm.input_messages.0.message.role`, `gen_ai.prompt.0.content`. */
import { textAttribute } from "../../../pdata/attribute-read.ts";
import type { Attributes } from "../../../pdata/span.ts";
import { type ChatMessage, textPart, toolCall } from "./chat-message.ts";

/** As many as a span may have attributes for. */
const MESSAGES_MAX = 512;
const ITEMS_MAX = 64;

export interface IndexedKeys {
  readonly prefix: string;
  /** Between the number and the field: `message.` in OpenInference, nothing in OpenLLMetry. */
  readonly member: string;
  /** Where a message says none. */
  readonly role: string;
}

/** Ends at the first number that has neither a role nor content. */
export function indexedMessages(attributes: Attributes, { prefix, member, role }: IndexedKeys): readonly ChatMessage[] {
  const messages: ChatMessage[] = [];
  for (let index = 0; index < MESSAGES_MAX; index += 1) {
    const base = `${prefix}.${index}.${member}`;
    const said = textAttribute(attributes, `${base}role`);
    const parts = partsAt(attributes, base);
    if (said === "" && parts.length === 0) return messages;
    if (parts.length > 0) messages.push({ role: said || role, parts });
  }
  return messages;
}

function partsAt(attributes: Attributes, base: string): ChatMessage["parts"] {
  const text = textAttribute(attributes, `${base}content`);
  return [
    ...(text === "" ? [] : [textPart(text)]),
    ...contentsAt(attributes, base),
    ...toolCallsAt(attributes, `${base}tool_calls`),
  ];
}

function contentsAt(attributes: Attributes, base: string): ChatMessage["parts"] {
  const parts: ReturnType<typeof textPart>[] = [];
  for (let index = 0; index < ITEMS_MAX; index += 1) {
    const text = textAttribute(attributes, `${base}contents.${index}.message_content.text`);
    if (text === "") return parts;
    parts.push(textPart(text));
  }
  return parts;
}

/** OpenInference puts a call under `tool_call.`, OpenLLMetry directly. */
function toolCallsAt(attributes: Attributes, base: string): ChatMessage["parts"] {
  const parts: ReturnType<typeof textPart>[] = [];
  for (let index = 0; index < ITEMS_MAX; index += 1) {
    const text = (field: string): string => textAttribute(attributes, `${base}.${index}.${field}`);
    const name = text("tool_call.function.name") || text("name");
    if (name === "") return parts;
    const id = text("tool_call.id") || text("id");
    const call = { name, arguments: text("tool_call.function.arguments") || text("arguments") };
    parts.push(...toolCall({ id, function: call }));
  }
  return parts;
}
