import { createContextKey, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { expect, it } from "vitest";
import { CallContext, callIn, senderIn } from "../../../../instrumentation/src/gate/call-context.ts";

const KEY = createContextKey("of the app");
const around = ROOT_CONTEXT.setValue(KEY, 1);
const spanOf = (spanId: string) => trace.wrapSpanContext({ traceId: "1".repeat(32), spanId, traceFlags: 1 });
const make = (base = around, spanId = "a".repeat(16)) => {
  const call = { isEnded: false, isAnswered: false };
  const inside = new CallContext(base, { call, span: spanOf(spanId) });
  inside.sender = call;
  return { call, inside };
};

it("has the call, its span, its sender and what is around it, and so have contexts that are made of it", () => {
  const { call, inside } = make();
  for (const context of [inside, inside.setValue(createContextKey("other"), 2)]) {
    expect(callIn(context)).toBe(call);
    expect(senderIn(context)).toBe(call);
    expect(trace.getSpanContext(context)?.spanId).toBe("a".repeat(16));
    expect(context.getValue(KEY)).toBe(1);
  }
  expect(inside.deleteValue(KEY).getValue(KEY)).toBeUndefined();
  expect(callIn(around)).toBeUndefined();
});

it("lets go of the call when it has ended, and keeps its place in the trace", () => {
  const { inside } = make();
  inside.leave();
  expect([callIn(inside), senderIn(inside)]).toEqual([undefined, undefined]);
  expect(trace.getSpanContext(inside)?.spanId).toBe("a".repeat(16));
});

it("stands beside the context of the call that it is made in: calls that start each other make no chain", () => {
  const reads: symbol[] = [];
  const base = { getValue: (key: symbol) => void reads.push(key), setValue: () => base, deleteValue: () => base };
  let inside = make(base).inside;
  // As deep as this, a chain could not be read any more.
  for (let index = 0; index < 100_000; index += 1) {
    const next = make(inside);
    inside.leave();
    inside = next.inside;
  }
  inside.getValue(KEY);
  expect(reads).toEqual([KEY]);
  // A call without a span of its own belongs to the one it is made in.
  const opening = new CallContext(inside, { call: { isEnded: false, isAnswered: false } });
  expect(trace.getSpanContext(opening)?.spanId).toBe("a".repeat(16));
});
