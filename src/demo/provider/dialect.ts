/** What the wire formats have in common: a request read into `SimulatedCall`, a reply written as JSON or as server-sent events. */
import type { BilledTokens, SimulatedModel } from "./prices.ts";

/** A request as the simulator understands it. */
export interface SimulatedCall {
  readonly model: SimulatedModel;
  /** As the caller named it. */
  readonly modelName: string;
  readonly stream: boolean;
  /** OpenAI chat only: a last chunk with the usage, and `usage: null` in all others. */
  readonly includeUsage: boolean;
  /** OpenAI embeddings only: the numbers as bytes. */
  readonly isBase64?: boolean;
  /** Output tokens of each choice; `undefined`: the model's maximum. */
  readonly outputBound: number | undefined;
  readonly choices: number;
  /** The answer is a call of this tool. */
  readonly tool?: string | undefined;
  /** What the model reads, message by message. */
  readonly prompt: readonly PromptPart[];
}

export interface PromptPart {
  readonly role: string;
  readonly text: string;
  /** Tokens of a picture or of sound, which is read in place of the text. */
  readonly mediaTokens?: number;
  /** Anthropic: the prefix up to and including this part goes into the cache and lives this long. */
  readonly cache?: "5m" | "1h";
}

export interface SimulatedReply {
  /** 24 hex digits, the same for the same seed and request. */
  readonly id: string;
  readonly createdUnixS: number;
  readonly choices: readonly { readonly tokens: readonly string[]; readonly isCut: boolean }[];
  readonly billed: BilledTokens;
}

/** A piece of a streamed reply. `outputTokens` counts what has been generated when this piece is sent, over all choices. */
export interface StreamPiece {
  readonly text: string | Uint8Array;
  readonly outputTokens: number;
}

/** A refusal in the provider's own words. Never billed. */
export interface ProviderError {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;
  readonly message: string;
}

export interface Dialect {
  readonly provider: SimulatedModel["provider"];
  /** The path, or what a path says beside the body; `undefined`: it is another operation's. */
  readonly path: string | ((path: string) => Readonly<Record<string, unknown>> | undefined);
  /** Name of the header that carries the request's id. */
  readonly requestIdHeader: string;
  /** Of a stream. @default server-sent events */
  readonly streamType?: string;
  parse(body: Readonly<Record<string, unknown>>): SimulatedCall | ProviderError;
  json(call: SimulatedCall, reply: SimulatedReply): unknown;
  /** Of an answer that is no JSON. `undefined`: this one is. */
  bytes?(call: SimulatedCall, reply: SimulatedReply): { readonly text: Uint8Array; readonly type: string } | undefined;
  stream(call: SimulatedCall, reply: SimulatedReply, tokensPerChunk: number): Iterable<StreamPiece>;
  /** What a reply says that it used, in a format that may say so in any chunk of a stream. */
  usage?(reply: SimulatedReply): unknown;
  error(error: ProviderError): unknown;
  /** Headers of an answer, beside the usual. */
  headers?(reply: SimulatedReply): Readonly<Record<string, string>>;
  errorHeaders?(error: ProviderError): Readonly<Record<string, string>>;
}

export function isProviderError(value: SimulatedCall | ProviderError): value is ProviderError {
  return "status" in value;
}

export function invalidRequest(
  message: string,
  options: { readonly param?: string; readonly code?: string } = {},
): ProviderError {
  return {
    status: 400,
    type: "invalid_request_error",
    code: options.code ?? null,
    param: options.param ?? null,
    message,
  };
}

/** Reads an output bound: `undefined` when absent, a `ProviderError` when it is not a whole number of at least `min`. */
export function readBound(
  body: Readonly<Record<string, unknown>>,
  param: string,
  min: number,
): number | undefined | ProviderError {
  const value = body[param];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value)) {
    return invalidRequest(`Invalid type for '${param}': expected an integer.`, { param, code: "invalid_type" });
  }
  if (value < min) {
    return invalidRequest(
      `Invalid '${param}': integer below minimum value. Expected a value >= ${min}, but got ${value} instead.`,
      { param, code: "integer_below_min_value" },
    );
  }
  return value;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Tokens of a reply in groups of `size`, as text. */
export function* inChunks(tokens: readonly string[], size: number): Generator<{ text: string; count: number }> {
  for (let start = 0; start < tokens.length; start += size) {
    const group = tokens.slice(start, start + size);
    yield { text: group.join(""), count: group.length };
  }
}

/** A server-sent event; `name` for the formats that have one. */
export function serverSentEvent(data: unknown, name?: string): string {
  const event = name === undefined ? "" : `event: ${name}\n`;
  return `${event}data: ${JSON.stringify(data)}\n\n`;
}
