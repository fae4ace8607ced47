/**
 * Tool calls that a model's answer asks for, by the shapes of the formats that are gated: a list of calls in a message, a block or
 * part of the content, an item of the output; whole, or in pieces of a stream. Pure. Calls that the provider runs itself are none.
 */
import { asArray, asBody, asText } from "./endpoint.ts";
import type { Body } from "./endpoint.ts";

/** `input`: arguments as JSON text, or as the object that it stands for. */
export interface ProposedCall {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

interface Piece extends ProposedCall {
  /** Pieces with the same place are one call. */
  readonly place: string;
}

/** More text than any policy looks at is no call that could be told again. */
const INPUT_LENGTH_MAX = 1_048_576;
const CALLS_MAX = 128;
const NONE: readonly ProposedCall[] = [];

type Calls = Map<string, { id: string; name: string; text: string; input: unknown }>;

/** Reads answers, or the events of one stream. */
export class ProposedCalls {
  /** By place; made for the first event that may propose one. */
  #calls: Calls | undefined;

  read(event: unknown): void {
    const body = asBody(event);
    if (body === undefined || proposesNothing(body)) return;
    this.#calls ??= new Map();
    for (const piece of piecesOf(body, this.#calls.size)) this.#add(piece, this.#calls);
  }

  all(): readonly ProposedCall[] {
    if (this.#calls === undefined) return NONE;
    return [...this.#calls.values()]
      .filter(({ name }) => name !== "")
      .map(({ id, name, text, input }) => ({ id, name, input: input ?? text }));
  }

  #add({ place, id, name, input }: Piece, calls: Calls): void {
    const known = calls.get(place) ?? { id: "", name: "", text: "", input: undefined };
    if (!calls.has(place)) {
      if (calls.size >= CALLS_MAX) return;
      calls.set(place, known);
    }
    if (known.id === "") known.id = id;
    if (known.name === "") known.name = name;
    if (typeof input === "string") {
      if (known.text.length + input.length <= INPUT_LENGTH_MAX) known.text += input;
    } else if (input !== undefined && !isEmpty(input)) known.input = input;
  }
}

/** Of nearly every answer, and event of a stream, that has choices: told without a generator for each of its parts. */
function proposesNothing({ choices }: Body): boolean {
  return Array.isArray(choices) && !choices.some(hasCalls);
}

function hasCalls(value: unknown): boolean {
  const choice = asBody(value);
  const message = asBody(choice?.["message"]) ?? asBody(choice?.["delta"]);
  if (message === undefined) return false;
  const { tool_call_chunks: pieces, tool_calls: calls, toolCalls } = message;
  return asArray(pieces).length > 0 || asArray(calls ?? toolCalls).length > 0;
}

function* piecesOf(body: Body, seen: number): Generator<Piece> {
  // OpenAI's chat and what speaks like it: a list in the message or in the delta.
  for (const [at, value] of asArray(body["choices"]).entries()) {
    const choice = asBody(value) ?? {};
    yield* listed(asBody(choice["message"]) ?? asBody(choice["delta"]), `${key(choice["index"] ?? at)}.`);
  }
  // Who answers with choices says nothing of tools elsewhere.
  if (Array.isArray(body["choices"])) return;
  // Cohere, Ollama, LangChain's chunks.
  yield* listed(asBody(body["message"]), "m");
  // Cohere's first version: beside the text; its stream ends with the whole answer, which may be all that has them.
  yield* listed(body["event_type"] === "stream-end" ? asBody(body["response"]) : body, "v");
  for (const value of asArray(body["generations"])) yield* listed(asBody(asBody(value)?.["message"]), "g");
  // Anthropic's blocks, the AI SDK's parts, OpenAI's items, Bedrock's blocks, whole.
  const converse = asBody(asBody(body["output"])?.["message"]);
  for (const [at, value] of [...asArray(body["content"]), ...asArray(converse?.["content"])].entries()) {
    yield* block(asBody(value), `c${at}`);
  }
  for (const [at, value] of asArray(body["output"]).entries()) yield* block(asBody(value), `o${at}`);
  for (const value of asArray(body["candidates"])) {
    // Google's parts have no places: each is a call of its own.
    const parts = asArray(asBody(asBody(value)?.["content"])?.["parts"]).map((part) => asBody(part)?.["functionCall"]);
    for (const [at, part] of parts.entries()) yield* call(asBody(part), `p${seen + at}`);
  }
  yield* streamed(body);
}

function* streamed(body: Body): Generator<Piece> {
  const index = key(body["index"] ?? body["contentBlockIndex"]);
  if (body["type"] === "content_block_start") yield* block(asBody(body["content_block"]), `s${index}`);
  const text = asText(asBody(body["delta"])?.["partial_json"]);
  if (text !== undefined) yield { place: `s${index}`, id: "", name: "", input: text };
  // Cohere's stream has one call an event.
  const own = asBody(asBody(asBody(body["delta"])?.["message"])?.["tool_calls"]);
  if (own !== undefined) yield* listed({ tool_calls: [{ ...own, index: body["index"] }] }, "d");
  if (body["type"] === "response.output_item.done") {
    yield* block(asBody(body["item"]), `i${key(body["output_index"])}`);
  }
  if (body["type"] === "tool-call") yield* block(body, `t${asText(body["toolCallId"]) ?? ""}`);
  // Bedrock's events hold one member each.
  const start = asBody(body["contentBlockStart"]);
  if (start !== undefined)
    yield* call(asBody(asBody(start["start"])?.["toolUse"]), `b${key(start["contentBlockIndex"])}`);
  const delta = asBody(body["contentBlockDelta"]);
  const piece = asText(asBody(asBody(delta?.["delta"])?.["toolUse"])?.["input"]);
  if (piece !== undefined) yield { place: `b${key(delta?.["contentBlockIndex"])}`, id: "", name: "", input: piece };
}

/** A message's own list of calls, or the pieces of them that a chunk has. */
function* listed(message: Body | undefined, place: string): Generator<Piece> {
  // A chunk of LangChain's has its calls twice: what was read of them so far, and the pieces.
  const pieces = asArray(message?.["tool_call_chunks"]);
  const calls = pieces.length > 0 ? pieces : asArray(message?.["tool_calls"] ?? message?.["toolCalls"]);
  for (const [at, value] of calls.entries()) {
    const item = asBody(value);
    const own = asBody(item?.["function"]) ?? asBody(item?.["custom"]) ?? item;
    const id = item?.["id"];
    yield* call(
      { ...own, ...(typeof id === "string" && { id }) },
      `${place}${key(item?.["index"] ?? own?.["index"] ?? at)}`,
    );
  }
}

function* block(item: Body | undefined, place: string): Generator<Piece> {
  switch (item?.["type"]) {
    case "tool_use":
    case "function_call":
    case "custom_tool_call":
      yield* call(item, place);
      break;
    case "tool-call":
      if (item["providerExecuted"] !== true) yield* call(item, place);
      break;
    default:
      yield* call(asBody(item?.["toolUse"]), place);
  }
}

function* call(item: Body | undefined, place: string): Generator<Piece> {
  if (item === undefined) return;
  const id = asText(item["call_id"] ?? item["toolCallId"] ?? item["toolUseId"] ?? item["id"]) ?? "";
  const name = asText(item["name"] ?? item["toolName"]) ?? "";
  yield { place, id, name, input: item["arguments"] ?? item["args"] ?? item["input"] ?? item["parameters"] };
}

function key(value: unknown): string {
  return typeof value === "number" || typeof value === "string" ? String(value) : "";
}

/** Where a stream gives the arguments in pieces, the first event has an empty object. */
function isEmpty(input: unknown): boolean {
  return typeof input === "object" && input !== null && Object.keys(input).length === 0;
}
