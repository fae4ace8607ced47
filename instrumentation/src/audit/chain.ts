/**
 * The hash chain of this process: every span of the gate gets its place, its hash and the hash of the one before as it
 * ends, before it is queued. A span that gets lost later leaves a gap. A thread or child process registers by itself and has a
 * chain of its own. Ends are what is chained, so that a chain has no holes for calls that are open; in which order
 * decisions were made is counted as they are made (decision-order.ts) and covered by the hash.
 */
import { randomFillSync } from "node:crypto";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import type { Attributes, AttributeValue, HrTime, Tracer } from "@opentelemetry/api";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";
import * as semconv from "../semconv.ts";
import { decisionsMade } from "./decision-order.ts";
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
    this.#seal(attributes);
    const seq = this.#seq + 1;
    const hash = this.#hash(span, seq);
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

  #seal(attributes: Attributes): void {
    const { sealed } = coveredKeys(Object.keys(attributes));
    if (sealed.length === 0) return;
    const salt = randomId();
    attributes[semconv.ATTR_TOLLGATE_AUDIT_SALT] = salt;
    attributes[semconv.ATTR_TOLLGATE_AUDIT_SEAL] = sealOf(salt, pairs(attributes, sealed));
  }

  #hash(span: ReadableSpan, seq: number): string {
    const { traceId, spanId } = span.spanContext();
    const { hashed } = coveredKeys(Object.keys(span.attributes));
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
      pairs(span.attributes, hashed),
    );
  }
}

function pairs(attributes: Attributes, keys: readonly string[]): string[] {
  const list: string[] = [];
  for (const key of keys) {
    const value = attributes[key];
    if (value !== undefined) list.push(wellFormed(key), wellFormed(textOf(value)));
  }
  return list;
}

/** As the processor stores it. */
function textOf(value: AttributeValue): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : JSON.stringify(value);
}

function nanos([seconds, rest]: HrTime): string {
  return seconds === 0 ? String(rest) : `${seconds}${String(rest).padStart(9, "0")}`;
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
