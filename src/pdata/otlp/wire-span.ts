/**
 * A span as it came: ids and times stay in the request's bytes until somebody asks for them, and whoever writes them as
 * bytes takes them from there. The bytes live as long as a span of theirs does.
 */
import { emptyFacts } from "../facts.ts";
import type { IdentityCell } from "../identity.ts";
import type { Attributes, Resource, Scope, Span, SpanEvent, SpanFacts, SpanLink } from "../span.ts";
import type { ByteSource } from "./byte-source.ts";

export const TRACE_ID_BYTES = 16;
export const SPAN_ID_BYTES = 8;
/** Where something is that did not come, or that can't be what it should: such a span is refused. */
export const ABSENT = -1;
export const INVALID = -2;

const NOTHING: readonly never[] = [];
const NO_ATTRIBUTES: Attributes = new Map();

export class WireSpan implements Span, ByteSource {
  readonly resource: Resource;
  readonly scope: Scope;
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Where the ids start in the bytes: 16, 8 and 8 of them. A root has no parent. */
  traceIdAt = ABSENT;
  spanIdAt = ABSENT;
  parentSpanIdAt = ABSENT;
  /** Where the times start: eight bytes each, little-endian. */
  startAt = ABSENT;
  endAt = ABSENT;
  traceState = "";
  flags = 0;
  name = "";
  kind = 0;
  statusCode = 0;
  statusMessage = "";
  /** To be set by the decoder. */
  attributes: Attributes = NO_ATTRIBUTES;
  events: readonly SpanEvent[] = NOTHING;
  links: readonly SpanLink[] = NOTHING;
  droppedAttributesCount = 0;
  readonly facts: SpanFacts = emptyFacts();

  constructor(origin: { readonly resource: Resource; readonly scope: Scope; readonly source: ByteSource }) {
    this.resource = origin.resource;
    this.scope = origin.scope;
    this.bytes = origin.source.bytes;
    this.view = origin.source.view;
  }

  get traceId(): string {
    return this.#hex(this.traceIdAt, TRACE_ID_BYTES);
  }

  get spanId(): string {
    return this.#hex(this.spanIdAt, SPAN_ID_BYTES);
  }

  get parentSpanId(): string {
    return this.#hex(this.parentSpanIdAt, SPAN_ID_BYTES);
  }

  get startUnixNano(): bigint {
    return this.#time(this.startAt);
  }

  get endUnixNano(): bigint {
    return this.#time(this.endAt);
  }

  /** 0 where the clock of the sender went back; capped at what a double holds exactly (104 days). */
  get durationNs(): number {
    const { view, startAt, endAt } = this;
    const high = halfAt(view, endAt, 4) - halfAt(view, startAt, 4);
    const low = halfAt(view, endAt, 0) - halfAt(view, startAt, 0);
    return Math.min(Math.max(0, high * 0x1_0000_0000 + low), Number.MAX_SAFE_INTEGER);
  }

  /** A time in whole Unix ms, by halves: 2^32 ns are 4,294 ms and 967,296 ns. */
  unixMsAt(at: number): number {
    if (at === ABSENT) return 0;
    const high = halfAt(this.view, at, 4);
    return high * 4_294 + Math.floor((high * 967_296 + halfAt(this.view, at, 0)) / 1e6);
  }

  /** Writes the trace id and the span id at `idAt` (its own, or its parent's) one after the other. */
  writeIdentity({ view: target }: IdentityCell, idAt: number): void {
    const { view, traceIdAt } = this;
    for (let at = 0; at < TRACE_ID_BYTES; at += 4) target.setInt32(at, view.getInt32(traceIdAt + at, true), true);
    for (let at = 0; at < SPAN_ID_BYTES; at += 4) {
      target.setInt32(TRACE_ID_BYTES + at, view.getInt32(idAt + at, true), true);
    }
  }

  #hex(at: number, length: number): string {
    return at === ABSENT ? "" : this.bytes.toString("hex", at, at + length);
  }

  #time(at: number): bigint {
    return at === ABSENT ? 0n : this.view.getBigUint64(at, true);
  }
}

/** Four of the eight bytes of a time, the low ones at 0. */
function halfAt(view: DataView, at: number, offset: 0 | 4): number {
  return at === ABSENT ? 0 : view.getUint32(at + offset, true);
}
