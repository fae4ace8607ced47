/** An answer with a text and no usage: JSON, or the events of a stream; those of v1 are lines of JSON. */
import type { Body } from "../gate/endpoint.ts";

const ID = "tollgate";
const ZERO = { billed_units: { input_tokens: 0, output_tokens: 0 }, tokens: { input_tokens: 0, output_tokens: 0 } };

export function blockedV2(body: Body, text: string): string {
  const end = { finish_reason: "COMPLETE", usage: ZERO };
  if (body["stream"] !== true) {
    return JSON.stringify({ id: ID, message: { role: "assistant", content: [{ type: "text", text }] }, ...end });
  }
  return events([
    { type: "message-start", id: ID, delta: { message: { role: "assistant", content: [] } } },
    { type: "content-start", index: 0, delta: { message: { content: { type: "text", text: "" } } } },
    { type: "content-delta", index: 0, delta: { message: { content: { text } } } },
    { type: "content-end", index: 0 },
    { type: "message-end", delta: end },
  ]);
}

export function blockedV1(body: Body, text: string): string {
  const answer = { text, generation_id: ID, response_id: ID, finish_reason: "COMPLETE", meta: ZERO };
  if (body["stream"] !== true) return JSON.stringify(answer);
  const lines = [
    { event_type: "stream-start", is_finished: false, generation_id: ID },
    { event_type: "text-generation", is_finished: false, text },
    { event_type: "stream-end", is_finished: true, finish_reason: "COMPLETE", response: answer },
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

function events(list: readonly object[]): string {
  return list.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
}
