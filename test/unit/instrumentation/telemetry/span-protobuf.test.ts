import { createTraceState, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AlwaysOnSampler, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { expect, it } from "vitest";
import { toOtlpRequest, write } from "../../../../instrumentation/src/telemetry/span-protobuf.ts";
import { ExportTraceServiceRequest } from "../../../support/otlp-descriptor.ts";
import { sentScopes } from "../../../support/sent-spans.ts";

it("writes each value as it is, also after the same key had another one, and spans by their scope", () => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    sampler: new AlwaysOnSampler(),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  const long = "a".repeat(400);
  const cases = [
    ["a", { stringValue: "a" }],
    ["a", { stringValue: "a" }],
    [1, { intValue: "1" }],
    ["1", { stringValue: "1" }],
    [1, { intValue: "1" }],
    [1.5, { doubleValue: 1.5 }],
    [Number.NaN, { doubleValue: Number.NaN }],
    [-1, { intValue: "-1" }],
    [Number.MAX_SAFE_INTEGER, { intValue: "9007199254740991" }],
    [-0, { intValue: "0" }],
    [1e21, { doubleValue: 1e21 }],
    ["\ud800", { stringValue: "\ufffd" }],
    [
      [[1], true, null],
      { arrayValue: { values: [{ arrayValue: { values: [{ intValue: "1" }] } }, { boolValue: true }, {}] } },
    ],
    [0, { intValue: "0" }],
    [false, { boolValue: false }],
    [true, { boolValue: true }],
    ['q"\n', { stringValue: 'q"\n' }],
    [["x", "y"], { arrayValue: { values: [{ stringValue: "x" }, { stringValue: "y" }] } }],
    [["x"], { arrayValue: { values: [{ stringValue: "x" }] } }],
    [long, { stringValue: long }],
  ] as const;
  const parent = provider.getTracer("one").startSpan("parent");
  for (const [value] of cases) {
    const tracer = provider.getTracer("two", "3");
    const attributes = { value: value as unknown as string, left: undefined, same: "same" };
    const span = tracer.startSpan("child", { attributes }, trace.setSpan(ROOT_CONTEXT, parent));
    span.end();
  }
  parent.end();
  const [two, one, ...others] = sentScopes(toOtlpRequest(exporter.getFinishedSpans().map(write)));
  expect([one?.scope.name, one?.spans.length, two?.scope.name, others.length]).toEqual(["one", 1, "two", 0]);
  const same = { key: "same", value: { stringValue: "same" } };
  expect(two?.spans.map(({ attributes }) => attributes)).toEqual(
    cases.map(([, value]) => [{ key: "value", value }, same]),
  );
  const { traceId, spanId } = parent.spanContext();
  const [child] = two?.spans ?? [];
  const ids = [child?.traceId, child?.parentSpanId].map((id) => Buffer.from(id ?? "", "base64").toString("hex"));
  expect([child?.name, ...ids]).toEqual(["child", traceId, spanId]);
});

it("says what OpenTelemetry's own serializer says, to its last field", () => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    sampler: new AlwaysOnSampler(),
    resource: resourceFromAttributes({ "service.name": "bot", "process.pid": 7 }, { schemaUrl: "https://a.test/1" }),
    spanLimits: { attributeCountLimit: 4, eventCountLimit: 2, linkCountLimit: 1 },
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  const plain = {
    traceId: "5b8efff798038103d269b633813fc60c",
    spanId: "eee19b7ec3c1b174",
    traceFlags: 1,
    isRemote: true,
  };
  const remote = { ...plain, traceState: createTraceState("vendor=1") };
  const tracer = provider.getTracer("scope", "1.2", { schemaUrl: "https://a.test/2" });
  const attributes = { a: 1, b: "2", c: [true, false], d: 2 ** 40, e: "one too many" };
  const start = { kind: SpanKind.CLIENT, attributes, startTime: [1_700_000_000, 5] as [number, number] };
  for (const around of [trace.setSpanContext(ROOT_CONTEXT, remote), ROOT_CONTEXT]) {
    const span = tracer.startSpan("call", start, around);
    for (const percent of [50, 80, 90]) span.addEvent("crossed", { percent }, [1_700_000_001, percent]);
    span.addLink({ context: plain, attributes: { why: "retry" } }).addLink({ context: remote });
    span.setStatus({ code: SpanStatusCode.ERROR, message: "refused" }).end([1_700_000_002, 999_999_999]);
  }
  const spans = exporter.getFinishedSpans();
  const [ours, theirs] = [toOtlpRequest(spans.map(write)), ProtobufTraceSerializer.serializeRequest(spans)].map(
    (bytes) => {
      const request = ExportTraceServiceRequest.decode(bytes ?? new Uint8Array());
      // The SDK writes some defaults, which are the same as nothing.
      return ExportTraceServiceRequest.toObject(request, { longs: String, bytes: String, defaults: true });
    },
  );
  expect(spans).toHaveLength(2);
  expect(ours).toEqual(theirs);
});

it("writes times to the nanosecond, at the edges of the steps that it is done in", () => {
  const seconds = [0, 1, 4, 5, 65_535, 65_536, 1_763_748_000, 1_763_770_367, 1_763_770_368, 2 ** 32, 18_446_744_073];
  const nanos = [0, 1, 294_967_295, 294_967_296, 709_551_615, 999_999_999];
  const times = seconds.flatMap((second) => nanos.map((rest): [number, number] => [second, rest]));
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    sampler: new AlwaysOnSampler(),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer("times");
  for (const time of times) tracer.startSpan("at", { startTime: time }).end(time);
  const [scope] = sentScopes(toOtlpRequest(exporter.getFinishedSpans().map(write)));
  const wanted = times.map(([second, rest]) =>
    String(BigInt.asUintN(64, BigInt(second) * 1_000_000_000n + BigInt(rest))),
  );
  expect(scope?.spans.map(({ startTimeUnixNano }) => String(startTimeUnixNano))).toEqual(wanted);
});
