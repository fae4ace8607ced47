import type { SpanSpend } from "./spend.ts";

/**
 * Spans in memory, between receiver and spool. Attribute values are OTLP AnyValue as plain JavaScript: int64 is `bigint`,
 * bytes are `Uint8Array`. Attributes keep insertion order; of a doubled key the last wins.
 */
export type AttributeValue =
  | string
  | boolean
  | number
  | bigint
  | Uint8Array
  | null
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

/**
 * The attributes of one thing, in their order. A `Map` is one; so are the decoder's, which make a value only when somebody
 * asks for it: reading one key is cheap, going through all of them is not.
 */
export interface Attributes {
  readonly size: number;
  get(key: string): AttributeValue | undefined;
  has(key: string): boolean;
  set(key: string, value: AttributeValue): unknown;
  delete(key: string): boolean;
  keys(): Iterable<string>;
  [Symbol.iterator](): Iterator<[string, AttributeValue]>;
}

/** OTLP `Span.SpanKind` in its numbering. */
export const SpanKind = { unspecified: 0, internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;
/** OTLP `Status.StatusCode` in its numbering. */
export const StatusCode = { unset: 0, ok: 1, error: 2 } as const;

export interface SpanEvent {
  readonly timeUnixNano: bigint;
  /** Written once more by the redact processor. */
  name: string;
  readonly attributes: Attributes;
}

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  readonly attributes: Attributes;
}

export interface Resource {
  readonly attributes: Attributes;
}

export interface Scope {
  readonly name: string;
  readonly version: string;
  readonly attributes: Attributes;
}

/** What the processors have understood of a span; empty until they ran. Columns of the `spans` table come from here. */
export interface SpanFacts {
  agent: string;
  agentVerified: boolean;
  owner: string;
  team: string;
  role: string;
  session: string;
  workflow: string;
  user: string;
  /** gen_ai.operation.name: chat, text_completion, execute_tool, invoke_agent, … */
  operation: string;
  provider: string;
  requestModel: string;
  /** The response's model when known, else the request's. */
  model: string;
  tool: string;
  /** Includes cache reads and writes (GenAI conventions). */
  inputTokens: number;
  /** Includes reasoning tokens. */
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  reasoningTokens: number;
  hasUsage: boolean;
  /** The sender is known to keep a part of the usage to itself. */
  isUsagePartial: boolean;
  /** A call of a model that the span above tells of as well, with more of what it used. */
  isToldAbove: boolean;
  /** Nano-dollars. */
  costNanoUsd: bigint;
  /** `""`: not a span that costs. */
  costStatus: "" | "exact" | "estimated" | "unpriced" | "missing";
  priceVersion: string;
  decision: "" | "allow" | "deny" | "forbid" | "require_approval";
  decisionRule: string;
  decisionReason: string;
  policy: string;
  budget: string;
  leaseId: string;
  dataLabel: string;
  /** All labels that budgets may match on: agent, team, role, owner, user, session, workflow, model, provider, tool and resource attributes. */
  labels: Readonly<Record<string, string>>;
  /** What the meter counts for this span; `undefined` until it ran, and for spans that spend nothing. */
  spend: SpanSpend | undefined;
}

export interface Span {
  readonly resource: Resource;
  readonly scope: Scope;
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** 16 lower-case hex digits, or "" for a root. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly flags: number;
  /** Written once more by the redact processor. */
  name: string;
  readonly kind: number;
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
  readonly statusCode: number;
  /** Written once more by the redact processor. */
  statusMessage: string;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  readonly droppedAttributesCount: number;
  readonly facts: SpanFacts;
}

/**
 * One export request, or what is left of it. Its spans are views of the request's memory, which belongs to the receiver: they are
 * good until `consume` has answered, and no longer, unless somebody keeps them.
 */
export interface SpanBatch {
  readonly spans: readonly Span[];
  /** Who sent it, as authenticated by the receiver; `undefined` without authentication. */
  readonly sender: string | undefined;
  readonly receivedUnixMs: number;
  /** For who reads spans after it has answered: the request's memory is not used again then. Absent: nor is it otherwise. */
  readonly keep?: () => void;
}
