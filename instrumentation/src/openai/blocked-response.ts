import { asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";

const ID = "resp_tollgate";
const ITEM_ID = "msg_tollgate";

/** An answer of the Responses API with `text` and no usage: JSON, or the events of a stream. */
export function blockedResponse(body: Body, text: string): string {
  const part = { type: "output_text", text, annotations: [] };
  const item = { id: ITEM_ID, type: "message", role: "assistant", status: "completed", content: [part] };
  const response = (status: string, output: readonly object[]): object => ({
    id: ID,
    object: "response",
    created_at: Math.floor(Date.now() / 1_000),
    status,
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model: asText(body["model"]) ?? "",
    output,
    parallel_tool_calls: true,
    temperature: null,
    tool_choice: "auto",
    tools: [],
    top_p: null,
    ...(status === "completed" ? { usage: ZERO_USAGE } : {}),
  });
  const completed = response("completed", [item]);
  if (body["stream"] !== true) return JSON.stringify(completed);
  const place = { item_id: ITEM_ID, output_index: 0, content_index: 0 };
  const emptyItem = { ...item, status: "in_progress", content: [] };
  const events = [
    { type: "response.created", response: response("in_progress", []) },
    { type: "response.output_item.added", output_index: 0, item: emptyItem },
    { type: "response.content_part.added", ...place, part: { ...part, text: "" } },
    { type: "response.output_text.delta", ...place, delta: text, logprobs: [] },
    { type: "response.output_text.done", ...place, text, logprobs: [] },
    { type: "response.content_part.done", ...place, part },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: completed },
  ];
  return events
    .map(
      (event, sequence) => `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number: sequence })}\n\n`,
    )
    .join("");
}

const ZERO_USAGE = {
  input_tokens: 0,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 0,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 0,
};
