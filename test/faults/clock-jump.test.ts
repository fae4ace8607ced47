/**
 * Goal: a wall clock that is set, by a day, a year, forwards and back, loses nothing and counts nothing twice.
 * Method: the real processor under a clock that is set while it runs a seeded storm; after each jump the latest batches are
 * sent once more. Then spans, roll-up and ledger are counted.
 */
import { afterAll, expect, test } from "vitest";
import { ledgerCount } from "../../src/demo/counts.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { delivered, sqlRows, useRig } from "../support/rig.ts";
import { STORM_SPAN_NANO_USD, StormSender } from "../support/storm-sender.ts";

const SEED = 20_261_122;
const DAY_SECONDS = 86_400;
const JUMPS = [DAY_SECONDS, 0, 365 * DAY_SECONDS, -DAY_SECONDS, -30 * DAY_SECONDS, 0];
const SPANS_BETWEEN = 1_000;
const TIMEOUT_MS = 60_000;

const missing = FakeClock.missing();
if (missing !== undefined) console.warn(missing);
const clock = missing === undefined ? await FakeClock.create() : undefined;
afterAll(() => clock?.remove());
const rig = useRig({
  env: clock?.env ?? {},
  governance: `
kind: budget
name: storm
scope: { service.name: storm }
limit: $100000.00
window: lifetime
mode: soft
`,
});

test.skipIf(missing !== undefined)(
  "the processor's clock jumps under load: every span is there, once, and so is its cost",
  async () => {
    console.log(`seed ${SEED}`);
    const storm = new StormSender({
      otlpUrl: rig().processor.endpoints.otlp_http,
      seed: SEED,
      senders: 3,
      service: "storm",
    });
    for (const offset of JUMPS) {
      const mark = storm.acknowledged + SPANS_BETWEEN;
      await waitFor(() => storm.acknowledged >= mark, { what: `${mark} spans`, timeoutMs: TIMEOUT_MS });
      await clock?.setOffset(offset);
      await storm.repeat();
    }
    const sent = await storm.finish();
    console.log(sent);

    const expected = String(sent.acknowledged);
    await delivered(rig());
    const [spans] = await sqlRows(rig(), COUNTS, 1);
    // The clock was really set: 395 days lie between the first and the last arrival.
    expect(spans).toEqual({ spans: expected, ids: expected, days: "395" });
    const nanoUsd = BigInt(sent.acknowledged) * STORM_SPAN_NANO_USD;
    const spend = await sqlRows(rig(), SPEND, 1);
    expect(spend).toEqual([{ calls: expected, nano_usd: String(nanoUsd) }]);
    expect((await ledgerCount(rig().processor, "storm")).settledNanoUsd).toBe(nanoUsd);
  },
  180_000,
);

const COUNTS =
  "SELECT toString(count()) AS spans, toString(uniqExact(trace_id, span_id)) AS ids, toString(round(dateDiff('second', min(received_at), max(received_at)) / 86400)) AS days FROM spans WHERE service = 'storm'";
const SPEND =
  "SELECT toString(sum(calls)) AS calls, toString(sum(cost_nano_usd)) AS nano_usd FROM spend_by_minute WHERE agent = 'storm'";
