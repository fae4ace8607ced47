import { asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";

/** A message with `text` and no usage: JSON, or the events of a stream. */
export function blockedMessage(body: Body, text: string): string {
  const message = (content: readonly object[], stop: string | null): object => ({
    id: "msg_tollgate",
    type: "message",
    role: "assistant",
    model: asText(body["model"]) ?? "",
    content,
    stop_reason: stop,
    stop_sequence: null,
    usage: ZERO_USAGE,
  });
  if (body["stream"] !== true) return JSON.stringify(message([{ type: "text", text, citations: null }], "end_turn"));
  const events = [
    { type: "message_start", message: message([], null) },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "", citations: null } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 0 } },
    { type: "message_stop" },
  ];
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
}

const ZERO_USAGE = {
  input_tokens: 0,
  output_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};
