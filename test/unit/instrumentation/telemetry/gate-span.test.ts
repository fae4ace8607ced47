import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Span as ApiSpan, Tracer } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AlwaysOnSampler, TracerProvider } from "@opentelemetry/sdk-trace";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";
import { expect, it } from "vitest";
import { Beginning, GateTracer } from "../../../../instrumentation/src/telemetry/gate-span.ts";
import type { GateSpan } from "../../../../instrumentation/src/telemetry/gate-span.ts";
import { toOtlpRequest, write } from "../../../../instrumentation/src/telemetry/span-protobuf.ts";
import { sentSpans } from "../../../support/sent-spans.ts";

const SCOPE = { name: "test", version: "1" };
const START = [1_763_748_000, 999_999_999] as [number, number];
const END = [1_763_748_001, 1] as [number, number];

class Recorder implements SpanProcessor {
  readonly started: ReadableSpan[] = [];
  readonly ended: ReadableSpan[] = [];
  onStart(span: ReadableSpan): void {
    this.started.push(span);
  }
  onEnd(span: ReadableSpan): void {
    this.ended.push(span);
  }
  forceFlush(): Promise<void> {
    return Promise.resolve();
  }
  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

function tracers(): { readonly name: string; readonly tracer: Tracer; readonly spans: Recorder }[] {
  const resource = resourceFromAttributes({ "service.name": "bot" });
  const [own, sdk] = [new Recorder(), new Recorder()];
  const provider = new TracerProvider({ resource, sampler: new AlwaysOnSampler(), spanProcessors: [sdk] });
  return [
    { name: "gate", tracer: new GateTracer({ resource, instrumentationScope: SCOPE, listener: own }), spans: own },
    { name: "sdk", tracer: provider.getTracer(SCOPE.name, SCOPE.version), spans: sdk },
  ];
}

/** What is sent of a span but for its own random id. */
function sent(span: ReadableSpan): unknown {
  const { scope, ...written } = write(span);
  const [said] = sentSpans(toOtlpRequest([{ scope, ...written }]));
  return { scope, said: { ...said, spanId: "" } };
}

it("is sent as the SDK's own span is, whatever is done with it", () => {
  const remote = {
    traceId: "5b8efff798038103d269b633813fc60c",
    spanId: "eee19b7ec3c1b174",
    traceFlags: 1,
    isRemote: true,
  };
  const list = ["stop"];
  const [gate, sdk] = tracers().map(({ tracer, spans }) => {
    const parent = trace.setSpanContext(ROOT_CONTEXT, remote);
    const attributes = { a: 1, left: undefined, b: "2", list };
    const span = tracer.startSpan("call", { kind: SpanKind.CLIENT, attributes, startTime: START }, parent);
    span.setAttribute("b", "3").setAttributes({ c: true, left: undefined }).updateName("called");
    span.addEvent("crossed", { percent: 80 }, END);
    span.addLink({ context: remote });
    span.recordException(new TypeError("no"), END);
    span.setStatus({ code: SpanStatusCode.UNSET }).setStatus({ code: SpanStatusCode.ERROR, message: "refused" });
    list.push("changed later");
    span.end(END);
    span.end();
    span.setAttribute("late", 1).updateName("late").setStatus({ code: SpanStatusCode.OK });
    list.length = 1;
    expect(spans.ended).toHaveLength(1);
    return spans.ended[0];
  });
  if (gate === undefined || sdk === undefined) throw new Error("both have ended");
  const { said, ...rest } = sent(gate) as { readonly said: Record<string, unknown> };
  const { said: sdkSaid, ...sdkRest } = sent(sdk) as { readonly said: Record<string, unknown> };
  expect(rest).toEqual(sdkRest);
  // A stack names files of this machine: the gate leaves it out.
  expect(withoutStacks(said)).toEqual(withoutStacks(sdkSaid));
  expect([gate.attributes, gate.duration, gate.ended]).toEqual([sdk.attributes, sdk.duration, true]);
});

function withoutStacks(said: Readonly<Record<string, unknown>>): unknown {
  return JSON.parse(
    JSON.stringify(said, (_key, value: unknown) =>
      Array.isArray(value) ? value.filter((entry) => keyOf(entry) !== "exception.stacktrace") : value,
    ),
  );
}

function keyOf(entry: unknown): unknown {
  return typeof entry === "object" && entry !== null && "key" in entry ? entry.key : undefined;
}

it("begins a trace of its own below nothing, and below what is no span", () => {
  for (const { tracer, name } of tracers()) {
    const invalid = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: "0".repeat(32),
      spanId: "0".repeat(16),
      traceFlags: 0,
    });
    const spans: ApiSpan[] = [tracer.startSpan("one", {}, ROOT_CONTEXT), tracer.startSpan("two", {}, invalid)];
    const ids = spans.map((span) => span.spanContext());
    expect([name, new Set(ids.map(({ traceId }) => traceId)).size]).toEqual([name, 2]);
    for (const { traceId, spanId, traceFlags } of ids) {
      expect([/^[0-9a-f]{32}$/.test(traceId), /^[0-9a-f]{16}$/.test(spanId), traceFlags]).toEqual([true, true, 1]);
    }
  }
});

it("never ends before it started, and its time goes on where the clock of the second changes", () => {
  const [own] = tracers();
  if (own === undefined) throw new Error("there are two");
  const back = own.tracer.startSpan("back", { startTime: END }, ROOT_CONTEXT);
  back.end(START);
  const now = own.tracer.startSpan("now", {}, ROOT_CONTEXT);
  now.end();
  const [ended, ran] = own.spans.ended;
  expect(ended?.endTime).toEqual(END);
  if (ran === undefined) throw new Error("it has ended");
  const ns = ([seconds, rest]: readonly [number, number]): bigint => BigInt(seconds) * 1_000_000_000n + BigInt(rest);
  expect(ns(ran.endTime) >= ns(ran.startTime)).toBe(true);
  expect([Number.isInteger(ran.endTime[1]), ran.endTime[1] < 1_000_000_000]).toEqual([true, true]);
});

it("says what it begins with as if it were said of it alone", () => {
  const attributes = { "a.text": "x", "a.list": ["y"], "a.nothing": undefined, "a.number": 1 };
  const options = { attributes, startTime: START };
  const shared = { ...options, beginning: new Beginning(attributes) };
  const [own] = tracers();
  for (const each of [options, shared, shared]) {
    const span = own?.tracer.startSpan("call", each, ROOT_CONTEXT) as ApiSpan;
    span.setAttribute("a.number", own?.spans.ended.length ?? 0).setAttribute("b", true);
    span.end(END);
  }
  const wanted = (number: number) => ({ "a.text": "x", "a.list": ["y"], "a.number": number, b: true });
  expect(own?.spans.ended.map((span) => span.attributes)).toEqual([wanted(0), wanted(1), wanted(2)]);
});

it("ends when its clock was stopped, and may be told more until it says so itself", () => {
  const listener = new Recorder();
  const span = new GateTracer({
    resource: resourceFromAttributes({}),
    instrumentationScope: SCOPE,
    listener,
  }).startSpan("call") as GateSpan;
  span.stopClock();
  const stopped = span.endTime;
  for (const until = performance.now() + 5; performance.now() < until;);
  span.setAttribute("late", true);
  expect(listener.ended).toEqual([]);
  span.end();
  expect([span.endTime, span.attributes, listener.ended.length]).toEqual([stopped, { late: true }, 1]);
});
