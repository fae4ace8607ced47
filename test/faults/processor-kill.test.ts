/**
 * Goal: kill -9 of the processor in the middle of a fleet's run, and a restart, cost nothing that was promised: no
 * overshoot by the provider's count, no acknowledged span lost, none counted twice.
 * Method: 8 × 64 callers on one budget; the processor is killed when the provider has billed two fifths of the budget, and started again on the same ports and
 * data. Beside the fleet a foreign sender posts batches of spans and sends each again until it is acknowledged.
 */
import { expect, test } from "vitest";
import { ledgerCount } from "../../src/demo/counts.ts";
import { ProcessorProcess } from "../../src/demo/processor-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { finishFleet, readBooks, startFleet } from "../support/fleet-run.ts";
import { ForeignSender } from "../support/foreign-sender.ts";
import { delivered, sqlRows, useRig } from "../support/rig.ts";

const LIMIT_NANO_USD = 400_000_000n;
/** 8 processes with 64 callers each: 512 calls at once on one budget. */
const AGENTS = 8;
const CALLERS = 64;
const RUN_TIMEOUT_MS = 60_000;
/** Callers try again while the processor is away: longer than the whole run, however slow the machine. */
const UNAVAILABLE_MS = 300_000;
const KILLS = 2;

const rig = useRig({
  governance: `
kind: budget
name: fleet
scope: { run: "*" }
each: run
limit: $0.40
window: lifetime
mode: hard
---
kind: budget
name: foreign
scope: { service.name: foreign-sender }
limit: $1000.00
window: lifetime
mode: soft
`,
  simulator: { seed: 7, latencyMs: { min: 20, max: 60 } },
});

test("kill -9 of the processor in mid-run: nothing overspent, nothing acknowledged lost, nothing counted twice", async () => {
  const { simulator, workspace, providerUrl } = rig();
  const labels = { run: "killed" };
  const { endpoints } = rig().processor;
  const fleet = startFleet({
    processor: rig().processor,
    providerUrl,
    seed: 7,
    agents: AGENTS,
    callers: CALLERS,
    labels,
    unavailableMs: UNAVAILABLE_MS,
  });
  await using sender = new ForeignSender(endpoints.otlp_http);
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const mark = (LIMIT_NANO_USD * BigInt(kill)) / BigInt(KILLS + 1);
    await waitFor(() => BigInt(simulator.count().nano_usd) >= mark, { what: "spend", timeoutMs: RUN_TIMEOUT_MS });
    await rig().processor.kill();
    rig().processor = await ProcessorProcess.start({ workspace, at: endpoints });
  }
  const report = await finishFleet(fleet);
  const sent = await sender.finish();
  const { processor } = rig();
  const books = await readBooks({ processor, simulator, budget: "fleet", labels });

  expect(report.failed).toEqual([]);
  expect(report.refused).toBe(AGENTS * CALLERS);
  expect(books.provider).toBeLessThanOrEqual(LIMIT_NANO_USD);
  expect(Number(books.provider) / Number(LIMIT_NANO_USD)).toBeGreaterThanOrEqual(0.95);
  expect(books.ledger.settledNanoUsd).toBe(books.provider);
  expect(books.ledger.reservedNanoUsd).toBe(0n);
  expect(books.clickHouse).toBe(books.provider);

  expect(sent.acknowledged).toBeGreaterThan(10);
  await delivered(rig());
  const [row] = await sqlRows(rig(), FOREIGN_SPANS, 1);
  expect(row).toMatchObject({ spans: String(sent.acknowledged), ids: String(sent.acknowledged) });
  expect((await ledgerCount(processor, "foreign")).settledNanoUsd).toBe(sent.nanoUsd);
});

const FOREIGN_SPANS =
  "SELECT toString(count()) AS spans, toString(uniqExact(span_id)) AS ids FROM spans WHERE service = 'foreign-sender'";
