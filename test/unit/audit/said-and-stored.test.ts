/**
 * Goal: what the gate hashes of a span is what the processor reads of it, whatever somebody put into an attribute: an honest process is
 * never told to have been tampered with. Method: any values, through the SDK's spans, the gate's link and text, and the
 * processor's reader.
 */
import type { AttributeValue } from "@opentelemetry/api";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import fc from "fast-check";
import { expect, it } from "vitest";
import { AuditChain } from "../../../instrumentation/src/audit/chain.ts";
import { toOtlpRequest, write } from "../../../instrumentation/src/telemetry/span-protobuf.ts";
import { readLink } from "../../../src/audit/link.ts";
import { decodeProtobufTraces } from "../../../src/pdata/otlp/protobuf-traces.ts";

const SCOPE = "@tollgate/instrumentation";
const SEED = 20_261_122;

/** How the processor reads the link of a span that says `value` of its tool, its decision and its session. */
function readingOf(value: unknown): string {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new AuditChain(SCOPE), new SimpleSpanProcessor({ exporter })];
  const tracer = new TracerProvider({ spanProcessors }).getTracer(SCOPE);
  const said = value as AttributeValue;
  const span = tracer.startSpan("execute_tool", {
    attributes: { "gen_ai.tool.name": said, "tollgate.decision": said },
  });
  span.setAttribute("tollgate.session.id", said);
  span.end();
  const [ended] = exporter.getFinishedSpans();
  if (ended === undefined) throw new Error("the span has ended");
  const decoded = decodeProtobufTraces(toOtlpRequest([write(ended)]));
  const read = decoded.kind === "decoded" ? decoded.spans[0] : undefined;
  return read === undefined ? decoded.kind : readLink(read, { checksSeal: true }).kind;
}

const values = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.bigInt(),
  fc.array(fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null)), { maxLength: 4 }),
  fc.anything({ withBigInt: true, withMap: true, withDate: true, withTypedArray: true, maxDepth: 2 }),
);

it("is read as intact, whatever its values are", () => {
  fc.assert(
    fc.property(values, (value) => {
      expect(readingOf(value)).toBe("intact");
    }),
    { seed: SEED, numRuns: 500 },
  );
});

it.each([
  ["an object", { name: "search" }],
  ["a list of objects", [{ name: "search" }, "x", [1]]],
  ["a bigint", 5n],
  ["a function", () => "x"],
  ["not a number", [Number.NaN, -0, 1e21, Infinity]],
  ["half a character", "\ud800"],
])("(%s) is read as intact", (_what, value) => {
  expect(readingOf(value)).toBe("intact");
});
