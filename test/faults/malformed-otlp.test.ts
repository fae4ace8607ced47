/**
 * Goal: nothing that a sender can post to the OTLP receiver stops the processor, changes a count or takes another's span along.
 * Method: while a fleet spends, malformed requests of every kind are posted beside it; each gets the specification's answer,
 * and the three books agree in the end.
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { expect, test } from "vitest";
import { finishFleet, readBooks, startFleet } from "../support/fleet-run.ts";
import { exportRequest, postSpans } from "../support/otlp-json.ts";
import { sqlRows, useRig } from "../support/rig.ts";

const LIMIT_NANO_USD = 40_000_000n;
const AGENTS = 3;
const CALLERS = 8;

const rig = useRig({
  governance: `
kind: budget
name: fleet
scope: { run: "*" }
each: run
limit: $0.04
window: lifetime
mode: hard
`,
  simulator: { seed: 17, latencyMs: { min: 10, max: 40 } },
});

interface Malformed {
  readonly what: string;
  readonly type: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly encoding?: string;
  readonly status: number;
}

const MALFORMED: readonly Malformed[] = [
  { what: "no JSON", type: "application/json", body: "{", status: 400 },
  { what: "JSON of another shape", type: "application/json", body: '{"resourceSpans": 5}', status: 400 },
  { what: "deep JSON", type: "application/json", body: "[".repeat(50_000), status: 400 },
  { what: "no protobuf", type: "application/x-protobuf", body: new Uint8Array([0xff, 0xff, 0xff]), status: 400 },
  { what: "cut protobuf", type: "application/x-protobuf", body: new Uint8Array([0x0a, 0x7f, 0x01]), status: 400 },
  { what: "no gzip", type: "application/json", body: "{}", encoding: "gzip", status: 400 },
  { what: "unknown encoding", type: "application/json", body: "{}", encoding: "zebra", status: 415 },
  { what: "unknown media type", type: "text/plain", body: "hello", status: 415 },
];

test("malformed requests beside a fleet's spans get their answer and change nothing", async () => {
  const { processor, simulator, providerUrl } = rig();
  const labels = { run: "malformed" };
  const fleet = startFleet({ processor, providerUrl, seed: 17, agents: AGENTS, callers: CALLERS, labels });
  const url = `${processor.endpoints.otlp_http}/v1/traces`;
  let isDone = false;
  const noise = (async () => {
    while (!isDone) {
      for (const { what, type, body, encoding, status } of MALFORMED) {
        const headers = { "content-type": type, ...(encoding === undefined ? {} : { "content-encoding": encoding }) };
        const response = await fetch(url, { method: "POST", headers, body });
        await response.arrayBuffer();
        expect(response.status, what).toBe(status);
      }
    }
  })();
  const report = await finishFleet(fleet).finally(() => {
    isDone = true;
  });
  await noise;
  const books = await readBooks({ processor, simulator, budget: "fleet", labels });
  expect(report.failed).toEqual([]);
  expect(books.provider).toBeLessThanOrEqual(LIMIT_NANO_USD);
  expect(books.ledger.settledNanoUsd).toBe(books.provider);
  expect(books.clickHouse).toBe(books.provider);
});

test("one bad span is rejected by partial success and takes none of its batch along", async () => {
  const { processor } = rig();
  const span = (name: string, traceId?: string) => ({
    name,
    attributes: {},
    ...(traceId === undefined ? {} : { traceId }),
  });
  const spans = [span("good-1"), span("bad", "not-an-id"), span("good-2")];
  const response = await postSpans(processor.endpoints.otlp_http, exportRequest({ "service.name": "partial" }, spans));
  expect(response.status).toBe(200);
  const reply = (await response.json()) as { partialSuccess?: { rejectedSpans?: string | number } };
  expect(Number(reply.partialSuccess?.rejectedSpans)).toBe(1);
  const rows = await sqlRows(rig(), "SELECT name FROM spans WHERE service = 'partial' ORDER BY name", 2);
  expect(rows).toEqual([{ name: "good-1" }, { name: "good-2" }]);
});

test("a body that inflates beyond the limit is refused, and the receiver goes on", async () => {
  const { processor } = rig();
  // Not at once in this thread: it would not see that the connections it keeps are closed meanwhile.
  const bomb = await promisify(gzip)(Buffer.alloc(256 * 1024 * 1024));
  const response = await fetch(`${processor.endpoints.otlp_http}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json", "content-encoding": "gzip" },
    body: new Uint8Array(bomb),
  });
  await response.arrayBuffer();
  expect([400, 413]).toContain(response.status);
  const next = await postSpans(processor.endpoints.otlp_http, exportRequest({ "service.name": "after" }, []));
  expect(next.status).toBe(200);
});
