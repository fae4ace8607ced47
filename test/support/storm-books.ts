import { expect } from "vitest";
import { waitFor } from "../../src/demo/wait.ts";
import { type Rig, sqlRows } from "./rig.ts";
import { STORM_SPAN_NANO_USD } from "./span-storm.ts";

const TIMEOUT_MS = 60_000;

/** Waits until the spans of a storm are in ClickHouse, and checks that table, view and ids agree with what was sent. */
export async function expectStormStored(
  rig: Pick<Rig, "processor">,
  storm: { readonly service: string; readonly spans: number },
): Promise<void> {
  const { service, spans } = storm;
  const books = `SELECT toString(count()) AS spans, toString(uniqExact(trace_id, span_id)) AS ids, toString(sum(cost_nano_usd)) AS nano_usd
    FROM llm_calls WHERE service = '${service}'`;
  await waitFor(async () => Number((await sqlRows(rig, books, 1))[0]?.["spans"]) >= spans, {
    what: `${spans} spans of ${service}`,
    timeoutMs: TIMEOUT_MS,
    intervalMs: 500,
  });
  const nano_usd = (BigInt(spans) * STORM_SPAN_NANO_USD).toString();
  expect((await sqlRows(rig, books, 1))[0]).toEqual({ spans: String(spans), ids: String(spans), nano_usd });
  const spend = `SELECT toString(sum(s.calls)) AS calls, toString(sum(s.cost_nano_usd)) AS nano_usd
    FROM spend_by_minute AS s WHERE agent = '${service}'`;
  // An insert is in its table before it is in what its views fill.
  await waitFor(async () => Number((await sqlRows(rig, spend, 1))[0]?.["calls"]) >= spans, {
    what: `${spans} calls of ${service}`,
    timeoutMs: TIMEOUT_MS,
  });
  expect((await sqlRows(rig, spend, 1))[0]).toEqual({ calls: String(spans), nano_usd });
}
