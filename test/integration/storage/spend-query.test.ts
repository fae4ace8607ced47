/**
 * Goal: spend by any labels over any range is, to the nano-dollar, the sum of the calls' spans, and of whole days it is read from a
 * projection. Method: seeded calls of a few days on the real engine; the query against a plain sum over the spans, over ranges
 * that cut through days and hours, of parts as they were inserted and merged; the engine's own plan.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import { queryText } from "../../../src/storage/queries/catalog.ts";
import { labelValues, withLabels } from "../../../src/storage/queries/label-values.ts";

const BEGIN_MS = Date.UTC(2026, 10, 18);
const HOUR_MS = 3_600_000;

let directory = "";
let engine: EmbeddedEngine;
let storage: Storage;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-spend-"));
  engine = new EmbeddedEngine({ dataDir: directory });
  const { url } = await engine.start();
  await migrate({ url, database: "tollgate" });
  storage = createStorage({ url, database: "tollgate" });
  await storage.command(`INSERT INTO span_log (trace_id, span_id, start, end, received_at, agent, team, session, model, labels,
      cost_status, cost_nano_usd, input_tokens, output_tokens, decision)
    SELECT lower(hex(sipHash128(number))), lower(hex(sipHash64(number))),
      fromUnixTimestamp64Milli(toInt64(${BEGIN_MS} + sipHash64(number) % ${72 * HOUR_MS}), 'UTC') AS s, s, s,
      concat('a', toString(number % 5)), concat('t', toString(number % 3)), toString(number % 50), ['x', 'y'][1 + number % 2],
      map('team', concat('t', toString(number % 3)), 'customer', toString(number % 11)),
      ['', 'exact', 'exact', 'unpriced'][1 + sipHash64(number, 1) % 4], sipHash64(number, 2) % 1000000007, number % 900, number % 70,
      ['allow', 'allow', 'deny'][1 + sipHash64(number, 3) % 3]
    FROM numbers(5000)`);
});

afterAll(async () => {
  await storage.close();
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

test.each([
  ["whole days", 0, 72 * HOUR_MS],
  ["a day and what lies beside it", 1_234_567, 64 * HOUR_MS + 654_321],
  ["whole hours of one day", 25 * HOUR_MS, 47 * HOUR_MS],
  ["cut through an hour at both ends", 1_234_567, 40 * HOUR_MS + 654_321],
  ["within one hour", 5 * HOUR_MS + 600_000, 5 * HOUR_MS + 3_000_001],
  ["over one full hour's end", 5 * HOUR_MS + 1, 6 * HOUR_MS],
  ["cut late in an hour and early in another", 5 * HOUR_MS + 3_400_000, 30 * HOUR_MS + 200_001],
  ["cut early in an hour and late in another", 5 * HOUR_MS + 200_001, 30 * HOUR_MS + 3_400_000],
  ["the end of an hour", 5 * HOUR_MS + 3_000_000, 5 * HOUR_MS + 3_500_001],
  ["the beginning of an hour", 5 * HOUR_MS + 100_000, 5 * HOUR_MS + 1_000_001],
  ["nothing", 7 * HOUR_MS, 7 * HOUR_MS],
])("spend by labels equals the spans: %s", async (_, since, until) => {
  for (const by of [
    ["agent"],
    ["team", "model"],
    ["customer"],
    ["session", "customer"],
    ["model", "customer"],
    ["customer", "zone"],
    ["nobody's"],
  ]) {
    const labels = labelValues(by);
    const { sql, parameters } = labels;
    const range = { since_ms: BEGIN_MS + since, until_ms: BEGIN_MS + until };
    const asked = await storage.query(withLabels(queryText("spend"), labels), {
      ...parameters,
      ...range,
      tenant: "",
      limit: 10_000,
    });
    const plain = await storage.query(
      `SELECT ${sql} AS label_values, toString(sum(toInt128(cost_nano_usd))) AS cost_nano_usd,
         toString(countIf(decision NOT IN ('deny', 'forbid'))) AS calls, toString(sum(s.input_tokens)) AS input_tokens,
         toString(sum(s.output_tokens)) AS output_tokens, toString(countIf(cost_status = 'unpriced')) AS unpriced_calls
       FROM span_log AS s WHERE cost_status != '' AND start >= fromUnixTimestamp64Milli({since_ms: Int64})
         AND start < fromUnixTimestamp64Milli({until_ms: Int64})
       GROUP BY label_values ORDER BY sum(toInt128(s.cost_nano_usd)) DESC, label_values`,
      { ...parameters, ...range },
    );
    expect(asked).toEqual(plain);
    expect(plain.length > 0).toBe(since !== until);
  }
});

test("what is dated later than the end of a range that ends now is not in it, though its hour is", async () => {
  const until = Date.now();
  const hourEnd = (Math.floor(until / HOUR_MS) + 1) * HOUR_MS;
  await storage.command(`INSERT INTO span_log (trace_id, span_id, start, end, received_at, agent, cost_status, cost_nano_usd)
    SELECT toString(number), toString(number), fromUnixTimestamp64Milli([${until - 1}, ${hourEnd - 1}][number + 1], 'UTC') AS s, s, s,
      'now', 'exact', number + 1 FROM numbers(2)`);
  const labels = labelValues(["agent"]);
  const range = { since_ms: until - 5 * HOUR_MS, until_ms: until };
  const rows = await storage.query(withLabels(queryText("spend"), labels), { ...range, tenant: "", limit: 10 });
  expect(rows).toMatchObject([{ label_values: ["now"], cost_nano_usd: "1", calls: "1" }]);
});

test.each([
  [["agent", "team", "model"], "by_day"],
  [["customer", "zone"], "by_day_and_labels"],
  [["session"], "tollgate.spend_hour_log"],
])("days by %j are read from %s once a merge has made it", async (by, source) => {
  const labels = labelValues(by);
  const sql = `EXPLAIN ${withLabels(queryText("spend"), labels)}`;
  const parameters = { ...labels.parameters, since_ms: 0, until_ms: Date.UTC(2262, 0, 1), tenant: "", limit: 10 };
  await storage.command("OPTIMIZE TABLE spend_hour_log FINAL");
  const plan = (await storage.query<{ explain: string }>(sql, parameters)).map(({ explain }) => explain).join("\n");
  expect(/ReadFromMergeTree \(([^)]+)\)/.exec(plan)?.[1]).toBe(source);
});
