/**
 * A span of the gate. What it says stands in two lists, of keys and of values, in the order in which it was said: its link and its text are
 * made of them place by place. The list of keys it shares with all spans that say the same. The SDK's span checks and copies each value, keeps them in an object that forty of them make a hash table, and
 * asks a sampler, a meter and limits that an audit record must not have.
 */
import { context, SpanStatusCode, SpanKind, trace, TraceFlags } from "@opentelemetry/api";
import type {
  Attributes,
  AttributeValue,
  Context,
  Exception,
  HrTime,
  Link,
  SpanContext,
  SpanOptions,
  SpanStatus,
  TimeInput,
  Tracer,
} from "@opentelemetry/api";
import { isTimeInput, timeInputToHrTime } from "@opentelemetry/core";
import type { ReadableSpan, Span } from "@opentelemetry/sdk-trace";
import { KeyPath, placeOf } from "./key-path.ts";
import { pooledIds } from "./pooled-ids.ts";

type Above = Pick<ReadableSpan, "resource" | "instrumentationScope">;
type Event = ReadableSpan["events"][number];

/** What is told of spans as they start and end. */
export interface SpanListener {
  onStart(span: Span): void;
  onEnd(span: ReadableSpan): void;
}

export interface GateTracerOptions extends Above {
  readonly listener: SpanListener;
}

/**
 * What many spans say at their beginning, said once: each of them starts where it leads, with a copy of its values. What is in the lists of
 * such attributes is never changed.
 */
export class Beginning {
  readonly said: KeyPath;
  readonly values: readonly AttributeValue[];

  constructor(attributes: Attributes) {
    const entries = Object.entries(attributes).filter(([, value]) => value !== undefined);
    this.said = entries.reduce((path, [key]) => path.with(key), KeyPath.start);
    this.values = entries.map(([, value]) => value as AttributeValue);
  }
}

export interface GateSpanOptions extends SpanOptions {
  /** Of `attributes`, which are for tracers of others then. */
  readonly beginning?: Beginning;
}

interface Start {
  readonly name: string;
  readonly options: GateSpanOptions;
  readonly parent: SpanContext | undefined;
}

const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };
const NO_OPTIONS: SpanOptions = {};
/** Of most spans. Nobody adds to them. */
const NO_EVENTS: Event[] = [];
const NO_LINKS: Link[] = [];

/** Every span is recorded and sampled, whoever suppresses tracing: a call inside an exporter's or an app's quiet zone is billed too. */
export class GateTracer implements Tracer {
  readonly #options: GateTracerOptions;

  constructor(options: GateTracerOptions) {
    this.#options = options;
  }

  startSpan(name: string, options: SpanOptions = NO_OPTIONS, around: Context = context.active()): Span {
    const parent = options.root === true ? undefined : trace.getSpanContext(around);
    const isValid = parent !== undefined && trace.isSpanContextValid(parent);
    return new GateSpan(this.#options, { name, options, parent: isValid ? parent : undefined });
  }

  startActiveSpan<F extends (span: Span) => ReturnType<F>>(name: string, ...rest: readonly unknown[]): ReturnType<F> {
    const work = rest.at(-1) as F;
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : NO_OPTIONS;
    const around = rest.length > 2 ? (rest[1] as Context) : context.active();
    const span = this.startSpan(name, options, around);
    return context.with(trace.setSpan(around, span), () => work(span));
  }
}

export class GateSpan implements Span {
  name: string;
  status: SpanStatus = UNSET;
  endTime: HrTime;
  events = NO_EVENTS;
  links = NO_LINKS;
  ended = false;
  readonly kind: SpanKind;
  readonly startTime: HrTime;
  readonly resource: ReadableSpan["resource"];
  readonly instrumentationScope: ReadableSpan["instrumentationScope"];
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  /** What was said, at the places of its keys. */
  readonly values: AttributeValue[];
  #said: KeyPath;
  readonly #context: SpanContext;
  readonly #parent: SpanContext | undefined;
  readonly #listener: SpanListener;
  /** When it started, by the clock that only goes forward; `undefined` where somebody has named the time. */
  readonly #startedMs: number | undefined;
  #hasStopped = false;

  constructor({ listener, resource, instrumentationScope }: GateTracerOptions, { name, options, parent }: Start) {
    this.name = name;
    this.kind = options.kind ?? SpanKind.INTERNAL;
    this.resource = resource;
    this.instrumentationScope = instrumentationScope;
    this.#listener = listener;
    this.#parent = parent;
    this.#context = contextBelow(parent);
    this.#startedMs = options.startTime === undefined ? performance.now() : undefined;
    this.startTime = options.startTime === undefined ? hrTimeNow() : timeInputToHrTime(options.startTime);
    this.endTime = this.startTime;
    if (options.links !== undefined) this.addLinks(options.links);
    const { beginning } = options;
    this.#said = beginning === undefined ? KeyPath.start : beginning.said;
    this.values = beginning === undefined ? [] : beginning.values.slice();
    if (beginning === undefined && options.attributes !== undefined) this.setAttributes(options.attributes);
    listener.onStart(this);
  }

  get parentSpanContext(): SpanContext {
    // Absent where there is none, which the SDK's type says by an optional property.
    return this.#parent as SpanContext;
  }

  /** Of what something was said: as many as `values`. */
  get keys(): readonly string[] {
    return this.#said.keys;
  }

  get attributes(): Attributes {
    return Object.fromEntries(this.keys.map((key, place) => [key, this.values[place]]));
  }

  get duration(): HrTime {
    const seconds = this.endTime[0] - this.startTime[0];
    const rest = this.endTime[1] - this.startTime[1];
    return rest < 0 ? [seconds - 1, rest + NANOS] : [seconds, rest];
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return !this.ended;
  }

  /** What is not there is left out, as what comes after the end is. */
  setAttribute(key: string, value: AttributeValue): this {
    if (!this.ended && value !== undefined && value !== null) this.say(key, Array.isArray(value) ? [...value] : value);
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const key in attributes) this.setAttribute(key, attributes[key]);
    return this;
  }

  /** Also after the end: what a span says of its place in the chain. */
  say(key: string, value: AttributeValue): void {
    const next = this.#said.usual(key);
    const place = next === undefined ? placeOf(key, this.#said) : -1;
    if (place >= 0) {
      this.values[place] = value;
      return;
    }
    this.#said = next ?? this.#said.with(key);
    this.values.push(value);
  }

  addEvent(name: string, said?: Attributes | TimeInput, at?: TimeInput): this {
    if (this.ended) return this;
    const isTime = isTimeInput(said);
    const time = isTime ? said : at;
    const event: Event = { name, time: time === undefined ? this.#now() : timeInputToHrTime(time) };
    if (!isTime && said !== undefined) event.attributes = { ...(said as Attributes) };
    this.events = [...this.events, event];
    return this;
  }

  addLink(link: Link): this {
    if (!this.ended) this.links = [...this.links, link];
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  setStatus({ code, message }: SpanStatus): this {
    if (this.ended || code === SpanStatusCode.UNSET || this.status.code === SpanStatusCode.OK) return this;
    this.status = code === SpanStatusCode.ERROR && message !== undefined ? { code, message } : { code };
    return this;
  }

  updateName(name: string): this {
    if (!this.ended) this.name = name;
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { name, message } = typeof exception === "string" ? { name: undefined, message: exception } : exception;
    this.addEvent("exception", definedOnly({ "exception.type": name, "exception.message": message }), time);
  }

  /** It ends now, and what it has to say of it comes later: until `end`. */
  stopClock(): void {
    this.#endAt(this.#now());
    this.#hasStopped = true;
  }

  end(at?: TimeInput): void {
    if (this.ended) return;
    if (at !== undefined) this.#endAt(timeInputToHrTime(at));
    else if (!this.#hasStopped) this.#endAt(this.#now());
    this.ended = true;
    this.#listener.onEnd(this);
  }

  #endAt(time: HrTime): void {
    this.endTime = isBefore(time, this.startTime) ? this.startTime : time;
  }

  #now(): HrTime {
    if (this.#startedMs === undefined) return hrTimeNow();
    const seconds = this.startTime[0];
    const nanos = this.startTime[1] + Math.round((performance.now() - this.#startedMs) * 1_000_000);
    return nanos < NANOS ? [seconds, nanos] : [seconds + Math.floor(nanos / NANOS), nanos % NANOS];
  }
}

const NANOS = 1_000_000_000;

/** By the clock on the wall, which has whole milliseconds. */
function hrTimeNow(): HrTime {
  const ms = Date.now();
  const seconds = Math.floor(ms / 1_000);
  return [seconds, (ms - seconds * 1_000) * 1_000_000];
}

function contextBelow(parent: SpanContext | undefined): SpanContext {
  const spanId = pooledIds.generateSpanId();
  const traceFlags = TraceFlags.SAMPLED;
  if (parent === undefined) return { traceId: pooledIds.generateTraceId(), spanId, traceFlags };
  const { traceId, traceState } = parent;
  return traceState === undefined ? { traceId, spanId, traceFlags } : { traceId, spanId, traceFlags, traceState };
}

function isBefore(a: HrTime, b: HrTime): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

function definedOnly(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
