/** Lists that come again as the same bytes are not read again: what a span says of them must be what it would say alone. */
import { describe, expect, it } from "vitest";
import { decodeJsonTraces } from "../../../../src/pdata/otlp/json-traces.ts";
import { decodeProtobufTraces } from "../../../../src/pdata/otlp/protobuf-traces.ts";
import type { AttributeValue, Span } from "../../../../src/pdata/span.ts";
import { ExportTraceServiceRequest } from "../../../support/otlp-descriptor.ts";

const text = (stringValue: string) => ({ stringValue });
const list = (...values: object[]) => ({ arrayValue: { values } });
/** One value under `reasons` for each span, and one attribute behind it. */
function requestOf(values: readonly object[], idOf: (hex: string) => unknown = (hex) => hex): object {
  const spans = values.map((value, index) => ({
    traceId: idOf("0af7651916cd43dd8448eb211c80319c"),
    spanId: idOf(`b7ad6b716920${String(index).padStart(4, "0")}`),
    attributes: [
      { key: "reasons", value },
      { key: "last", value: { intValue: String(index) } },
    ],
  }));
  return { resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ scope: { name: "s" }, spans }] }] };
}

function fromJson(values: readonly object[]): readonly Span[] {
  const decoded = decodeJsonTraces(Buffer.from(JSON.stringify(requestOf(values))));
  if (decoded.kind === "malformed") throw new Error(decoded.reason);
  return decoded.spans;
}

function fromProtobuf(values: readonly object[]): readonly Span[] {
  const request = ExportTraceServiceRequest.fromObject(requestOf(values, (hex) => Buffer.from(hex, "hex")));
  const decoded = decodeProtobufTraces(Buffer.from(ExportTraceServiceRequest.encode(request).finish()));
  if (decoded.kind === "malformed") throw new Error(decoded.reason);
  return decoded.spans;
}

const reasonsOf = (spans: readonly Span[]): (AttributeValue | undefined)[] =>
  spans.map(({ attributes }) => attributes.get("reasons"));
const lastOf = (spans: readonly Span[]): number[] => spans.map(({ attributes }) => Number(attributes.get("last")));

const VALUES = [
  list(text("stop")),
  list(text("length")),
  list(text("stop")),
  list(text("stoq")),
  text("stop"),
  list(text("stop"), text("stop")),
  list(),
  list(text("stop")),
  list(text("x".repeat(300))),
  list(text("x".repeat(300))),
  { kvlistValue: { values: [{ key: "a", value: text("b") }] } },
  list(text("a"), list(text("b"))),
  list(text("stop")),
];
const WANTED = [
  ["stop"],
  ["length"],
  ["stop"],
  ["stoq"],
  "stop",
  ["stop", "stop"],
  [],
  ["stop"],
  ["x".repeat(300)],
  ["x".repeat(300)],
  { a: "b" },
  ["a", ["b"]],
  ["stop"],
];

describe.each([
  ["protobuf", fromProtobuf],
  ["JSON", fromJson],
])("a list of %s that came before", (_encoding, decode) => {
  it("is what it was, and what differs in one byte is not", () => {
    const spans = decode(VALUES);
    expect(reasonsOf(spans)).toEqual(WANTED);
    expect(lastOf(spans)).toEqual(VALUES.map((_, index) => index));
  });

  it("is one value for all of them, until a span sets another", () => {
    // Other tests of this process may have made up many keys: then the 16th span that comes with this one brings it in.
    decode(Array.from({ length: 16 }, () => list(text("stop"))));
    const [one, other] = decode([list(text("stop")), list(text("stop"))]);
    expect(one?.attributes.get("reasons")).toBe(other?.attributes.get("reasons"));
    one?.attributes.set("reasons", "taken out");
    expect(other?.attributes.get("reasons")).toEqual(["stop"]);
  });

  it("may be different every time: only a few are kept, and all are read", () => {
    const values = Array.from({ length: 50 }, (_, index) => list(text(`reason ${index}`)));
    expect(reasonsOf(decode([...values, ...values]))).toEqual(
      [...values, ...values].map((_, index) => [`reason ${index % 50}`]),
    );
  });
});
