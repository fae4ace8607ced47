import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AlwaysOnSampler, TracerProvider } from "@opentelemetry/sdk-trace";
import { describe, expect, it, onTestFinished } from "vitest";
import { createLogger } from "../../../../instrumentation/src/config/logger.ts";
import { toOtlpRequest } from "../../../../instrumentation/src/telemetry/span-protobuf.ts";
import type { WrittenSpan, WrittenSpanExporter } from "../../../../instrumentation/src/telemetry/span-protobuf.ts";
import { Afterwork } from "../../../../instrumentation/src/telemetry/afterwork.ts";
import { AuditSpanProcessor } from "../../../../instrumentation/src/telemetry/audit-span-processor.ts";
import { SpanSpool } from "../../../../instrumentation/src/telemetry/span-spool.ts";
import { readShelf, ThreadShelf } from "../../../../instrumentation/src/telemetry/thread-shelf.ts";
import { attributesOf, sentSpans } from "../../../support/sent-spans.ts";
import type { SentSpan } from "../../../support/sent-spans.ts";

const SCOPE = "test";

function sent(span: WrittenSpan): SentSpan {
  return sentSpans(toOtlpRequest([span]))[0] as SentSpan;
}

function nameOf(span: WrittenSpan): string {
  return sent(span).name;
}

/** Takes spans only while it is up. */
class SwitchedExporter implements WrittenSpanExporter {
  isUp = true;
  readonly taken: string[] = [];
  #next = Promise.withResolvers<undefined>();

  /** Resolves with the next export. */
  next(): Promise<undefined> {
    return this.#next.promise;
  }

  export(...[spans, done]: Parameters<WrittenSpanExporter["export"]>): void {
    if (this.isUp) this.taken.push(...spans.map(nameOf));
    done(this.isUp ? { code: 0 } : { code: 1, error: new Error("down") });
    this.#next.resolve(undefined);
    this.#next = Promise.withResolvers();
  }

  async shutdown(): Promise<void> {}
}

function start(pendingMax: number, afterwork = new Afterwork()) {
  const exporter = new SwitchedExporter();
  const log: string[] = [];
  const recovered: number[] = [];
  const spans = new AuditSpanProcessor({
    exporter,
    logger: createLogger("warn", (line) => log.push(line)),
    scope: SCOPE,
    pendingMax,
    afterwork,
    onRecovered: (dropped) => recovered.push(dropped),
  });
  const provider = new TracerProvider({ sampler: new AlwaysOnSampler(), spanProcessors: [spans] });
  const make = (count: number): void => {
    for (let index = 0; index < count; index += 1) provider.getTracer(SCOPE).startSpan(`span ${index}`).end();
  };
  return { exporter, log, recovered, spans, provider, make };
}

it("counts what it drops, logs it once, and tells it as soon as spans are taken again, once", async () => {
  const { exporter, log, recovered, spans, make } = start(10);
  exporter.isUp = false;
  make(14);
  expect([spans.pending.length, spans.dropped]).toEqual([10, 4]);
  await spans.forceFlush();
  expect(recovered).toEqual([]);
  exporter.isUp = true;
  await spans.forceFlush();
  await spans.forceFlush();
  expect(exporter.taken).toHaveLength(10);
  expect(recovered).toEqual([4]);
  make(1);
  await spans.forceFlush();
  expect(recovered).toEqual([4]);
  expect(log.filter((line) => line.includes("more are dropped"))).toHaveLength(1);
});

it("sends by itself what has ended, few or many, in the order of the ends", async () => {
  const { exporter, make } = start(1_000);
  for (const count of [1, 31, 32, 300, 3]) {
    make(count);
    while (exporter.taken.length < count) await exporter.next();
    expect(exporter.taken.splice(0)).toEqual(Array.from({ length: count }, (_, index) => `span ${index}`));
  }
});

it("ends and marks what is open of its own scope, and nothing of the app's", () => {
  const { spans, provider } = start(10);
  const own = provider.getTracer(SCOPE).startSpan("own");
  const other = provider.getTracer("app").startSpan("other");
  provider.getTracer(SCOPE).startSpan("ended").end();
  spans.endOpen();
  spans.endOpen();
  expect([own.isRecording(), other.isRecording()]).toEqual([false, true]);
  const pending = spans.pending.map((span) => [nameOf(span), "tollgate.span.unfinished" in attributesOf(sent(span))]);
  expect(pending).toEqual([
    ["ended", false],
    ["own", true],
  ]);
});

it("keeps a batch that was not taken in its place", async () => {
  const { exporter, spans, make } = start(100);
  exporter.isUp = false;
  make(3);
  await spans.forceFlush();
  make(2);
  exporter.isUp = true;
  await spans.shutdown();
  expect(spans.pending).toEqual([]);
});

it("keeps on a thread's shelf what is on its way while newer spans go to disk", async () => {
  const directory = mkdtempSync(join(tmpdir(), "tollgate-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const shelf = new ThreadShelf();
  const places = new Map<WrittenSpan, number>();
  const logger = createLogger("error", () => {});
  let taken: () => void = () => {};
  const spans = new AuditSpanProcessor({
    exporter: {
      export: (_spans, done) => (taken = () => done({ code: 0 })),
      shutdown: async () => {},
    },
    logger,
    scope: SCOPE,
    pendingMax: 5,
    disk: {
      spool: new SpanSpool({ directory, agent: "bot", bytesMax: 1e6, logger, wallMs: () => 1 }),
      send: () => Promise.resolve("taken"),
    },
    shelf: {
      put: (span) => void places.set(span, shelf.put(nameOf(span), new Uint8Array())),
      release: (safe) => shelf.release(safe.map((span) => places.get(span) ?? -1)),
      releaseAll: () => shelf.releaseAll(),
    },
  });
  const provider = new TracerProvider({ sampler: new AlwaysOnSampler(), spanProcessors: [spans] });
  const make = (name: string): void => provider.getTracer(SCOPE).startSpan(name).end();
  for (const name of ["sent 1", "sent 2"]) make(name);
  const flushed = spans.forceFlush();
  for (const name of ["1", "2", "3", "4", "5", "6"]) make(`waits ${name}`);
  expect(readdirSync(join(directory, "bot"))).toHaveLength(1);
  const left = readShelf(shelf.memory).records.map(String);
  expect(left.filter((name) => name.startsWith("sent"))).toEqual(["sent 1", "sent 2"]);
  expect(left).toContain("waits 6");
  taken();
  await new Promise<void>((resolve) => setImmediate(resolve));
  taken();
  await flushed;
  expect(readShelf(shelf.memory)).toMatchObject({ records: [], missed: 0 });
});

it("lets nobody's flush end while a file from disk is on its way", async () => {
  const directory = mkdtempSync(join(tmpdir(), "tollgate-spool-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const logger = createLogger("error", () => {});
  const spool = new SpanSpool({ directory, agent: "a", bytesMax: 1_000, logger, wallMs: () => Date.now() });
  spool.write(Buffer.from("{}"));
  const answer = Promise.withResolvers<"taken">();
  const disk = { spool, send: () => answer.promise };
  const spans = new AuditSpanProcessor({ exporter: new SwitchedExporter(), logger, scope: SCOPE, disk });
  const filesAtEnd = async (): Promise<readonly string[]> => {
    await spans.forceFlush();
    return readdirSync(join(directory, "a"));
  };
  const flushes = [filesAtEnd(), filesAtEnd()];
  // The second one has had the time to find nothing left to send.
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
  answer.resolve("taken");
  expect(await Promise.all(flushes)).toEqual([[], []]);
});

describe("what has ended and does not know it yet", () => {
  function startWithOne() {
    const afterwork = new Afterwork();
    const { spans, provider } = start(10, afterwork);
    const tracer = provider.getTracer(SCOPE);
    const late = tracer.startSpan("put off");
    afterwork.add({ catchUp: () => late.end() });
    return { spans, tracer };
  }

  it("comes before what ends after it", () => {
    const { spans, tracer } = startWithOne();
    tracer.startSpan("next").end();
    expect(spans.pending.map(nameOf)).toEqual(["put off", "next"]);
  });

  it("is pending", () => {
    expect(startWithOne().spans.pending.map(nameOf)).toEqual(["put off"]);
  });

  it("is not open when the process ends", () => {
    const { spans } = startWithOne();
    spans.endOpen();
    expect(spans.pending.map((span) => Object.keys(attributesOf(sent(span))))).toEqual([[]]);
  });
});
