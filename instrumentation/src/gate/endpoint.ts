/** One operation of a provider's API, as the gate needs to know it. Pure: bodies in, facts and new bodies out. */
import type { Attributes } from "@opentelemetry/api";
import type { NanoUsd } from "../pricing/money.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import type { ReasoningEffort } from "../protocol.ts";

export type Body = Readonly<Record<string, unknown>>;

/** What a request says of its own cost. */
export interface RequestFacts {
  readonly model: string;
  readonly isStreamed: boolean;
  /** A way of serving that costs another price than the model's (`priority`, `fast`, a region); "" for the usual one. */
  readonly tier: string;
  /** How many answers it asks for; each may be as long as the bound. */
  readonly choices: number;
  /** Output tokens of one answer, as the app bounds it. */
  readonly outputBound: number | undefined;
  /** The API knows no bound: `outputBound` is the most that an answer can be, and nobody has asked for it. */
  readonly takesNoBound?: boolean;
  /** The smallest bound that the API takes. */
  readonly outputLeast: number;
  /** The most input tokens that the body can make; `undefined` when its text does not tell (images, files, references). */
  readonly inputBound: number | undefined;
  /** Of a body with images: the most tokens that a model can make of them, beside `inputBound`; `undefined` when nobody has said. */
  readonly imageTokens?: (model: string) => number | undefined;
  readonly cacheWrites: boolean;
  /** The answer may be sound or images, whose tokens can be dearer. Input that is not text has no `inputBound`. */
  readonly makesMedia?: boolean;
  /** How many pieces it asks for that are billed one by one (pictures). @default 1 */
  readonly pieces?: number;
  /** Models that may work on the same answer beside the one that is asked: advisers, and those that stand in for it. */
  readonly otherModels?: readonly string[];
  /** Any of them may answer alone: the answer names the one that did. @default they work beside the model */
  readonly othersAnswerAlone?: boolean;
  /** How many times the provider may read the whole conversation for one answer. @default 1 */
  readonly readings?: number;
  /** Output that is billed but not in the answer (reasoning), so that what was seen of an answer bounds nothing. */
  readonly hidesOutput: boolean;
  /** The request goes as it is: no other model can be sent in its place. */
  readonly isFixed?: boolean;
  /** Request attributes by the GenAI conventions. */
  readonly attributes: Attributes;
}

/** What a model is called that a request which nobody can read does not name. */
export const UNNAMED_MODEL = "unknown";

/**
 * The name under which the request has a price. No book knows the prices of dearer tiers: a call at one is unpriced, and
 * refused under a hard limit, until a `kind: prices` document names it (`priority/gpt-5`).
 */
export function pricedName({ model, tier }: Pick<RequestFacts, "model" | "tier">): string {
  return tier === "" ? model : `${tier}/${model}`;
}

/** What an answer says. */
export interface AnswerFacts {
  readonly id: string | undefined;
  readonly model: string | undefined;
  readonly finishReasons: readonly string[];
  /** `undefined` when the answer carries none. */
  readonly usage: TokenUsage | undefined;
  /** What other models used for it, beside `usage`. Absent: there were none. */
  readonly others?: readonly ModelUsage[];
  /** What the provider itself says that it costs. */
  readonly toldCost?: NanoUsd;
  /** The tier that it was served at, where the answer tells; as in {@link RequestFacts}. */
  readonly tier?: string;
}

export interface ModelUsage {
  readonly model: string;
  readonly usage: TokenUsage;
}

/** An answer that says what it used. */
export type CountedAnswer = Pick<AnswerFacts, "others" | "tier" | "toldCost"> & {
  readonly usage: TokenUsage;
  readonly model?: string | undefined;
};

export function isCounted(answer: AnswerFacts): answer is AnswerFacts & CountedAnswer {
  return answer.usage !== undefined;
}

/** Reads a streamed answer event by event. */
export interface StreamReader {
  /** The event as the app may see it; `undefined` for one that the app did not ask for. */
  read(event: unknown): unknown;
  /** What the event read last says, where it is packed in bytes. Absent: the event itself says it. */
  unpacked?(): unknown;
  /** What is known so far. `usage` only when it is final. */
  facts(): AnswerFacts;
  /** Input tokens, when the stream has said so before its end. */
  inputTokens(): number | undefined;
  /** Bytes of generated content seen: not fewer than its tokens. */
  seenBytes(): number;
}

export interface Rewrite {
  readonly model: string;
  /** Output tokens of one answer; `undefined` leaves the app's own bound. */
  readonly outputBound: number | undefined;
  /** A budget holds money for the call: what would be without a bound gets the one that it was reserved by. @default false */
  readonly isHeld?: boolean;
  /** No more effort than this, where the body names one. */
  readonly reasoningEffort?: ReasoningEffort | undefined;
}

export interface Endpoint {
  readonly provider: string;
  readonly operation: string;
  /** The request can't be made to name another model: budgets do not downgrade it. */
  readonly isModelFixed?: boolean;
  /** Whether a request for the model `asked` can be sent for `model` with the same body. @default any can */
  takesModel?(model: string, asked: string): boolean;
  /** How a stream's events are told apart on the wire: server-sent events, or a line of JSON each. @default "events" */
  readonly streamFormat?: "events" | "lines";
  readRequest(body: Body): RequestFacts;
  /** A new body; the app's is never touched. Streams are made to report their usage. */
  rewrite(body: Body, change: Rewrite): Body;
  readAnswer(answer: unknown): AnswerFacts;
  /** A reader for the answer to the app's `body`, which hides what only the gate asked for. */
  streamReader(body: Body): StreamReader;
  /** An answer with `text` and no usage, in the provider's own shape: JSON, or server-sent events for a stream. */
  blockedAnswer(body: Body, text: string): string;
}

export function asBody(value: unknown): Body | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Body) : undefined;
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A count of tokens: whole, finite, not negative. */
export function asCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** How many answers somebody asks for; 1 where it is not said. Some servers take a number's text for the number, and so does a bound. */
export function asChoices(value: unknown): number {
  const count = typeof value === "string" ? Number(value.replaceAll("_", "")) : value;
  if (typeof count !== "number" || Number.isNaN(count)) return 1;
  return Math.min(Math.max(1, Math.ceil(count)), Number.MAX_SAFE_INTEGER);
}

/** Numbers of a request that become attributes as they are. */
export function numberAttributes(body: Body, names: Readonly<Record<string, string>>): Attributes {
  const attributes: Attributes = {};
  for (const key in names) {
    const value = body[key];
    if (typeof value === "number" && Number.isFinite(value)) attributes[names[key] as string] = value;
  }
  return attributes;
}
