/**
 * The hash chain of this process: every span of the gate gets its place, its hash and the hash of the one before as it
 * ends, before it is queued. A span that gets lost later leaves a gap. A thread or child process registers by itself and has a
 * chain of its own. Ends are what is chained, so that a chain has no holes for calls that are open; in which order
 * decisions were made is counted as they are made (decision-order.ts) and covered by the hash.
 */
import { ROOT_CONTEXT } from "@opentelemetry/api";
import type { Attributes, Tracer } from "@opentelemetry/api";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";
import * as semconv from "../semconv.ts";
import { hex } from "../telemetry/pooled-ids.ts";
import { saidBy, sayLate } from "../telemetry/said.ts";
import type { Said } from "../telemetry/said.ts";
import { nanos } from "../telemetry/nanos.ts";
import { decisionsMade } from "./decision-order.ts";
import type { KeyList, Said as Covered } from "./link.ts";
import { coveredKeys, linkHash, NO_LINK, sealOf, wellFormed } from "./link.ts";

const STATUS_NAMES = ["unset", "ok", "error"] as const;
/** 128 random bits. */
const ID_DIGITS = 32;

export class AuditChain implements SpanProcessor {
  readonly id = hex(ID_DIGITS);
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
    const said = saidBy(span);
    const covered = coveredKeys(said.keys);
    const isClosed = said.values[covered.closedAt] === true;
    const seq = this.#seq + 1;
    const seal = sealed(said, covered.sealed);
    if (seal !== undefined) {
      sayLate(span, semconv.ATTR_TOLLGATE_AUDIT_SALT, seal.salt);
      sayLate(span, semconv.ATTR_TOLLGATE_AUDIT_SEAL, seal.seal);
    }
    const keys = seal === undefined ? covered.hashed : covered.hashedWithSeal;
    const hash = this.#hash(span, seq, { keys, values: valuesOf(said, keys, seal?.seal) });
    sayLate(span, semconv.ATTR_TOLLGATE_AUDIT_CHAIN, this.id);
    sayLate(span, semconv.ATTR_TOLLGATE_AUDIT_SEQ, seq);
    sayLate(span, semconv.ATTR_TOLLGATE_AUDIT_PREV, this.#prev);
    sayLate(span, semconv.ATTR_TOLLGATE_AUDIT_HASH, hash);
    this.#seq = seq;
    this.#prev = hash;
    this.#isClosed = isClosed;
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

  #hash(span: ReadableSpan, seq: number, covered: Covered): string {
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
      covered,
    );
  }
}

/** The seal over what may be redacted, and its salt; `undefined` where there is nothing. */
function sealed(said: Said, keys: KeyList): { readonly salt: string; readonly seal: string } | undefined {
  if (keys.keys.length === 0) return undefined;
  const salt = hex(ID_DIGITS);
  return { salt, seal: sealOf(salt, { keys, values: valuesOf(said, keys) }) };
}

/** `seal` stands for what is at no place yet. */
function valuesOf({ values }: Said, { places }: KeyList, seal = ""): string[] {
  const texts: string[] = [];
  for (const place of places) texts.push(place < 0 ? seal : textOf(values[place]));
  return texts;
}

/** As the processor stores it. What is none of OpenTelemetry's values is sent as none (telemetry/span-protobuf.ts), and read as none. */
function textOf(value: unknown): string {
  if (typeof value === "string") return wellFormed(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) ? wellFormed(JSON.stringify(value.map(sentItem))) : "";
}

function sentItem(item: unknown): unknown {
  if (Array.isArray(item)) return item.map(sentItem);
  return typeof item === "string" || typeof item === "number" || typeof item === "boolean" ? item : null;
}
