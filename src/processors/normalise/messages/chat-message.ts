/**
 * Messages in the shape of the GenAI conventions, `[{role, parts: [{type, …}]}]`, from the shapes that providers and
 * frameworks have: OpenAI's, Anthropic's, the Vercel AI SDK's.
 * https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-input-messages.json
 */
export interface ChatMessage {
  readonly role: string;
  readonly parts: readonly Part[];
}

type Part = Readonly<Record<string, unknown>>;
type Json = Readonly<Record<string, unknown>>;

/** Messages of one list; what is no message is left out. `role` stands in where a message has none. */
export function chatMessages(value: unknown, role: string): readonly ChatMessage[] {
  if (typeof value === "string") return value === "" ? [] : [{ role, parts: [textPart(value)] }];
  const items = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  return items
    .filter(isJson)
    .map((message) => ({ role: textOf(message["role"]) || role, parts: partsOf(message) }))
    .filter(({ parts }) => parts.length > 0);
}

function partsOf(message: Json): readonly Part[] {
  if (Array.isArray(message["parts"])) return message["parts"].filter(isJson);
  const { content } = message;
  const isToolAnswer = textOf(message["role"]) === "tool" && typeof content === "string";
  if (isToolAnswer) return [toolAnswer(textOf(message["tool_call_id"]), content)];
  return [...contentParts(content), ...asList(message["tool_calls"]).flatMap(toolCall)];
}

function contentParts(content: unknown): readonly Part[] {
  if (typeof content === "string") return content === "" ? [] : [textPart(content)];
  return asList(content).flatMap((part) => {
    if (typeof part === "string") return [textPart(part)];
    return isJson(part) ? [convertedPart(part)] : [];
  });
}

/** A part as the conventions have it; one of an unknown type stays as it is, which the conventions allow. */
function convertedPart(part: Json): Part {
  switch (part["type"]) {
    case "text":
    case "input_text":
    case "output_text":
      return textPart(textOf(part["text"]));
    case "thinking":
    case "reasoning":
      return { type: "reasoning", content: textOf(part["thinking"]) || textOf(part["text"]) };
    case "tool_use":
      return { type: "tool_call", id: textOf(part["id"]), name: textOf(part["name"]), arguments: part["input"] };
    case "tool-call":
      return {
        type: "tool_call",
        id: textOf(part["toolCallId"]),
        name: textOf(part["toolName"]),
        arguments: part["input"] ?? part["args"],
      };
    case "tool_result":
      return toolAnswer(textOf(part["tool_use_id"]), part["content"]);
    case "tool-result":
      return toolAnswer(textOf(part["toolCallId"]), part["output"] ?? part["result"]);
    default:
      return part;
  }
}

/** OpenAI's `{id, function: {name, arguments}}` and the Vercel AI SDK's `{toolCallId, toolName, input}`. */
export function toolCall(value: unknown): readonly Part[] {
  if (!isJson(value)) return [];
  const called = isJson(value["function"]) ? value["function"] : {};
  const id = textOf(value["id"]) || textOf(value["toolCallId"]);
  const name = textOf(called["name"]) || textOf(value["toolName"]);
  return [
    { type: "tool_call", id, name, arguments: parsedOrText(called["arguments"] ?? value["input"] ?? value["args"]) },
  ];
}

function toolAnswer(id: string, response: unknown): Part {
  return { type: "tool_call_response", id, response };
}

export function textPart(content: string): Part {
  return { type: "text", content };
}

/** Arguments travel as JSON in a text; one that is no JSON stays a text. */
function parsedOrText(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
