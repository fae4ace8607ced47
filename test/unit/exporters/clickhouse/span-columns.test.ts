/**
 * Goal: a block is the same bytes whether a span is written from the wire or from plain values. Method: random requests
 * read by the hot path and by the slow reader, both through the processors, both encoded. That the plain way is what the
 * engine reads is held by the data path's test on the real engine.
 */
import { createPriceBook } from "@tollgate/instrumentation/pricing";
import { describe, expect, it } from "vitest";
import { SPAN_COLUMNS } from "../../../../src/exporters/clickhouse/span-columns.ts";
import { decodeProtobufTraces } from "../../../../src/pdata/otlp/protobuf-traces.ts";
import { WireSpan } from "../../../../src/pdata/otlp/wire-span.ts";
import type { Span } from "../../../../src/pdata/span.ts";
import { encodeNativeBlock } from "../../../../src/pipeline/native/native-block.ts";
import { applyCost } from "../../../../src/processors/cost/cost.ts";
import { identify } from "../../../../src/processors/identity/identity.ts";
import { spendOf } from "../../../../src/processors/meter/meter.ts";
import { normalise } from "../../../../src/processors/normalise/normalise.ts";
import { type Field, request, spanFields } from "../../../fixtures/otlp/protobuf-encoder.ts";
import { randomRequest } from "../../../support/random-otlp.ts";
import { seededRandom } from "../../../support/seeded-random.ts";
import { slowSpans } from "../../../support/slow-otlp-reader.ts";

const prices = createPriceBook();
const registry = { find: () => undefined, mayActAs: () => false, namesOf: () => [] };

function processed(spans: readonly Span[]): readonly Span[] {
  for (const span of spans) {
    normalise(span);
    identify({ span, sender: undefined, registry });
    applyCost(span, prices);
    span.facts.spend = spendOf(span);
  }
  return spans;
}

function blockOf(spans: readonly Span[]): string {
  const rows = processed(spans).map((span) => ({ span, receivedUnixMs: 1_795_000_000_000 }));
  return encodeNativeBlock(SPAN_COLUMNS, rows).toString("latin1");
}

function wireSpans(body: Buffer): readonly Span[] {
  const decoded = decodeProtobufTraces(body);
  return decoded.kind === "decoded" ? decoded.spans : [];
}

describe("a block of spans", () => {
  it("is the same whether spans are written from the wire or from plain values", () => {
    let compared = 0;
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seededRandom(seed);
      const bodies = [randomRequest(random), randomRequest(random)];
      const spans = bodies.flatMap(wireSpans);
      if (spans.length === 0) continue;
      expect(spans[0]).toBeInstanceOf(WireSpan);
      expect(blockOf(spans) === blockOf(bodies.flatMap(slowSpans)), `seed ${seed}`).toBe(true);
      compared += spans.length;
    }
    expect(compared).toBeGreaterThan(500);
  });

  it("holds every form of an attribute as text, in any length and any bytes", () => {
    const values: Field[][] = [
      ...[0, 9, 10, 99, 127, 128, 2 ** 28, 2 ** 31, 2 ** 32, 2 ** 52].map((value): Field[] => [[3, value, "varint"]]),
      ...[0, 47, 48, 49, 127, 128, 5_000].map((length): Field[] => [[1, "é".repeat(length)]]),
      ...[0, 47, 48, 49, 127, 128, 5_000].map((length): Field[] => [[1, "x".repeat(length)]]),
      [[1, Buffer.from([0x61, 0xff, 0xfe, 0x62])]],
      [[1, Buffer.concat([Buffer.alloc(100, "x"), Buffer.from([0xc3])])]],
      [[2, 1, "varint"]],
      [[4, 0x3fd0_0000_0000_0000n, "fixed64"]],
      [[7, Buffer.from([0, 1, 2])]],
    ];
    const fields = values.map((value, index): Field => [
      9,
      [
        [1, `k${index}`],
        [2, value],
      ],
    ]);
    const body = request([spanFields(1, fields)]);
    expect(blockOf(wireSpans(body)) === blockOf(slowSpans(body))).toBe(true);
    const [span] = wireSpans(body);
    span?.attributes.delete("k3");
    span?.attributes.set("k4", "changed");
    const [plain] = slowSpans(body);
    plain?.attributes.delete("k3");
    plain?.attributes.set("k4", "changed");
    expect(blockOf(span === undefined ? [] : [span]) === blockOf(plain === undefined ? [] : [plain])).toBe(true);
  });
});
