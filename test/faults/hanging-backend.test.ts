/**
 * Goal: a backend that takes connections and never answers costs the audit path nothing: ClickHouse gets every span, at
 * the same pace, and what the backend's full queue could not hold is counted.
 * Method: the same batches to two real processors in turn, one of them with such a backend; the ratio of the best paces is
 * printed, and held to far less than it is, as the machine is shared.
 */
import { expect, test } from "vitest";
import { ProcessorProcess } from "../../src/demo/processor-process.ts";
import { createWorkspace } from "../support/workspace.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { OtlpBackend } from "../support/otlp-backend.ts";
import { exportRequest, postSpans } from "../support/otlp-json.ts";

const ROUNDS = 9;
const BATCHES = 40;
const SENDERS = 4;
const SPANS_IN_BATCH = 50;
const SPANS = ROUNDS * BATCHES * SPANS_IN_BATCH;
const RATIO_MIN = 0.4;
const DROPPED = "tollgate_component_dropped_items_total";
const EVENTUALLY_MS = 60_000;
const GOVERNANCE = "kind: budget\nname: all\nlimit: $1000.00\nwindow: lifetime\n";
const STEP = { name: "step", attributes: { "step.kind": "plan", "step.text": "x".repeat(200) } };

async function sendRound(otlpUrl: string): Promise<number> {
  const requests = Array.from({ length: BATCHES }, () =>
    JSON.stringify(
      exportRequest(
        { "service.name": "shop" },
        Array.from({ length: SPANS_IN_BATCH }, () => STEP),
      ),
    ),
  ).values();
  const since = performance.now();
  const send = async (): Promise<void> => {
    for (const request of requests) {
      const { status } = await postSpans(otlpUrl, request);
      expect(status).toBe(200);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, send));
  return performance.now() - since;
}

async function storedSpans(processor: ProcessorProcess): Promise<number> {
  const [row] = (await processor.cli("sql", "SELECT count() AS spans FROM spans")) as { spans: string | number }[];
  return Number(row?.spans);
}

/** A figure of the component, summed over its labels. */
async function figure(processor: ProcessorProcess, name: string): Promise<number> {
  const text = await (await fetch(`${processor.endpoints.api}/metrics`)).text();
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) && line.includes('component="exporters.otlp_http/hangs"'))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

test("a backend that hangs for the whole run holds up neither ClickHouse nor those who send", async () => {
  await using stack = new AsyncDisposableStack();
  const backend = new OtlpBackend({ protocol: "http" });
  backend.otherwise = "hang";
  stack.defer(() => backend.stop());
  await backend.start();
  const queue = "sending_queue: { max_bytes: 500000 }, timeout_ms: 60000";
  const start = async (config: string): Promise<ProcessorProcess> => {
    const workspace = await createWorkspace({ governance: GOVERNANCE, config });
    stack.defer(() => workspace.remove());
    const processor = await ProcessorProcess.start({ workspace });
    stack.defer(() => processor.kill());
    return processor;
  };
  const alone = await start("");
  const hanging = await start(`exporters: { otlp_http/hangs: { endpoint: "${backend.endpoint}", ${queue} } }\n`);

  await Promise.all([alone, hanging].map(({ endpoints }) => sendRound(endpoints.otlp_http)));
  // Its queue is full from here on. Of each the best round: what else the machine does makes rounds slower, and none faster.
  expect(await figure(hanging, DROPPED)).toBeGreaterThan(0);
  const bestMs = { alone: Infinity, hanging: Infinity };
  for (let round = 1; round < ROUNDS; round += 1) {
    bestMs.alone = Math.min(bestMs.alone, await sendRound(alone.endpoints.otlp_http));
    bestMs.hanging = Math.min(bestMs.hanging, await sendRound(hanging.endpoints.otlp_http));
  }
  const ratio = bestMs.alone / bestMs.hanging;
  console.info(`pace of acknowledged spans with a hanging backend : without = ${ratio.toFixed(2)}`);

  for (const processor of [alone, hanging]) {
    await waitFor(async () => (await storedSpans(processor)) === SPANS, {
      what: "the spans in ClickHouse",
      timeoutMs: EVENTUALLY_MS,
      intervalMs: 200,
    });
  }
  expect(backend.requests.length).toBeGreaterThan(0);
  expect(backend.spans).toEqual([]);
  const dropped = await figure(hanging, DROPPED);
  expect(dropped).toBeGreaterThan(0);
  expect(await figure(hanging, "tollgate_component_in_flight_items")).toBe(SPANS - dropped);
  expect(ratio).toBeGreaterThan(RATIO_MIN);
});
