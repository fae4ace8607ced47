import { expect } from "vitest";
import { delivered, type Rig, sqlRows } from "./rig.ts";
import { STORM_SPAN_NANO_USD } from "./span-storm.ts";

/** Waits until all spans are delivered, and checks that table, view and ids agree with what was sent. */
export async function expectStormStored(
  rig: Pick<Rig, "processor">,
  storm: { readonly service: string; readonly spans: number },
): Promise<void> {
  const { service, spans } = storm;
  const books = `SELECT toString(count()) AS spans, toString(uniqExact(trace_id, span_id)) AS ids, toString(sum(cost_nano_usd)) AS nano_usd
    FROM llm_calls WHERE service = '${service}'`;
  await delivered(rig);
  const nano_usd = (BigInt(spans) * STORM_SPAN_NANO_USD).toString();
  expect((await sqlRows(rig, books, 1))[0]).toEqual({ spans: String(spans), ids: String(spans), nano_usd });
  const spend = `SELECT toString(sum(s.calls)) AS calls, toString(sum(s.cost_nano_usd)) AS nano_usd
    FROM spend_by_minute AS s WHERE agent = '${service}'`;
  expect((await sqlRows(rig, spend, 1))[0]).toEqual({ calls: String(spans), nano_usd });
}
