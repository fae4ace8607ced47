/** Spans of every shape that OTLP allows, for property tests. */
import fc from "fast-check";
import { emptyFacts } from "../../src/pdata/facts.ts";
import type { Attributes, AttributeValue, Span } from "../../src/pdata/span.ts";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

const text = fc.string({ unit: "grapheme", maxLength: 60 });
const hex = (digits: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ minLength: digits / 2, maxLength: digits / 2 })
    .filter((bytes) => bytes.some((byte) => byte !== 0))
    .map((bytes) => Buffer.from(bytes).toString("hex"));
const time = fc.bigInt({ min: 0n, max: INT64_MAX });

const int64 = fc.oneof(
  fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
  fc.constantFrom(0n, -1n, INT64_MIN, INT64_MAX, 2n ** 32n - 1n, 2n ** 32n, 2n ** 31n, 127n, 128n),
);

export const arbitraryValue: fc.Arbitrary<AttributeValue> = fc.letrec<{ value: AttributeValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    text,
    fc.string({ unit: "binary-ascii", minLength: 100, maxLength: 400 }),
    fc.boolean(),
    int64,
    fc.double(),
    fc.uint8Array({ maxLength: 40 }),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(text, tie("value"), { maxKeys: 5, noNullPrototype: false }),
  ),
})).value;

export const arbitraryAttributes: fc.Arbitrary<Attributes> = fc
  .array(fc.tuple(text, arbitraryValue), { maxLength: 8 })
  .map((pairs) => new Map(pairs));

const resource = fc.record({ attributes: arbitraryAttributes });
const scope = fc.record({ name: text, version: text, attributes: arbitraryAttributes });

const event = fc.record({ timeUnixNano: time, name: text, attributes: arbitraryAttributes });
const link = fc.record({ traceId: hex(32), spanId: hex(16), traceState: text, attributes: arbitraryAttributes });

const span: fc.Arbitrary<Omit<Span, "resource" | "scope">> = fc.record({
  traceId: hex(32),
  spanId: hex(16),
  parentSpanId: fc.oneof(fc.constant(""), hex(16)),
  traceState: text,
  flags: fc.nat(0xffff_ffff),
  name: text,
  kind: fc.integer({ min: 0, max: 5 }),
  startUnixNano: time,
  endUnixNano: time,
  statusCode: fc.integer({ min: 0, max: 2 }),
  statusMessage: text,
  attributes: arbitraryAttributes,
  events: fc.array(event, { maxLength: 3 }),
  links: fc.array(link, { maxLength: 3 }),
  droppedAttributesCount: fc.nat(0xffff_ffff),
  facts: fc.constant(emptyFacts()),
});

/** Some spans that share two resources and two scopes, in any order. */
export const arbitrarySpans: fc.Arbitrary<readonly Span[]> = fc
  .tuple(
    fc.tuple(resource, resource),
    fc.tuple(scope, scope),
    fc.array(fc.tuple(span, fc.nat(1), fc.nat(1)), { maxLength: 6 }),
  )
  .map(([resources, scopes, spans]) =>
    spans.map(([one, r, s]): Span => ({
      ...one,
      resource: resources[r] ?? resources[0],
      scope: scopes[s] ?? scopes[0],
    })),
  );
