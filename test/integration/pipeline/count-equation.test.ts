/**
 * Goal: received + recovered = sent + refused + dropped + in flight, for every component, in every reading of /metrics.
 * Method: a seeded storm of good, doubled and unreadable batches against a real processor whose engine is killed again and again
 * and whose spool is so small that it runs full; /metrics is read all the while. In the end the storm must be in ClickHouse once.
 */
import { expect, it } from "vitest";
import { waitFor } from "../../../src/demo/wait.ts";
import { killEngines } from "../../support/engine-pids.ts";
import { useRig } from "../../support/rig.ts";
import { imbalanceOf, scrapeFlows } from "../../support/scrape.ts";
import { SpanStorm } from "../../support/span-storm.ts";
import { expectStormStored } from "../../support/storm-books.ts";

const SEED = 20_261_121;
const SPOOL_BYTES = 400_000;
const TIMEOUT_MS = 60_000;

const rig = useRig({
  governance: "",
  config: `exporters: { clickhouse: { spool: { max_bytes: ${SPOOL_BYTES}, retry_after_ms: 100 } } }\n`,
});

it("balances in every reading, for every component", { timeout: 180_000 }, async () => {
  process.stdout.write(`seed ${SEED}\n`);
  const { endpoints } = rig().processor;
  const service = "storm";
  const storm = new SpanStorm({ seed: SEED, url: () => endpoints.otlp_http, service, padding: 200 });
  let readings = 0;
  let wasInFlight = false;
  let isStopped = false;
  const reader = (async () => {
    while (!isStopped) {
      for (const [component, flow] of await scrapeFlows(endpoints.api)) {
        expect({ component, imbalance: imbalanceOf(flow), flow }).toMatchObject({ imbalance: 0 });
        wasInFlight ||= flow.inFlight > 0;
      }
      readings += 1;
    }
  })();
  await waitFor(() => storm.acknowledged >= 30, { what: "the storm", timeoutMs: TIMEOUT_MS });
  // The engine comes back by itself; it is kept down until the spool has run full.
  await waitFor(
    () => {
      killEngines(endpoints.pid);
      return (storm.answers.get(503) ?? 0) >= 10;
    },
    { what: "a full spool", timeoutMs: TIMEOUT_MS, intervalMs: 20 },
  );
  const spans = await storm.finish();
  await expectStormStored(rig(), { service, spans });
  isStopped = true;
  await reader;

  expect(readings).toBeGreaterThan(10);
  expect(wasInFlight).toBe(true);
  expect(storm.answers.get(400)).toBeGreaterThan(0);
  const flows = await scrapeFlows(endpoints.api);
  const exporter = [...flows].find(
    ([labels]) => labels.includes('"exporters.clickhouse"') && labels.includes("traces"),
  );
  expect(exporter?.[1]).toMatchObject({ sent: spans, inFlight: 0 });
  expect(exporter?.[1].dropped).toBeGreaterThan(0);
});
