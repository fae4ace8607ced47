/**
 * Log records in memory, between receiver and spool: how GenAI events travel where they are not events of a span. They say
 * something about a call and never cost anything: the call's span does.
 */
import type { Attributes, AttributeValue, Resource, Scope } from "./span.ts";

/** What the processors have understood of a record; empty until they ran. Columns of the `events` table come from here. */
export interface LogFacts {
  agent: string;
  agentVerified: boolean;
  session: string;
  /** What makes it the same record when it is sent again, as OTLP has no id for it: 24 bytes, none until it is known. */
  identity: Buffer;
}

export interface LogRecord {
  readonly resource: Resource;
  readonly scope: Scope;
  /** When it happened; 0 when the sender does not say. */
  readonly timeUnixNano: bigint;
  /** When it was first seen; 0 when the sender does not say. */
  readonly observedUnixNano: bigint;
  /** OTLP `SeverityNumber`: 0 unspecified, 1 to 24. */
  readonly severityNumber: number;
  readonly severityText: string;
  /** The field `event_name`, or the attribute `event.name` of older senders; "" for a plain log record. */
  readonly eventName: string;
  /** Replaced by a processor that may not keep it. */
  body: AttributeValue;
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
  readonly flags: number;
  /** 32 lower-case hex digits, or "" outside a trace. */
  readonly traceId: string;
  /** 16 lower-case hex digits, or "". */
  readonly spanId: string;
  readonly facts: LogFacts;
}

/** One export request of logs, or what is left of it. */
export interface LogBatch {
  readonly records: readonly LogRecord[];
  /** Who sent it, as authenticated by the receiver; `undefined` without authentication. */
  readonly sender: string | undefined;
  readonly receivedUnixMs: number;
}

const NO_IDENTITY = Buffer.alloc(0);

/** The facts of a record that no processor has looked at yet. */
export function emptyLogFacts(): LogFacts {
  return { agent: "", agentVerified: false, session: "", identity: NO_IDENTITY };
}
