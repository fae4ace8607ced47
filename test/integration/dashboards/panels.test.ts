/**
 * Goal: every panel and variable of every shipped dashboard answers on the real engine, with the right numbers. Method: the
 * migrations' own tables, a few spans whose sums are known, each query as Grafana's data source would send it (macros
 * expanded), run as the read-only user that the provisioning gives Grafana.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DASHBOARDS } from "../../../dashboards/build.ts";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import { expandGrafanaSql, type GrafanaContext } from "../../support/grafana-macros.ts";

interface Query {
  readonly title: string;
  readonly sql: string;
  readonly isSeries: boolean;
}

const HOUR_START = Math.floor(Date.UTC(2026, 10, 20, 9) / 1000);
const ALL: GrafanaContext = {
  fromUnixSeconds: HOUR_START - 60,
  toUnixSeconds: HOUR_START + 3600,
  intervalSeconds: 60,
  variables: { agent: undefined, team: undefined, model: undefined },
};
const RED: GrafanaContext = {
  ...ALL,
  variables: { agent: ["planner"], team: ["red"], model: ["gpt-4o-mini", "gpt-4o"] },
};
const NOBODY: GrafanaContext = { ...ALL, variables: { ...ALL.variables, agent: ["it's nobody"] } };

let directory: string;
let engine: EmbeddedEngine;
let owner: Storage;
let reader: Storage;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-panels-"));
  engine = new EmbeddedEngine({
    dataDir: directory,
    users: [
      { name: "owner", password: "o" },
      { name: "tollgate_reader", password: "r", isReadOnly: true },
    ],
  });
  const { url } = await engine.start();
  await migrate({ url, username: "owner", password: "o", database: "tollgate" });
  owner = createStorage({ url, username: "owner", password: "o", database: "tollgate" });
  reader = createStorage({ url, username: "tollgate_reader", password: "r", database: "tollgate" });
  await owner.command(`INSERT INTO span_log (trace_id, span_id, name, kind, start, end, status, agent, team, operation,
      provider, model, tool, input_tokens, output_tokens, cost_nano_usd, cost_status, decision, budget, decision_reason, received_at)
    SELECT leftPad(hex(number % 3), 32, '0'), leftPad(hex(number), 16, '0'), 'chat', 'client', fromUnixTimestamp64Second(${HOUR_START} + number * 60, 'UTC') AS begun,
      begun + INTERVAL 1 SECOND, 'ok', if(number % 2 = 0, 'planner', 'coder'), if(number % 2 = 0, 'red', 'blue'), 'chat',
      'openai', 'gpt-4o-mini', '', 1000, 100, 210000, if(number = 9, 'unpriced', 'exact'), 'allow', '', '', begun
    FROM numbers(10)`);
  await owner.command(`INSERT INTO span_log (trace_id, span_id, name, kind, start, end, agent, team, operation, tool, decision, policy, decision_reason, received_at)
    VALUES ('${"a".repeat(32)}', '${"b".repeat(16)}', 'execute_tool', 'internal', toDateTime(${HOUR_START}), toDateTime(${HOUR_START}), 'planner', 'red', 'execute_tool', 'db_drop', 'deny', 'database', 'deny: db_drop_*', toDateTime(${HOUR_START}))`);
  await owner.command(
    `INSERT INTO budget_states VALUES (now64(3), 'fleet', '{}', 'usd', 'hard', toDateTime(${HOUR_START}), 1000000000, 250000000, 0, 750000000, 'ok')`,
  );
});

afterAll(async () => {
  await reader.close();
  await owner.close();
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

async function queriesOf(name: string): Promise<readonly Query[]> {
  const text = await readFile(new URL(`../../../dashboards/json/${name}.json`, import.meta.url), "utf8");
  const dashboard = JSON.parse(text) as {
    panels: { title?: string; targets?: { rawSql: string; format: number }[] }[];
    templating: { list: { name: string; type: string; query: string }[] };
  };
  const panels = dashboard.panels.flatMap(({ title, targets }) =>
    (targets ?? []).map(({ rawSql, format }) => ({ title: title ?? "", sql: rawSql, isSeries: format === 0 })),
  );
  const variables = dashboard.templating.list.filter(({ type }) => type === "query");
  return [
    ...panels,
    ...variables.map(({ name: title, query }) => ({ title: `$${title}`, sql: query, isSeries: false })),
  ];
}

function run(query: Query, context: GrafanaContext): Promise<readonly Record<string, unknown>[]> {
  return reader.query<Record<string, unknown>>(expandGrafanaSql(query.sql, context));
}

describe.each(Object.keys(DASHBOARDS))("dashboard %s on the engine", (name) => {
  it("answers every panel and variable, for everything and for a choice", async () => {
    for (const query of await queriesOf(name)) {
      for (const context of [ALL, RED]) {
        const rows = await run(query, context);
        expect(rows.length, `${query.title}: ${query.sql}`).toBeGreaterThan(0);
        const [first] = Object.keys(rows[0] ?? {});
        expect(first === "time", `${query.title}: only series start with a time`).toBe(query.isSeries);
      }
    }
  });

  // Grafana's data source (4.18, by its own code) hands on as JSON text what it has no converter for: a time of such a type is no time.
  it("gives columns of plain types only", async () => {
    for (const query of await queriesOf(name)) {
      const columns = await reader.query<{ name: string; type: string }>(
        `DESCRIBE (${expandGrafanaSql(query.sql, ALL)})`,
      );
      for (const { name: column, type } of columns)
        expect(type, `${query.title}: ${column}`).not.toMatch(/AggregateFunction|Array|Map|Tuple/);
    }
  });

  it("bears a choice that matches nothing, quotes included", async () => {
    for (const query of await queriesOf(name)) expect(Array.isArray(await run(query, NOBODY)), query.title).toBe(true);
  });
});

describe("LLM cost", () => {
  async function panel(title: string, context: GrafanaContext): Promise<readonly Record<string, unknown>[]> {
    const query = (await queriesOf("llm-cost")).find((candidate) => candidate.title === title);
    if (query === undefined) throw new Error(`no panel \`${title}\``);
    return run(query, context);
  }

  it("sums exactly: ten calls of 210,000 nano-dollars", async () => {
    expect(await panel("Spend", ALL)).toEqual([{ spend: "0.0021" }]);
    expect(await panel("Spend", RED)).toEqual([{ spend: "0.00105" }]);
    expect(await panel("Calls", ALL)).toEqual([{ calls: "10" }]);
  });

  it("shows calls without a price and what was refused", async () => {
    expect(await panel("Calls without a price", ALL)).toEqual([{ unpriced: "1" }]);
    expect(await panel("Denied", ALL)).toEqual([{ denied: "1" }]);
    expect(await panel("Refused", ALL)).toMatchObject([
      { agent: "planner", what: "db_drop", decision: "deny", refused_by: "database" },
    ]);
  });

  it("gives one point a minute and series", async () => {
    const rows = await panel("Cost by agent", ALL);
    expect(rows.length).toBe(10);
    expect(new Set(rows.map((row) => row["agent"]))).toEqual(new Set(["planner", "coder"]));
  });

  it("sums up a range of days as its calls do, and reads the whole ones among them from their sums", async () => {
    const begun = HOUR_START - 90 * 86_400;
    await owner.command(`INSERT INTO span_log (trace_id, span_id, start, end, agent, team, model, cost_nano_usd, cost_status, received_at)
      SELECT leftPad(hex(number), 32, 'd'), leftPad(hex(number), 16, 'd'), toDateTime(${begun} + number * 1000, 'UTC') AS at, at,
        concat('d', toString(number % 3)), 'days', 'm', number + 1, if(number % 10 = 0, 'unpriced', 'exact'), at FROM numbers(400)`);
    const range = { fromUnixSeconds: begun + 7_777, toUnixSeconds: begun + 390_001 };
    for (const agent of [undefined, ["d1", "d2"]]) {
      const context = { ...ALL, ...range, variables: { ...ALL.variables, team: ["days"], agent } };
      const plain = await owner.query<{ calls: string }>(
        `SELECT agent, toString(count()) AS calls, toString(sum(cost_nano_usd)) AS nano, toString(countIf(cost_status = 'unpriced')) AS unpriced
         FROM span_log AS s WHERE team = 'days' AND toStartOfMinute(start) BETWEEN toDateTime(${range.fromUnixSeconds}) AND toDateTime(${range.toUnixSeconds})
           AND (${agent === undefined} OR agent != 'd0') GROUP BY agent ORDER BY sum(s.cost_nano_usd) DESC`,
      );
      const shown = await panel("Who spends", context);
      expect(
        shown.map((row) => ({
          agent: row["agent"],
          calls: row["calls"],
          nano: String(Math.round(Number(row["cost"]) * 1e9)),
          unpriced: row["unpriced_calls"],
        })),
      ).toEqual(plain);
      expect(plain.length).toBe(agent?.length ?? 3);
      expect(await panel("Calls", context)).toEqual([
        { calls: String(plain.reduce((sum, row) => sum + Number(row.calls), 0)) },
      ]);
    }
    await owner.command("OPTIMIZE TABLE spend_hour_log FINAL");
    const [query] = (await queriesOf("llm-cost")).filter(({ title }) => title === "Who spends");
    const plan = await owner.query<{ explain: string }>(
      `EXPLAIN ${expandGrafanaSql(query?.sql ?? "", { ...ALL, ...range })}`,
    );
    expect(plan.map(({ explain }) => explain).join("\n")).toContain("ReadFromMergeTree (by_day)");
  });

  it.each([
    [1_800, "by_half_hour_and_agent", 130],
    [7_200, "by_half_hour_and_agent", 160],
    [600, "tollgate.spend_log", 190],
  ])(
    "draws points of %i seconds to the nano-dollar, and reads them from %s",
    async (intervalSeconds, source, daysAgo) => {
      // A month of its own: a part that was merged is not merged with one that was not.
      const begun = HOUR_START - daysAgo * 86_400;
      const team = `halves-${intervalSeconds}`;
      await owner.command(`INSERT INTO span_log (trace_id, span_id, start, end, agent, team, model, input_tokens, cost_nano_usd, cost_status, received_at)
      SELECT leftPad(hex(number), 32, 'e'), leftPad(hex(number), 16, 'e'), toDateTime(${begun} + number * 777, 'UTC') AS at, at,
        concat('h', toString(number % 3)), '${team}', concat('m', toString(number % 2)), number, number + 1, 'exact', at FROM numbers(400)`);
      const range = { fromUnixSeconds: begun + 2_400, toUnixSeconds: begun + 300_060, intervalSeconds };
      // A first half hour is whole, also where the range cuts it.
      const from = intervalSeconds === 600 ? range.fromUnixSeconds : begun + 1_800;
      const [query] = (await queriesOf("llm-cost")).filter(({ title }) => title === "Cost by agent");
      for (const merge of [false, true]) {
        if (merge) await owner.command("OPTIMIZE TABLE spend_log FINAL");
        for (const chosen of [{}, { agent: ["h1"] }, { model: ["m1"] }]) {
          const context = { ...ALL, ...range, variables: { ...ALL.variables, team: [team], ...chosen } };
          const plain = await owner.query<Record<string, string>>(
            `SELECT toString(toUnixTimestamp(toStartOfInterval(toDateTime(s.start), INTERVAL ${intervalSeconds} second))) AS time, agent,
             toString(sum(cost_nano_usd)) AS nano, toString(sum(input_tokens)) AS input
           FROM span_log AS s WHERE team = '${team}' AND toStartOfMinute(start) BETWEEN toDateTime(${from}) AND toDateTime(${range.toUnixSeconds})
             AND ${"agent" in chosen ? "agent = 'h1'" : "1"} AND ${"model" in chosen ? "model = 'm1'" : "1"}
           GROUP BY time, agent ORDER BY time, agent`,
          );
          expect(plain.length).toBeGreaterThan(30);
          const shown = (await panel("Cost by agent", context)).map(({ time, agent, cost }) => ({
            time: String(Date.parse(`${String(time)}Z`) / 1000),
            agent,
            nano: String(Math.round(Number(cost) * 1e9)),
          }));
          const inOrder = shown.toSorted((a, b) =>
            `${a.time}${String(a.agent)}`.localeCompare(`${b.time}${String(b.agent)}`),
          );
          expect(inOrder).toEqual(plain.map(({ time, agent, nano }) => ({ time, agent, nano })));
          const tokens = await panel("Tokens", context);
          expect(tokens.reduce((sum, row) => sum + Number(row["input"]), 0)).toBe(
            plain.reduce((sum, { input }) => sum + Number(input), 0),
          );
        }
      }
      const plan = await owner.query<{ explain: string }>(
        `EXPLAIN ${expandGrafanaSql(query?.sql ?? "", { ...ALL, ...range })}`,
      );
      expect(plan.map(({ explain }) => explain).join("\n")).toContain(`ReadFromMergeTree (${source})`);
    },
  );

  it("draws the dearest twenty agents, and all others as one", async () => {
    const begun = HOUR_START - 86_400;
    await owner.command(`INSERT INTO span_log (trace_id, span_id, start, end, agent, cost_nano_usd, cost_status, received_at)
      SELECT leftPad(hex(number), 32, 'c'), leftPad(hex(number), 16, 'c'), toDateTime(${begun}), toDateTime(${begun}),
        concat('agent-', toString(number)), number * 1000000000, 'exact', toDateTime(${begun}) FROM numbers(1, 30)`);
    const rows = await panel("Cost by agent", { ...ALL, fromUnixSeconds: begun - 60, toUnixSeconds: begun + 60 });
    expect(rows.length).toBe(21);
    expect(rows.map((row) => row["agent"])).not.toContain("agent-10");
    expect(rows).toContainEqual(expect.objectContaining({ agent: "agent-11", cost: "11" }));
    // 1 + 2 + … + 10
    expect(rows).toContainEqual(expect.objectContaining({ agent: "others", cost: "55" }));
  });

  it("lists the dearest traces by their ids", async () => {
    const rows = await panel("Dearest traces", ALL);
    expect(rows.slice(0, 3).map((row) => [row["trace_id"], row["calls"], row["cost"]])).toEqual([
      ["0".repeat(32), "4", "0.00084"],
      [expect.stringMatching(/^0{31}[12]$/), "3", "0.00063"],
      [expect.stringMatching(/^0{31}[12]$/), "3", "0.00063"],
    ]);
  });

  it("says of a dear trace which agent began it, whatever of it came first", async () => {
    const begun = HOUR_START - 50 * 86_400;
    // As on a busy day, no merge has met what came apart; of half of the traces the later spans come first.
    await owner.command("SYSTEM STOP MERGES trace_log");
    for (const turn of [0, 1]) {
      await owner.command(`INSERT INTO span_log (trace_id, span_id, start, end, agent, model, cost_nano_usd, cost_status, received_at)
        SELECT leftPad(toString(number), 32, '7'), leftPad(toString(number * 10 + ${turn}), 16, '7'), fromUnixTimestamp64Second(${begun} + later * 10, 'UTC') AS at,
          at, if(later, 'callee', 'caller'), 'm', 1000, 'exact', at FROM (SELECT number, (number + ${turn}) % 2 AS later FROM numbers(20))`);
    }
    const rows = await panel("Dearest traces", { ...ALL, fromUnixSeconds: begun - 1, toUnixSeconds: begun + 60 });
    expect(rows.map((row) => row["made_by"])).toEqual(Array.from({ length: 20 }, () => "caller"));
  });

  it("weighs whole traces, however their spans came apart and before any merge has met them", async () => {
    const begun = HOUR_START - 52 * 86_400;
    await owner.command("SYSTEM STOP MERGES trace_log");
    /** Its trace, seconds from the start of the range, its agent (or none), its cost in thousandths of a dollar. */
    const spans: readonly (readonly [trace: string, at: number, agent: string, cost: number])[] = [
      // Began before the range.
      ["1", -30, "caller", 1],
      ["1", 10, "caller", 9_000],
      // The chosen agent has the smallest part in it, and began it, but for a span that nobody's name is on.
      ["2", 50, "callee", 500],
      ["2", 5, "", 0],
      ["2", 20, "caller", 1],
      ["3", 10, "caller", 300],
      // Goes on after the range.
      ["4", 40, "caller", 1],
      ["4", 90, "caller", 400],
      ["5", 10, "callee", 700],
    ];
    for (const [index, [trace, at, agent, cost]] of spans.entries()) {
      await owner.command(`INSERT INTO span_log (trace_id, span_id, start, end, agent, model, cost_nano_usd, cost_status, received_at)
        SELECT leftPad('${trace}', 32, '8'), leftPad('${index}', 16, '8'), toDateTime(${begun + at}) AS at, at, '${agent}', 'm', ${cost * 1_000_000}, 'exact', at`);
    }
    const range = { ...ALL, fromUnixSeconds: begun, toUnixSeconds: begun + 60 };
    const listed = async (context: GrafanaContext): Promise<unknown> =>
      (await panel("Dearest traces", context)).map((row) => [row["trace_id"], row["made_by"], row["cost"]]);
    const [second, third, fourth, fifth] = ["2", "3", "4", "5"].map((trace) => trace.padStart(32, "8"));
    const callers = [
      [second, "caller", "0.501"],
      [fourth, "caller", "0.401"],
      [third, "caller", "0.3"],
    ];
    expect(await listed(range)).toEqual([[fifth, "callee", "0.7"], ...callers]);
    const ofCaller = { ...range, variables: { ...ALL.variables, agent: ["caller"] } };
    expect(await listed(ofCaller)).toEqual(callers);
    // Of more than are shown, those that are dear as a whole, not by the part that the chosen agent has in them.
    await owner.command(`INSERT INTO span_log (trace_id, span_id, start, end, agent, model, cost_nano_usd, cost_status, received_at)
      SELECT leftPad(toString(number), 32, '9'), leftPad(toString(number), 16, '9'), toDateTime(${begun + 10}) AS at, at, 'caller', 'm', 200000000, 'exact', at FROM numbers(20)`);
    expect(((await listed(ofCaller)) as unknown[]).slice(0, 3)).toEqual(callers);
  });

  it("shows how much of a budget is used", async () => {
    expect(await panel("Budgets", ALL)).toMatchObject([{ name: "fleet", used: 0.25, remaining_usd: "0.75" }]);
  });
});
