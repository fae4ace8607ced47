/**
 * The questions of an incident and the panels of a month, over realistic spans: `npm run bench query -- --spans 1000000,10000000`.
 * With two sizes, each question's time (the median) and CPU are compared between them. Wall time depends on what else the machine
 * does; the engine's CPU seconds much less so: both are printed. `--directory D` keeps the data for the next run.
 */
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { newestTraces } from "../src/api/newest-traces.ts";
import { type SeenTrace, tracesSeen } from "../src/api/traces-seen.ts";
import type { Storage } from "../src/storage/client.ts";
import { labelValues, withLabels } from "../src/storage/queries/label-values.ts";
import { type QueryName, queryText } from "../src/storage/queries/catalog.ts";
import { expandGrafanaSql, type GrafanaContext } from "../test/support/grafana-macros.ts";
import { type BenchEngine, startBenchEngine } from "./data/bench-engine.ts";
import { fillSpans } from "./data/fill.ts";
import { DAY_SECONDS, DAYS } from "./data/spans-sql.ts";

const ROUNDS = 20;
/** Of what asks for another trace or session each time. */
const LOOKUP_ROUNDS = 100;
const END = Date.UTC(2026, 10, 21) / 1000;
const NO_MINIMUM = (-(2n ** 62n)).toString();

interface Question {
  readonly name: string;
  readonly targetMs: number;
  /** @default {@link ROUNDS} */
  readonly rounds?: number;
  /** Waits for the answer; the nth asks for another trace or session. */
  readonly ask: (reader: Storage, round: number) => Promise<unknown>;
}

interface Listed {
  readonly start: string;
}

interface Answer {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly cpuMs: number;
}

const { values } = parseArgs({
  options: { spans: { type: "string", default: "1000000" }, directory: { type: "string" } },
});
const sizes = values.spans.split(",").map(Number);
const [loadAverage = 0] = loadavg();
console.log(
  `load average ${loadAverage.toFixed(1)} on ${cpus().length} cores at the start; above 1, times come out too long`,
);
const results: ReadonlyMap<string, Answer>[] = [];
let questions: readonly Question[] = [];
for (const spans of sizes) {
  const directory = values.directory === undefined ? undefined : join(values.directory, String(spans));
  await using engine = await startBenchEngine("tollgate", directory);
  const filled = await fillSpans(engine, { spans, endUnixSeconds: END });
  console.log(`${filled.spans} spans, ${filled.traces} traces, ${filled.sessions} sessions over ${DAYS} days`);
  questions = [...(await lookups(engine)), ...panels()];
  const answers = new Map<string, Answer>();
  for (const question of questions) answers.set(question.name, await measure(engine, question));
  results.push(answers);
}
print();

/** CPU is the mean over the rounds: the system counts it in hundredths of a second. */
async function measure(engine: BenchEngine, { ask, rounds = ROUNDS }: Question): Promise<Answer> {
  const times: number[] = [];
  let cpu = 0;
  for (let round = -2; round < rounds; round += 1) {
    const cpuBefore = engine.cpuSeconds();
    const before = performance.now();
    await ask(engine.reader, round + 2);
    if (round < 0) continue;
    times.push(performance.now() - before);
    cpu += engine.cpuSeconds() - cpuBefore;
  }
  times.sort((a, b) => a - b);
  const rank = (share: number): number => times[Math.ceil(times.length * share) - 1] ?? 0;
  return { p50Ms: rank(0.5), p95Ms: rank(0.95), cpuMs: (cpu / rounds) * 1000 };
}

function print(): void {
  for (const { name, targetMs } of questions) {
    const answers = results.map((of) => of.get(name) ?? { p50Ms: 0, p95Ms: 0, cpuMs: 0 });
    const figures = answers.map(
      ({ p50Ms, p95Ms, cpuMs }) =>
        `p50 ${p50Ms.toFixed(0).padStart(4)}, p95 ${p95Ms.toFixed(0).padStart(4)}, CPU ${cpuMs.toFixed(0).padStart(4)} ms`,
    );
    const ratio = (of: (answer: Answer) => number): string => {
      const [first, last] = [answers[0], answers.at(-1)];
      return first === undefined || last === undefined ? "" : (of(last) / Math.max(of(first), 1)).toFixed(1);
    };
    const growth =
      results.length > 1 ? `   × ${ratio(({ p50Ms }) => p50Ms)} time, × ${ratio(({ cpuMs }) => cpuMs)} CPU` : "";
    console.log(`${name.padEnd(48)} ${figures.join("   ")}   (target ${targetMs} ms)${growth}`);
  }
}

async function lookups({ storage }: BenchEngine): Promise<readonly Question[]> {
  const known = await storage.query<{ trace_id: string; session: string }>(
    `SELECT trace_id, argMinMerge(session) AS session FROM trace_log GROUP BY trace_id ORDER BY sipHash64(trace_id) LIMIT ${LOOKUP_ROUNDS + 2}`,
  );
  const at = (round: number): { trace_id: string; session: string } =>
    known[round % known.length] ?? { trace_id: "", session: "" };
  const day = { since_ms: (END - DAY_SECONDS) * 1000, until_ms: END * 1000 };
  const month = { since_ms: (END - DAYS * DAY_SECONDS) * 1000 + 5_000, until_ms: END * 1000 - 7_000 };
  const filters = { agent: "", session: "", decision: "", error: 0, min_cost_nano_usd: NO_MINIMUM, limit: 51 };
  const traces = (where: string, range = day): Question["ask"] => {
    const { min_cost_nano_usd: least, limit, ...spans } = filters;
    const asked = (name: QueryName): string => queryText(name).replace("{{where}}", where);
    return (reader) =>
      newestTraces({
        range,
        nowMs: END * 1000,
        limit,
        ask: (of) =>
          tracesSeen({
            range: of,
            limit,
            seen: (at, atMost) => reader.query<SeenTrace>(asked("traces-seen"), { ...spans, ...at, limit: atMost }),
            named: (ids) => reader.query<Listed>(queryText("traces-named"), { trace_ids: ids, limit }),
            all: (at) => reader.query<Listed>(asked("traces"), { ...spans, ...at, limit, min_cost_nano_usd: least }),
          }),
      });
  };
  /** Cut within days and near the middle of hours: the most that is to be read beside whole days. */
  const cut = { since_ms: month.since_ms + 37_423_000, until_ms: month.until_ms - 27_777_000 };
  const spend = (by: readonly string[], range = month): Question["ask"] => {
    const labels = labelValues(by);
    const sql = withLabels(queryText("spend" satisfies QueryName), labels);
    return (reader) => reader.query(sql, { ...labels.parameters, ...range, tenant: "", limit: 10_001 });
  };
  return [
    {
      name: "trace by id",
      targetMs: 50,
      rounds: LOOKUP_ROUNDS,
      ask: (reader, round) =>
        reader.query(queryText("trace"), { trace_id: at(round).trace_id, tenant: "", limit: 10_000 }),
    },
    {
      name: "session, all its spans",
      targetMs: 100,
      rounds: LOOKUP_ROUNDS,
      ask: (reader, round) =>
        reader.query(queryText("session"), { session: at(round).session, tenant: "", limit: 10_000 }),
    },
    {
      name: "session, summed up",
      targetMs: 100,
      rounds: LOOKUP_ROUNDS,
      ask: (reader, round) =>
        reader.query("SELECT * FROM sessions WHERE session = {session: String}", { session: at(round).session }),
    },
    {
      name: "an agent's last hour",
      targetMs: 200,
      ask: plain(
        `SELECT * FROM spans WHERE agent = 'coder-1' AND start >= toDateTime(${END - 7_200}, 'UTC') AND start < toDateTime(${END - 3_600}, 'UTC') ORDER BY start DESC LIMIT 1000`,
      ),
    },
    {
      name: "newest traces of all that is kept",
      targetMs: 500,
      ask: traces("1", { since_ms: 0, until_ms: END * 1000 }),
    },
    { name: "traces of a day", targetMs: 500, ask: traces("1") },
    {
      name: "traces of a day, --where on an attribute",
      targetMs: 500,
      ask: traces("attributes['tollgate.tool.system'] = 'crm-3'"),
    },
    { name: "traces of a day, --where on cost", targetMs: 500, ask: traces("cost_usd > 0.01") },
    { name: "spend of 30 days by agent", targetMs: 200, ask: spend(["agent"]) },
    { name: "spend of 30 days by team, model", targetMs: 200, ask: spend(["team", "model"]) },
    { name: "spend of 30 days by a label of one's own", targetMs: 200, ask: spend(["customer"]) },
    { name: "… the same, cut within days and hours", targetMs: 200, ask: spend(["customer"], cut) },
    {
      name: "decisions of 30 days by rule",
      targetMs: 200,
      ask: plain("SELECT decision_rule, decision, sum(decisions) FROM decisions_by_hour GROUP BY 1, 2"),
    },
    {
      name: "who touched a system, a day",
      targetMs: 500,
      ask: plain(
        `SELECT agent, tool, count() FROM spans WHERE attributes['tollgate.tool.system'] = 'crm-3' AND start >= toDateTime(${END - DAY_SECONDS}, 'UTC') GROUP BY 1, 2`,
      ),
    },
  ];
}

function plain(sql: string): Question["ask"] {
  return (reader) => reader.query(sql);
}

/** The shipped dashboard's own queries, as Grafana would send them for 30 days. */
function panels(): readonly Question[] {
  const file = join(import.meta.dirname, "../dashboards/json/llm-cost.json");
  const dashboard = JSON.parse(readFileSync(file, "utf8")) as {
    readonly panels: readonly { readonly title?: string; readonly targets?: readonly { readonly rawSql: string }[] }[];
  };
  const context: GrafanaContext = {
    fromUnixSeconds: END - DAYS * DAY_SECONDS,
    toUnixSeconds: END,
    intervalSeconds: 1_800,
    variables: { agent: undefined, team: undefined, model: undefined },
  };
  return dashboard.panels.flatMap(({ title = "", targets = [] }) =>
    targets.map(({ rawSql }) => ({
      name: `panel: ${title}`,
      targetMs: 200,
      ask: plain(expandGrafanaSql(rawSql, context)),
    })),
  );
}
