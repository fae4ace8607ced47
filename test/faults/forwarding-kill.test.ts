/**
 * Goal: what was acknowledged reaches the backend, too, also when the processor is killed while that backend is away.
 * Method: kill -9 with blocks that could not be sent, a restart, and only then a backend; what it gets is counted by
 * span identity (it may get a span twice: OTLP is at-least-once).
 */
import { expect, test } from "vitest";
import { ProcessorProcess } from "../../src/demo/processor-process.ts";
import { createWorkspace } from "../support/workspace.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { OtlpBackend } from "../support/otlp-backend.ts";
import { Random } from "../support/random.ts";
import { exportRequest, postSpans } from "../support/otlp-json.ts";

const BATCHES = 12;
const SPANS_IN_BATCH = 10;
const EVENTUALLY_MS = 60_000;
const GOVERNANCE = "kind: budget\nname: all\nlimit: $1000.00\nwindow: lifetime\n";

test.each(["http", "grpc"] as const)("kill -9 loses nothing for a backend that was away, over %s", async (protocol) => {
  const seed = Date.now() % 1_000_000;
  console.info(`seed ${seed}`);
  const random = new Random(seed);
  await using stack = new AsyncDisposableStack();
  const backend = new OtlpBackend({ protocol });
  stack.defer(() => backend.stop());
  await backend.start();
  const { endpoint } = backend;
  await backend.stop();
  const key = protocol === "http" ? "otlp_http/away" : "otlp/away";
  const retry = "retry_on_failure: { initial_interval_ms: 20, max_interval_ms: 100 }";
  const workspace = await createWorkspace({
    governance: GOVERNANCE,
    config: `exporters: { ${key}: { endpoint: "${endpoint}", ${retry} } }\n`,
  });
  stack.defer(() => workspace.remove());
  let processor = await ProcessorProcess.start({ workspace });
  stack.defer(async () => void (await processor.stop()));

  const sent = new Set<string>();
  const killAfter = random.between(1, BATCHES - 1);
  for (let batch = 0; batch < BATCHES; batch += 1) {
    if (batch === killAfter) {
      await processor.kill();
      processor = await ProcessorProcess.start({ workspace });
    }
    const spanIds = Array.from({ length: SPANS_IN_BATCH }, (_, index) =>
      (batch * SPANS_IN_BATCH + index + 1).toString(16).padStart(16, "0"),
    );
    const spans = spanIds.map((spanId) => ({ name: "step", attributes: {}, traceId: "1".repeat(32), spanId }));
    const answer = await postSpans(processor.endpoints.otlp_http, exportRequest({ "service.name": "shop" }, spans));
    expect(answer.status).toBe(200);
    for (const spanId of spanIds) sent.add(spanId);
  }
  await processor.kill();
  await backend.start();
  processor = await ProcessorProcess.start({ workspace });
  const arrived = (): ReadonlySet<string> => new Set(backend.spans.map((span) => span.spanId));
  await waitFor(() => arrived().size >= sent.size, { what: "the spans", timeoutMs: EVENTUALLY_MS });
  expect(arrived()).toEqual(sent);
});
