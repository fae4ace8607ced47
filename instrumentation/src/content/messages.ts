/**
 * What people, models and tools said to each other, in the form of the GenAI conventions (messages of parts), read by shape from the
 * requests and answers of the formats that are gated. Media is named and not copied. Pure.
 * https://github.com/open-telemetry/semantic-conventions-genai
 */
import { asArray, asBody, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";

export type Part = Readonly<Record<string, unknown>> & { readonly type: string };

export interface Message {
  readonly role: string;
  readonly parts: readonly Part[];
  readonly finish_reason?: string;
}

export interface InputContent {
  readonly system: readonly Part[];
  readonly messages: readonly Message[];
}

/** What a request says. */
export function inputContent(body: Body): InputContent {
  const system = body["system"] ?? body["instructions"] ?? asBody(body["config"])?.["systemInstruction"];
  const given = body["messages"] ?? body["input"] ?? body["contents"] ?? body["content"] ?? body["prompt"];
  return { system: partsOf(system), messages: messagesOf(given) };
}

/** What a whole answer says; the last event of a stream may hold one. */
export function outputContent(answer: unknown): readonly Message[] {
  const body = asBody(answer) ?? {};
  const choices = asArray(body["choices"]).map((value) => {
    const choice = asBody(value) ?? {};
    return finished(messageOf(choice["message"], "assistant"), choice["finish_reason"]);
  });
  const candidates = asArray(body["candidates"]).map((value) => {
    const candidate = asBody(value) ?? {};
    return finished(messageOf(candidate["content"], "model"), candidate["finishReason"]);
  });
  const own = body["content"] ?? body["message"] ?? body["output"];
  const parts = partsOf(own);
  const single =
    parts.length === 0 ? [] : [finished({ role: "assistant", parts }, body["stop_reason"] ?? body["status"])];
  return [...choices, ...candidates, ...single];
}

function finished(message: Message, reason: unknown): Message {
  return typeof reason === "string" ? { ...message, finish_reason: reason } : message;
}

function messagesOf(given: unknown): readonly Message[] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given)) return [messageOf(given, "user")];
  // Plain parts side by side are one message.
  const isList = given.some((item) => "role" in (asBody(item) ?? {}) || "parts" in (asBody(item) ?? {}));
  return isList ? given.map((item) => messageOf(item, "user")) : [{ role: "user", parts: partsOf(given) }];
}

function messageOf(value: unknown, role: string): Message {
  const body = asBody(value);
  if (body === undefined) return { role, parts: partsOf(value) };
  const own = asText(body["role"]) ?? role;
  if (body["tool_call_id"] !== undefined) {
    return { role: own, parts: [toolResponse(body["tool_call_id"], body["content"])] };
  }
  const isBare = body["content"] === undefined && body["parts"] === undefined;
  const parts = isBare && body["role"] === undefined ? partsOf([body]) : partsOf(body["content"] ?? body["parts"]);
  const refusal = asText(body["refusal"]);
  const calls = asArray(body["tool_calls"]).map((call) => toolCall(asBody(call) ?? {}));
  return { role: own, parts: [...parts, ...(refusal === undefined ? [] : [text(refusal)]), ...calls] };
}

function partsOf(content: unknown): readonly Part[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return [text(content)];
  if (Array.isArray(content))
    return content.flatMap((item) => (typeof item === "string" ? [text(item)] : partOf(item)));
  const body = asBody(content);
  return body === undefined ? [] : partsOf(body["parts"] ?? body["content"] ?? [body]);
}

function partOf(value: unknown): readonly Part[] {
  const part = asBody(value);
  if (part === undefined) return [];
  const said = asText(part["text"]);
  if (said !== undefined) return [part["thought"] === true ? reasoning(said) : text(said)];
  const type = asText(part["type"]);
  switch (type) {
    case "thinking":
      return [reasoning(part["thinking"])];
    case "reasoning":
      return asArray(part["summary"]).map((item) => reasoning(asBody(item)?.["text"]));
    case "refusal":
      return [text(part["refusal"])];
    case "message":
      return partsOf(part["content"]);
    case "tool_use":
    case "function_call":
    case "custom_tool_call":
      return [toolCall(part)];
    case "tool_result":
      return [toolResponse(part["tool_use_id"], part["content"])];
    case "function_call_output":
    case "custom_tool_call_output":
      return [toolResponse(part["call_id"], part["output"])];
    default:
  }
  if (part["functionCall"] !== undefined) return [toolCall(asBody(part["functionCall"]) ?? {})];
  const response = asBody(part["functionResponse"]);
  if (response !== undefined) return [toolResponse(response["id"] ?? response["name"], response["response"])];
  if ("parts" in part || "content" in part) return partsOf(part["parts"] ?? part["content"]);
  return [{ type: type ?? Object.keys(part)[0] ?? "unknown" }];
}

function text(content: unknown): Part {
  return { type: "text", content: asText(content) ?? "" };
}

function reasoning(content: unknown): Part {
  return { type: "reasoning", content: asText(content) ?? "" };
}

function toolCall(call: Body): Part {
  const own = asBody(call["function"]) ?? asBody(call["custom"]) ?? call;
  const id = asText(call["call_id"] ?? call["id"]);
  const input = own["arguments"] ?? own["args"] ?? own["input"];
  return { type: "tool_call", ...(id === undefined ? {} : { id }), name: asText(own["name"]) ?? "", arguments: input };
}

function toolResponse(id: unknown, response: unknown): Part {
  return { type: "tool_call_response", ...(typeof id === "string" ? { id } : {}), response };
}
