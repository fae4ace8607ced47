import { expect, it } from "vitest";
import { FirstText } from "../../../src/pdata/first-text.ts";
import { decodeProtobufTraces } from "../../../src/pdata/otlp/protobuf-traces.ts";
import type { Span } from "../../../src/pdata/span.ts";
import { ExportTraceServiceRequest } from "../../support/otlp-descriptor.ts";

type Texts = Readonly<Record<string, string | number>>;

/** Spans as they come over the wire, each with a resource of its own. */
function spansOf(all: readonly { readonly span: Texts; readonly resource: Texts }[]): readonly Span[] {
  const attributes = (texts: Texts): object[] =>
    Object.entries(texts).map(([key, value]) => ({
      key,
      value: typeof value === "string" ? { stringValue: value } : { intValue: value },
    }));
  const resourceSpans = all.map(({ span, resource }, index) => ({
    resource: { attributes: attributes(resource) },
    scopeSpans: [
      {
        spans: [
          { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, index + 1), name: "s", attributes: attributes(span) },
        ],
      },
    ],
  }));
  const bytes = ExportTraceServiceRequest.encode(ExportTraceServiceRequest.fromObject({ resourceSpans })).finish();
  const decoded = decodeProtobufTraces(Buffer.from(bytes));
  if (decoded.kind !== "decoded") throw new Error(decoded.reason);
  return decoded.spans;
}

const CASES = [
  { span: { b: "of b", a: "of a" }, resource: { a: "resource" }, wanted: "of a" },
  { span: { b: "of b" }, resource: { a: "resource" }, wanted: "of b" },
  { span: { other: "x" }, resource: { b: "resource b" }, wanted: "resource b" },
  { span: { a: "", b: "of b" }, resource: {}, wanted: "of b" },
  { span: { a: 5 }, resource: { a: 7, b: "resource b" }, wanted: "resource b" },
  { span: {}, resource: { a: "resource a", b: "resource b" }, wanted: "resource a" },
  { span: {}, resource: {}, wanted: "" },
];

it("the first key with a text wins, the span before the resource, whatever was asked for before", () => {
  const first = new FirstText(["a", "b"]);
  const spans = spansOf([...CASES, ...CASES.toReversed()]);
  const wanted = [...CASES, ...CASES.toReversed()].map((each) => each.wanted);
  expect(spans.map((span) => first.of(span))).toEqual(wanted);
  // The same of attributes that are a plain map.
  expect(
    spans.map((span) => first.of({ ...span, attributes: new Map(span.attributes), resource: span.resource })),
  ).toEqual(wanted);
});

it("a key that is set later is found", () => {
  const first = new FirstText(["a", "b"]);
  const [span] = spansOf([{ span: { other: "x" }, resource: { b: "resource" } }]);
  if (span === undefined) throw new Error("no span");
  expect(first.of(span)).toBe("resource");
  span.attributes.set("a", "set");
  expect(first.of(span)).toBe("set");
  span.attributes.delete("a");
  expect(first.of(span)).toBe("resource");
});
