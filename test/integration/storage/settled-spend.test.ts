/**
 * Goal: the roll-ups that budgets are compared with and rebuilt from say what the spans say. Method: seeded calls on the real
 * engine, with and without a lease, refused, unpriced and with a broken clock; each query against a plain sum over the spans.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import { type QueryName, queryText } from "../../../src/storage/queries/catalog.ts";

const BEGIN_S = Date.UTC(2026, 10, 18) / 1_000;
const MADE =
  "cost_status != '' AND (decision IN ('', 'allow') OR s.cost_nano_usd != 0 OR s.input_tokens + s.output_tokens > 0)";

let directory = "";
let engine: EmbeddedEngine;
let storage: Storage;

const ask = <T>(name: QueryName, parameters: object): Promise<readonly T[]> =>
  storage.query(queryText(name), { ...parameters, limit: 1_000_000 });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-settled-"));
  engine = new EmbeddedEngine({ dataDir: directory });
  const { url } = await engine.start();
  await migrate({ url, database: "tollgate" });
  storage = createStorage({ url, database: "tollgate" });
  await storage.command(`INSERT INTO span_log (trace_id, span_id, start, end, received_at, agent, labels, lease_id,
      cost_status, cost_nano_usd, input_tokens, output_tokens, decision, attributes)
    SELECT lower(hex(sipHash128(number))), lower(hex(sipHash64(number))),
      fromUnixTimestamp64Milli(toInt64(${BEGIN_S}000 + number * 7919), 'UTC') AS s,
      if(number % 97 = 0, toDateTime64('2199-01-01 00:00:00', 3, 'UTC'), s + toIntervalSecond(number % 40)),
      s + toIntervalSecond(60 + number % 40), 'x',
      map('team', concat('t', toString(number % 3)), 'agent', concat('a', toString(number % 5))),
      ['', 'l1', 'l2'][1 + number % 3], ['', 'exact', 'unpriced'][1 + sipHash64(number, 1) % 3],
      if(number % 4 = 0, 0, number % 1000007), number % 900, if(number % 4 = 0, 0, 7), ['', 'allow', 'deny'][1 + sipHash64(number, 3) % 3],
      if(number % 5 = 0, map('tollgate.cost.repriced_nano_usd', toString(number % 1000007 + 3)), map())
    FROM numbers(3000)`);
});

afterAll(async () => {
  await storage.close();
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

test("the past of budgets is the sum of the calls that were made, gated and observed apart", async () => {
  const asked = await ask<Record<string, unknown>>("budget-past", {
    keys: ["team", "nobody"],
    since_s: BEGIN_S,
    until_s: BEGIN_S + 864_000,
    bucket_s: 0,
  });
  const plain = await storage.query<Record<string, unknown>>(
    `SELECT [labels['team'], ''] AS label_values, toBool(lease_id != '') AS leased, toString(count()) AS calls,
       toString(sum(s.input_tokens + s.output_tokens)) AS tokens, toString(sum(s.cost_nano_usd)) AS cost_nano_usd
     FROM span_log AS s WHERE ${MADE} GROUP BY label_values, leased`,
  );
  expect(sorted(pick(asked, plain))).toEqual(sorted(plain));
  expect(plain.length).toBe(3);
});

test("a comparison counts what a lease covered by its end and the rest by its arrival, and believes no broken clock", async () => {
  const cut = BEGIN_S + 4 * 3_600;
  const [range] = [{ least_since_s: BEGIN_S, least_until_s: cut, most_since_s: BEGIN_S, most_until_s: cut + 60 }];
  const asked = await ask<Record<string, string>>("budget-spend", { keys: ["team"], ...range });
  const plain = await storage.query<Record<string, string>>(
    `WITH if(lease_id != '' AND end < '2100-01-01', toDateTime(end), toDateTime(received_at)) AS counted,
       counted < toDateTime(${cut}, 'UTC') AS within
     SELECT [labels['team']] AS label_values, toBool(lease_id != '') AS leased, toString(countIf(within)) AS least_calls,
       toString(sumIf(s.cost_nano_usd, within)) AS least_nano_usd, toString(sum(s.cost_nano_usd)) AS most_nano_usd,
       toString(sum(if(mapContains(attributes, 'tollgate.cost.repriced_nano_usd'),
         toInt64OrZero(attributes['tollgate.cost.repriced_nano_usd']) - s.cost_nano_usd, 0))) AS repriced_nano_usd
     FROM span_log AS s WHERE ${MADE} AND counted < toDateTime(${cut + 60}, 'UTC') GROUP BY label_values, leased`,
  );
  expect(sorted(pick(asked, plain))).toEqual(sorted(plain));
});

test("leases, unpriced calls and what was reserved are read from their roll-ups", async () => {
  const leases = await ask<Record<string, unknown>>("lease-spend", { since: 0 });
  const plain = await storage.query<Record<string, unknown>>(
    `SELECT lease_id, toString(count()) AS calls, toString(sum(s.cost_nano_usd)) AS cost_nano_usd
     FROM span_log AS s WHERE lease_id != '' AND ${MADE} GROUP BY lease_id`,
  );
  expect(sorted(pick(leases, plain))).toEqual(sorted(plain));
  const unpriced = await ask<{ readonly calls: string }>("unpriced", { since_s: BEGIN_S });
  const [count] = await storage.query<{ readonly calls: string }>(
    `SELECT toString(countIf(cost_status = 'unpriced')) AS calls FROM span_log AS s WHERE ${MADE}`,
  );
  expect(String(unpriced.reduce((sum, { calls }) => sum + Number(calls), 0))).toBe(count?.calls);
  await storage.command(`INSERT INTO budget_states (ts, name, scope, measure, mode, window_start, reserved)
    VALUES (now64(3), 'old', '{}', 'usd', 'hard', 0, 5), (now64(3) + 1, 'old', '{}', 'usd', 'hard', 0, 0),
      (now64(3), 'new', '{"agent":"one"}', 'usd', 'hard', 0, 7)`);
  expect(await ask("budgets-reserved", { since: 0 })).toEqual([
    { name: "new", scope: '{"agent":"one"}', reserved: "7" },
  ]);
});

/** Of each row what the rows to compare with have. */
function pick(rows: readonly Record<string, unknown>[], like: readonly object[]): readonly object[] {
  const keys = Object.keys(like[0] ?? {});
  return rows.map((row) => Object.fromEntries(keys.map((key) => [key, row[key]])));
}

function sorted(rows: readonly unknown[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row, Object.keys(row as object).sort())).sort();
}
