import { describe, expect, it } from "vitest";
import type { Notice } from "../../../src/component/notice.ts";
import type { Consumer } from "../../../src/component/component.ts";
import { flowImbalance } from "../../../src/component/flow.ts";
import { type Outcome, SUCCESS } from "../../../src/component/outcome.ts";
import { httpStatusOf } from "../../../src/component/outcome-status.ts";
import { createSpanProcessor } from "../../../src/component/span-processor.ts";
import type { SpanBatch } from "../../../src/pdata/span.ts";
import { makeBatch, makeSpan } from "../../fixtures/otlp/make-span.ts";

describe("a span processor", () => {
  it("passes the whole batch on when its work throws for one span, and says so", async () => {
    const passed: SpanBatch[] = [];
    const notices: Notice[] = [];
    const processor = createSpanProcessor({
      type: "picky",
      next: {
        consume: async (batch) => {
          passed.push(batch);
          return SUCCESS;
        },
      },
      notify: (notice) => notices.push(notice),
      process(span) {
        if (span.name === "bad") throw new RangeError("no");
        span.facts.agent = "seen";
      },
    });
    const outcome = await processor.consume(makeBatch([makeSpan(1), makeSpan(2, { name: "bad" }), makeSpan(3)]));
    expect(outcome).toEqual(SUCCESS);
    expect(passed[0]?.spans.map((span) => span.facts.agent)).toEqual(["seen", "", "seen"]);
    expect(notices).toEqual([
      { level: "error", event: "span_not_processed", fields: { processor: "picky", reason: "no" } },
    ]);
  });
});

describe("verdicts of a span processor", () => {
  const processorOf = (next: Consumer, onSeen?: (batch: SpanBatch) => void) =>
    createSpanProcessor({
      type: "judge",
      next: {
        consume: async (batch) => {
          onSeen?.(batch);
          return next.consume(batch);
        },
      },
      process(span) {
        if (span.name === "probe") return { kind: "drop", reason: "filtered" };
        if (span.name === "bad") return { kind: "reject", message: "not yours" };
        return undefined;
      },
    });
  const batch = () =>
    makeBatch([
      makeSpan(1),
      makeSpan(2, { name: "probe" }),
      makeSpan(3, { name: "bad" }),
      makeSpan(4, { name: "bad" }),
    ]);
  const taking = (outcome: Outcome): Consumer => ({ consume: async () => outcome });

  it("drop silently, reject with a message, and pass on the rest", async () => {
    const seen: SpanBatch[] = [];
    const processor = processorOf(taking(SUCCESS), (passed) => seen.push(passed));
    expect(await processor.consume(batch())).toEqual({
      kind: "success",
      rejected: [{ reason: "not yours", count: 2 }],
    });
    expect(seen.map((passed) => passed.spans.map((span) => span.name))).toEqual([["chat test"]]);
    expect(processor.stats()).toMatchObject({ received: 4, stored: 1, refused: 2, dropped: { filtered: 1 } });
    expect(flowImbalance(processor.stats())).toBe(0);
  });

  it("are added to what was rejected further down, and both count as refused", async () => {
    const processor = processorOf(taking({ kind: "success", rejected: [{ reason: "further down", count: 1 }] }));
    expect(await processor.consume(batch())).toEqual({
      kind: "success",
      rejected: [
        { reason: "further down", count: 1 },
        { reason: "not yours", count: 2 },
      ],
    });
    expect(processor.stats()).toMatchObject({ stored: 0, refused: 3 });
    expect(flowImbalance(processor.stats())).toBe(0);
  });

  it("count for nothing in a batch that was not taken: its sender has all of it", async () => {
    const processor = processorOf(taking({ kind: "retryable", reason: "full" }));
    expect(await processor.consume(batch())).toEqual({ kind: "retryable", reason: "full" });
    expect(processor.stats()).toMatchObject({ received: 4, stored: 0, refused: 4, dropped: {} });
  });

  it("count for nothing where what comes after throws: its sender is told so, and has all of it", async () => {
    const processor = processorOf({
      consume: () => Promise.reject(new Error("no space left")),
    });
    await expect(processor.consume(batch())).rejects.toThrow("no space left");
    expect(processor.stats()).toMatchObject({ received: 4, stored: 0, refused: 4, inFlight: 0, dropped: {}, kept: {} });
  });

  it("count what was kept against a rule, and pass it on", async () => {
    const processor = createSpanProcessor({
      type: "judge",
      next: taking(SUCCESS),
      process: () => ({ kind: "keep", reason: "audit" }),
    });
    await processor.consume(batch());
    expect(processor.stats()).toMatchObject({ stored: 4, kept: { audit: 4 } });
    expect(flowImbalance(processor.stats())).toBe(0);
  });

  it("leave nothing to pass on when no span is kept", async () => {
    const seen: SpanBatch[] = [];
    const processor = processorOf(taking(SUCCESS), (passed) => seen.push(passed));
    expect(await processor.consume(makeBatch([makeSpan(1, { name: "probe" })]))).toEqual(SUCCESS);
    expect(seen).toEqual([]);
    expect(flowImbalance(processor.stats())).toBe(0);
  });

  it("tell a sender of a bounded number of reasons", async () => {
    const processor = createSpanProcessor({
      type: "judge",
      next: taking(SUCCESS),
      process: (span) => ({ kind: "reject", message: `no ${span.spanId}` }),
    });
    const outcome = await processor.consume(makeBatch(Array.from({ length: 50 }, (_, index) => makeSpan(index + 1))));
    expect(outcome.kind === "success" ? outcome.rejected : []).toHaveLength(17);
    expect(processor.stats().refused).toBe(50);
  });
});

describe("outcomes over HTTP", () => {
  it("are 200, 503 with whole seconds to wait, and 400", () => {
    expect(httpStatusOf(SUCCESS)).toEqual({ status: 200, retryAfterSeconds: undefined });
    expect(httpStatusOf({ kind: "retryable", reason: "full", retryAfterMs: 1_200 })).toEqual({
      status: 503,
      retryAfterSeconds: 2,
    });
    expect(httpStatusOf({ kind: "retryable", reason: "full" }).retryAfterSeconds).toBe(1);
    expect(httpStatusOf({ kind: "permanent", reason: "no" }).status).toBe(400);
  });
});
