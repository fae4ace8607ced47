import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { AlwaysOnSampler, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { expect, it } from "vitest";
import { toOtlpJson, write } from "../../../../instrumentation/src/telemetry/span-json.ts";

interface Request {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly { readonly name: string; readonly attributes: readonly unknown[] }[];
    }[];
  }[];
}

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
    [Number.NaN, { doubleValue: "NaN" }],
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
    const attributes = { value: value as string, left: undefined, same: "same" };
    const span = tracer.startSpan("child", { attributes }, trace.setSpan(ROOT_CONTEXT, parent));
    span.end();
  }
  parent.end();
  const request = JSON.parse(toOtlpJson(exporter.getFinishedSpans().map(write)).toString()) as Request;
  expect(request.resourceSpans).toHaveLength(1);
  const [two, one] = request.resourceSpans[0]?.scopeSpans ?? [];
  expect([one?.scope.name, one?.spans.length, two?.scope.name]).toEqual(["one", 1, "two"]);
  const same = { key: "same", value: { stringValue: "same" } };
  expect(two?.spans.map(({ attributes }) => attributes)).toEqual(
    cases.map(([, value]) => [{ key: "value", value }, same]),
  );
  const { traceId, spanId } = parent.spanContext();
  expect(two?.spans[0]).toMatchObject({ name: "child", traceId, parentSpanId: spanId });
});
