import { describe, expect, it } from "vitest";
import type { Exporter } from "../../../src/component/component.ts";
import { type Outcome, SUCCESS } from "../../../src/component/outcome.ts";
import type { SpanBatch } from "../../../src/pdata/span.ts";
import { createFanOut } from "../../../src/pipeline/fan-out.ts";
import { makeBatch, makeSpan } from "../../fixtures/otlp/make-span.ts";

interface Made {
  readonly name: string;
  readonly exporter: Exporter;
  readonly batches: SpanBatch[];
}

function make(
  name: string,
  options: {
    readonly calls?: string[];
    readonly outcome?: () => Promise<Outcome>;
    readonly start?: () => Promise<void>;
    readonly stop?: () => Promise<void>;
  } = {},
): Made {
  const batches: SpanBatch[] = [];
  const { calls = [], outcome, start, stop } = options;
  return {
    name,
    batches,
    exporter: {
      kind: "exporter",
      start: async () => {
        calls.push(`start ${name}`);
        await start?.();
      },
      stop: async () => {
        calls.push(`stop ${name}`);
        await stop?.();
      },
      consume: async (batch) => {
        batches.push(batch);
        return outcome === undefined ? SUCCESS : outcome();
      },
    },
  };
}

const batch = makeBatch([makeSpan(1)]);

describe("a fan-out", () => {
  it("gives every exporter the same batch, and takes it when all have", async () => {
    const exporters = [make("clickhouse"), make("otlp/tempo"), make("otlp/other")];
    expect(await createFanOut(exporters).consume(batch)).toEqual(SUCCESS);
    for (const { batches } of exporters) expect(batches).toEqual([batch]);
  });

  it("offers the batch to the others while one of them takes its time", async () => {
    const gate = Promise.withResolvers<Outcome>();
    const slow = make("clickhouse", { outcome: () => gate.promise });
    const quick = make("otlp/tempo");
    const taken = createFanOut([slow, quick]).consume(batch);
    expect(quick.batches).toHaveLength(1);
    gate.resolve(SUCCESS);
    expect(await taken).toEqual(SUCCESS);
  });

  it("answers as the one that could not take it", async () => {
    const full: Outcome = { kind: "retryable", reason: "the spool is full", retryAfterMs: 5 };
    const fanOut = createFanOut([make("clickhouse"), make("otlp/tempo", { outcome: async () => full })]);
    expect(await fanOut.consume(batch)).toEqual(full);
  });

  it("starts in order and stops all, once", async () => {
    const calls: string[] = [];
    const fanOut = createFanOut([make("a", { calls }), make("b", { calls })]);
    await fanOut.stop();
    await fanOut.start();
    await fanOut.stop();
    await fanOut.stop();
    expect(calls).toEqual(["start a", "start b", "stop a", "stop b"]);
  });

  it("stops what runs and names the one that does not start", async () => {
    const calls: string[] = [];
    const start = async (): Promise<void> => {
      throw new Error("no such file");
    };
    const fanOut = createFanOut([make("clickhouse", { calls }), make("otlp/tempo", { calls, start })]);
    await expect(fanOut.start()).rejects.toThrow("`exporters.otlp/tempo` does not start");
    expect(calls).toEqual(["start clickhouse", "start otlp/tempo", "stop clickhouse"]);
  });

  it("stops the others when one does not stop cleanly, and says which", async () => {
    const calls: string[] = [];
    const stop = async (): Promise<void> => {
      throw new Error("EIO");
    };
    const fanOut = createFanOut([make("a", { calls, stop }), make("b", { calls })]);
    await fanOut.start();
    const failure = await fanOut.stop().catch((error: unknown) => error);
    expect(calls).toContain("stop b");
    expect(failure).toMatchObject({ errors: [{ message: "`exporters.a` did not stop cleanly" }] });
  });
});
