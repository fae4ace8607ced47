/**
 * Goal: a request's memory is used again as soon as the pipeline has answered, and never while somebody reads it.
 * Method: requests of one pool after one another; the spans of the first one are read when the second has come.
 */
import { describe, expect, it } from "vitest";
import type { Consumer } from "../../../../src/component/component.ts";
import { SUCCESS } from "../../../../src/component/outcome.ts";
import type { Span, SpanBatch } from "../../../../src/pdata/span.ts";
import { SignalIntake } from "../../../../src/receivers/otlp/signal-intake.ts";
import { TRACES } from "../../../../src/receivers/otlp/signals.ts";
import { BufferPool } from "../../../../src/support/buffer-pool.ts";
import { request, spanFields } from "../../../fixtures/otlp/protobuf-encoder.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const pool = new BufferPool({ idleBytesMax: () => 1_048_576 });

function intakeOf(consume: Consumer["consume"]): (value: string) => Promise<unknown> {
  const intake = new SignalIntake<SpanBatch>({ signal: TRACES, next: { consume }, clock: new ManualClock() });
  return (value) => {
    const message = request([
      spanFields(1, [
        [
          9,
          [
            [1, "key"],
            [2, [[1, value]]],
          ],
        ],
      ]),
    ]);
    const buffers = pool.lease();
    const bytes = buffers.take(message.length).subarray(0, message.length);
    message.copy(bytes);
    return intake.take({ bytes, encoding: "protobuf", sender: undefined, buffers });
  };
}

const valueOf = (span: Span | undefined): unknown => span?.attributes.get("key");

describe("memory of a request", () => {
  it("is that of the next one, once it is answered", async () => {
    const spans: Span[] = [];
    const send = intakeOf(async (batch) => {
      spans.push(...batch.spans);
      return SUCCESS;
    });
    await send("first");
    const { idleBytes } = pool;
    await send("later");
    expect(pool.idleBytes).toBe(idleBytes);
    expect(valueOf(spans[0])).not.toBe("first");
    expect(valueOf(spans[1])).toBe("later");
  });

  it("stays what it is for who keeps it", async () => {
    const spans: Span[] = [];
    const send = intakeOf(async (batch) => {
      spans.push(...batch.spans);
      batch.keep?.();
      return SUCCESS;
    });
    await send("first");
    await send("later");
    expect(spans.map(valueOf)).toEqual(["first", "later"]);
  });

  it("is not used again when the pipeline throws: a part of it may be reading", async () => {
    const spans: Span[] = [];
    const send = intakeOf(async (batch) => {
      spans.push(...batch.spans);
      throw new Error("one of two exporters");
    });
    await expect(send("first")).rejects.toThrow("one of two");
    await expect(send("later")).rejects.toThrow("one of two");
    expect(spans.map(valueOf)).toEqual(["first", "later"]);
  });
});
