import { describe, expect, it } from "vitest";
import type { Consumer, Exporter, Processor, Receiver } from "../../../src/component/component.ts";
import { SUCCESS } from "../../../src/component/outcome.ts";
import { createTracesPipeline } from "../../../src/pipeline/traces-pipeline.ts";
import { makeBatch, makeSpan } from "../../fixtures/otlp/make-span.ts";

function rig(options: { failing?: string } = {}) {
  const events: string[] = [];
  const life = (name: string) => ({
    start: async () => {
      if (options.failing === name) throw new Error(`${name} can't start`);
      events.push(`start ${name}`);
    },
    stop: async () => {
      events.push(`stop ${name}`);
    },
  });
  const exporter: Exporter = {
    kind: "exporter",
    ...life("exporter"),
    consume: async () => {
      events.push("exported");
      return SUCCESS;
    },
  };
  const processor =
    (name: string) =>
    (next: Consumer): Processor => ({
      kind: "processor",
      ...life(name),
      consume: async (batch) => {
        events.push(`through ${name}`);
        return next.consume(batch);
      },
    });
  const receiver = (): Receiver => ({ kind: "receiver", ...life("receiver") });
  const pipeline = createTracesPipeline({
    receivers: [receiver],
    processors: [processor("first"), processor("second")],
    exporter,
  });
  return { events, pipeline };
}

describe("the traces pipeline", () => {
  it("passes a batch through the processors in their order", async () => {
    const { events, pipeline } = rig();
    await pipeline.entry.consume(makeBatch([makeSpan(1)]));
    expect(events).toEqual(["through first", "through second", "exported"]);
  });

  it("starts downstream first and stops upstream first", async () => {
    const { events, pipeline } = rig();
    await pipeline.start();
    await pipeline.stop();
    await pipeline.stop();
    const started = ["start exporter", "start second", "start first", "start receiver"];
    const stopped = ["stop receiver", "stop first", "stop second", "stop exporter"];
    expect(events).toEqual([...started, ...stopped]);
  });

  it("stops what had started when one can't start", async () => {
    const { events, pipeline } = rig({ failing: "receiver" });
    await expect(pipeline.start()).rejects.toThrow("receiver can't start");
    expect(events.slice(-3)).toEqual(["stop first", "stop second", "stop exporter"]);
  });
});
