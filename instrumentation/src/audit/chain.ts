/**
 * The hash chain of this process: every span of the gate gets its place, its hash and the hash of the one before as it
 * ends, before it is queued. A span that gets lost later leaves a gap. A thread or child process registers by itself and has a
 * chain of its own. Ends are what is chained, so that a chain has no holes for calls that are open; in which order
 * decisions were made is counted as they are made (decision-order.ts) and covered by the hash.
 */
import { randomFillSync } from "node:crypto";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import type { Attributes, Tracer } from "@opentelemetry/api";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";
import * as semconv from "../semconv.ts";
import { nanos } from "../telemetry/span-json.ts";
import { decisionsMade } from "./decision-order.ts";
import type { KeyList } from "./link.ts";
import { coveredKeys, linkHash, NO_LINK, sealOf, wellFormed } from "./link.ts";

const STATUS_NAMES = ["unset", "ok", "error"] as const;
const ID_BYTES = 16;
const POOL_BYTES = 4_096;

export class AuditChain implements SpanProcessor {
  readonly id = randomId();
  readonly #scope: string;
  #seq = 0;
  #prev = NO_LINK;
  /** Nothing was chained since the last closing link. */
  #isClosed = true;

  /** Spans of this instrumentation scope are links; others pass. */
  constructor(scope: string) {
    this.#scope = scope;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (span.instrumentationScope.name !== this.#scope) return;
    const { attributes } = span;
    // Written into the object: the SDK's bound of attributes a span must not cost a record its place.
    const covered = coveredKeys(keysOf(attributes));
    const isSealed = seal(attributes, covered.sealed);
    const seq = this.#seq + 1;
    const hash = this.#hash(span, seq, isSealed ? covered.hashedWithSeal : covered.hashed);
    attributes[semconv.ATTR_TOLLGATE_AUDIT_CHAIN] = this.id;
    attributes[semconv.ATTR_TOLLGATE_AUDIT_SEQ] = seq;
    attributes[semconv.ATTR_TOLLGATE_AUDIT_PREV] = this.#prev;
    attributes[semconv.ATTR_TOLLGATE_AUDIT_HASH] = hash;
    this.#seq = seq;
    this.#prev = hash;
    this.#isClosed = attributes[semconv.ATTR_TOLLGATE_AUDIT_CLOSED] === true;
  }

  /** Writes the link that says that nothing comes after it, if anything came since the last one. */
  close(tracer: Tracer, agent: string): void {
    if (this.#isClosed) return;
    const attributes: Attributes = {
      [semconv.ATTR_TOLLGATE_AGENT_NAME]: agent,
      [semconv.ATTR_TOLLGATE_AUDIT_CLOSED]: true,
      [semconv.ATTR_TOLLGATE_AUDIT_DECISIONS]: decisionsMade(),
    };
    tracer.startSpan(semconv.AUDIT_CLOSE_SPAN, { attributes }, ROOT_CONTEXT).end();
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }

  #hash(span: ReadableSpan, seq: number, keys: KeyList): string {
    const { traceId, spanId } = span.spanContext();
    return linkHash(
      {
        chain: this.id,
        seq: String(seq),
        prev: this.#prev,
        traceId,
        spanId,
        parentSpanId: span.parentSpanContext?.spanId ?? "",
        start: nanos(span.startTime),
        end: nanos(span.endTime),
        status: STATUS_NAMES[span.status.code],
      },
      { keys, values: valuesOf(span.attributes, keys) },
    );
  }
}

/** Without those that nothing is sent of. */
function keysOf(attributes: Attributes): readonly string[] {
  const keys = Object.keys(attributes);
  return keys.every((key) => attributes[key] !== undefined)
    ? keys
    : keys.filter((key) => attributes[key] !== undefined);
}

/** Seals what may be redacted; false where there is nothing. */
function seal(attributes: Attributes, keys: KeyList): boolean {
  if (keys.keys.length === 0) return false;
  const salt = randomId();
  attributes[semconv.ATTR_TOLLGATE_AUDIT_SALT] = salt;
  attributes[semconv.ATTR_TOLLGATE_AUDIT_SEAL] = sealOf(salt, { keys, values: valuesOf(attributes, keys) });
  return true;
}

function valuesOf(attributes: Attributes, { keys }: KeyList): string[] {
  const values: string[] = [];
  for (const key of keys) values.push(wellFormed(textOf(attributes[key])));
  return values;
}

/** As the processor stores it. What is none of OpenTelemetry's values is sent as none (telemetry/span-json.ts), and read as none. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) ? JSON.stringify(value.map(sentItem)) : "";
}

function sentItem(item: unknown): unknown {
  if (Array.isArray(item)) return item.map(sentItem);
  return typeof item === "string" || typeof item === "number" || typeof item === "boolean" ? item : null;
}

const pool = Buffer.alloc(POOL_BYTES);
let poolAt = POOL_BYTES;

/** 128 random bits in hex; drawn from the system in portions, because each draw costs more than a hash. */
function randomId(): string {
  if (poolAt === POOL_BYTES) {
    randomFillSync(pool);
    poolAt = 0;
  }
  poolAt += ID_BYTES;
  return pool.toString("hex", poolAt - ID_BYTES, poolAt);
}
