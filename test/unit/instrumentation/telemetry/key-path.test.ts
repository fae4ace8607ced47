/**
 * What spans share must not show: whatever is said, in whatever order and how often, a span has what a table of its own would have. Random
 * sayings against a `Map`, over few keys so that paths part and meet, and over more keys than are kept.
 */
import { ROOT_CONTEXT } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import fc from "fast-check";
import { expect, it } from "vitest";
import { GateTracer } from "../../../../instrumentation/src/telemetry/gate-span.ts";
import type { GateSpan } from "../../../../instrumentation/src/telemetry/gate-span.ts";

const tracer = new GateTracer({
  resource: resourceFromAttributes({}),
  instrumentationScope: { name: "test", version: "1" },
  listener: { onStart() {}, onEnd() {} },
});
const start = (): GateSpan => tracer.startSpan("said", {}, ROOT_CONTEXT) as GateSpan;

function says(sayings: readonly (readonly [string, number])[]): void {
  const [span, other] = [start(), start()];
  const table = new Map<string, number>();
  for (const [key, value] of sayings) {
    span.say(key, value);
    table.set(key, value);
    // Another one on the same way, which goes off it.
    other.say(key, -value);
    if (value % 7 === 0) other.say("aside", value);
  }
  expect([span.keys, span.values]).toEqual([[...table.keys()], [...table.values()]]);
  expect(span.attributes).toEqual(Object.fromEntries(table));
}

it("has what was said last of each key, in the order of the first time", () => {
  const key = fc.constantFrom("", "a", "b", "c", "d", "e", "__proto__x", "aside");
  fc.assert(fc.property(fc.array(fc.tuple(key, fc.nat(1_000)), { maxLength: 40 }), says), { numRuns: 2_000 });
});

it("shares its list with the spans that said the same, and with no others", () => {
  const [one, two, three] = [start(), start(), start()];
  for (const span of [one, two, three]) {
    span.say("a", 1);
    span.say("b", 2);
  }
  three.say("c", 3);
  expect(one.keys).toBe(two.keys);
  expect(three.keys).toEqual(["a", "b", "c"]);
  expect(() => (one.keys as string[]).push("c")).toThrow(TypeError);
});

it("is right also for more keys than are kept", () => {
  for (let round = 0; round < 2; round += 1) {
    for (let index = 0; index < 12_000; index += 1) {
      const span = start();
      span.say("a", 0);
      span.say(`label ${index}`, index);
      span.say("a", 1);
      span.say("b", 2);
      expect(span.keys).toEqual(["a", `label ${index}`, "b"]);
      expect(span.values).toEqual([1, index, 2]);
    }
  }
});
