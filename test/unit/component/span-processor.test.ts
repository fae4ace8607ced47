import { describe, expect, it } from "vitest";
import type { Notice } from "../../../src/component/notice.ts";
import { SUCCESS } from "../../../src/component/outcome.ts";
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
