/** The text of a streamed answer, put together from its events by shape; bounded. Tool calls come from `ProposedCalls`. */
import { asArray, asBody, asCount, asText } from "../gate/endpoint.ts";
import type { ProposedCall } from "../gate/proposed-calls.ts";
import type { Message, Part } from "./messages.ts";

export class StreamedText {
  readonly #lengthMax: number;
  readonly #texts = new Map<string, string>();
  readonly #thoughts = new Map<string, string>();
  #length = 0;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  read(event: unknown): void {
    const body = asBody(event);
    if (body === undefined) return;
    for (const value of asArray(body["choices"])) {
      const choice = asBody(value) ?? {};
      const delta = asBody(choice["delta"]);
      const place = String(asCount(choice["index"]) ?? 0);
      this.#add(this.#texts, place, delta?.["content"] ?? delta?.["refusal"]);
      this.#add(this.#thoughts, place, delta?.["reasoning_content"]);
    }
    for (const value of asArray(body["candidates"])) {
      const candidate = asBody(value) ?? {};
      for (const part of asArray(asBody(candidate["content"])?.["parts"])) {
        const { text, thought } = asBody(part) ?? {};
        this.#add(thought === true ? this.#thoughts : this.#texts, String(asCount(candidate["index"]) ?? 0), text);
      }
    }
    const delta = body["delta"];
    if (body["type"] === "content_block_delta") {
      this.#add(this.#texts, "0", asBody(delta)?.["text"]);
      this.#add(this.#thoughts, "0", asBody(delta)?.["thinking"]);
    } else if (body["type"] === "response.output_text.delta") this.#add(this.#texts, "0", delta);
  }

  /** `calls` belong to the first answer: a stream of more does not tell them apart. */
  messages(calls: readonly ProposedCall[], finishReasons: readonly string[]): readonly Message[] {
    const places = [...new Set(["0", ...this.#texts.keys()])];
    const toolCalls = calls.map(({ id, name, input }) => ({ type: "tool_call", id, name, arguments: input }));
    return places.map((place, at) => {
      const thought = this.#thoughts.get(place);
      const text = this.#texts.get(place);
      const parts: readonly Part[] = [
        ...(thought === undefined ? [] : [{ type: "reasoning", content: thought }]),
        ...(text === undefined ? [] : [{ type: "text", content: text }]),
        ...(at === 0 ? toolCalls : []),
      ];
      const reason = finishReasons[at];
      return { role: "assistant", parts, ...(reason === undefined ? {} : { finish_reason: reason }) };
    });
  }

  #add(to: Map<string, string>, place: string, value: unknown): void {
    const piece = asText(value);
    if (piece === undefined || this.#length >= this.#lengthMax) return;
    this.#length += piece.length;
    to.set(place, (to.get(place) ?? "") + piece);
  }
}
