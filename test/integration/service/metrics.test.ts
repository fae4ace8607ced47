/**
 * Goal: a running processor tells Prometheus and `status` the truth about itself. Method: a real processor with its engine,
 * spans whose fate is known (some sent twice, some from the future), then the scrape beside the page and the reference.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceStatus } from "../../../src/api/status.ts";
import { ProcessorProcess, type Workspace } from "../../../src/demo/processor-process.ts";
import { createWorkspace } from "../../support/workspace.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { configSchema } from "../../../src/service/config-schema.ts";
import { describedMetrics } from "../../support/metrics-reference.ts";
import { exportRequest, postSpans } from "../../support/otlp-json.ts";
import { tollgate } from "../../support/tollgate-cli.ts";

const BUDGET = "kind: budget\nname: all\nlimit: $1.00\nwindow: lifetime\n";
const CALL = {
  name: "chat gpt-4o",
  attributes: {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 10,
  },
} as const;
const SPANS = 50;

let workspace: Workspace;
let processor: ProcessorProcess;

beforeAll(async () => {
  workspace = await createWorkspace({ governance: BUDGET });
  processor = await ProcessorProcess.start({ workspace });
  const request = exportRequest(
    { "service.name": "shop" },
    Array.from({ length: SPANS }, () => CALL),
  );
  for (const _ of [1, 2]) {
    const { status: answer } = await postSpans(processor.endpoints.otlp_http, request);
    if (answer !== 200) throw new Error(`OTLP was answered ${answer}`);
  }
  await waitFor(async () => ((await status()).spans.stored === SPANS ? true : undefined), {
    what: "the spans to be stored",
    timeoutMs: 60_000,
  });
});

afterAll(async () => {
  await processor.stop();
  await workspace.remove();
});

async function status(): Promise<ServiceStatus> {
  const [document] = (await processor.cli("status")) as ServiceStatus[];
  if (document === undefined) throw new Error("status printed nothing");
  return document;
}

async function scrape(): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${processor.endpoints.api}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ""), Number(/\S+$/.exec(line)?.[0])]));
}

describe("/metrics", () => {
  it("has every metric of the reference, and none besides", async () => {
    const text = await (await fetch(`${processor.endpoints.api}/metrics`)).text();
    const shown = [...text.matchAll(/^# HELP (\S+)/gm)].map(([, name]) => name ?? "");
    const described = (await describedMetrics()).map(({ name }) => name);
    expect(shown.toSorted()).toEqual(described.toSorted());
  });

  it("shows each processor that the configuration knows, in balance", async () => {
    const metrics = await scrape();
    const shown = new Set([...metrics.keys()].map((line) => /component="([^"]+)"/.exec(line)?.[1]));
    const processors = Object.keys(configSchema.parse({}).processors).map((name) => `processors.${name}`);
    expect([...shown]).toEqual(expect.arrayContaining(["receivers.otlp", ...processors, "exporters.clickhouse"]));
    const differences = [...metrics].filter(([line]) => line.startsWith("tollgate_component_imbalance_items"));
    expect(differences.length).toBeGreaterThanOrEqual(2 + processors.length);
    expect(differences.filter(([, value]) => value !== 0)).toEqual([]);
  });

  it("counts what came, what was stored and what was a copy", async () => {
    const metrics = await scrape();
    const exporter = 'component="exporters.clickhouse",signal="traces"';
    expect(metrics.get(`tollgate_component_received_items_total{${exporter}}`)).toBe(2 * SPANS);
    expect(metrics.get(`tollgate_component_sent_items_total{${exporter}}`)).toBe(SPANS);
    expect(metrics.get(`tollgate_component_dropped_items_total{${exporter},reason="duplicate"}`)).toBe(SPANS);
    expect(metrics.get(`tollgate_spool_blocks{${exporter}}`)).toBe(0);
    expect(metrics.get('tollgate_clickhouse_insert_duration_seconds_count{outcome="ok"}')).toBeGreaterThan(0);
    expect(metrics.get("tollgate_engine_up")).toBe(1);
    expect(metrics.get("tollgate_engine_resident_memory_bytes")).toBeGreaterThan(0);
  });

  it("measures how late each call counts and is visible, once", async () => {
    const metrics = await scrape();
    expect(metrics.get("tollgate_enforcement_lag_seconds_count")).toBe(SPANS);
    expect(metrics.get("tollgate_visibility_lag_seconds_count")).toBe(SPANS);
  });

  it("makes no series of what strangers ask for", async () => {
    const before = (await scrape()).size;
    for (let index = 0; index < 300; index += 1) await fetch(`${processor.endpoints.api}/nothing-${index}`);
    // The one histogram of what is no route.
    expect((await scrape()).size - before).toBeLessThan(20);
  });
});

describe("status", () => {
  it("tells machines what /metrics tells, in one document", async () => {
    const document = await status();
    expect(document).toMatchObject({
      spans: { received: 2 * SPANS, stored: SPANS, dropped: { duplicate: SPANS }, in_flight: 0 },
      engine: { serving: true, crashes: 0 },
      lag: { objective_ms: 2_000, visible: { spans: SPANS, clock_ahead: 0 } },
      spools: expect.arrayContaining([expect.objectContaining({ component: "exporters.clickhouse", blocks: 0 })]),
      budgets_worst: [{ name: "all", settled_usd: "0.017500000" }],
      warnings: [],
    });
    expect(document.notes.toSorted()).toEqual([
      "agent `shop` ran wild (loops): the same call (model) 25 times in a row",
      "no `auth`: agents on this machine may come without a key",
    ]);
  });

  it("fits a terminal of 80 columns and ends with 0 when nothing is wrong", async () => {
    const { code, stdout } = await tollgate(["status", "--data-dir", workspace.dataDir]);
    expect(code).toBe(0);
    for (const title of ["Listens", "Pipeline", "Delivery", "Governance", "Budgets"]) {
      expect(stdout).toMatch(new RegExp(`^${title}`, "m"));
    }
    expect(stdout).toMatch(/^exporters\.clickhouse +100 +50 +0 +0 +50 duplicate$/m);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });
});
