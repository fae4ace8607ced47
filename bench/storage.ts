/**
 * Bytes a span on disk beside the Collector's clickhouseexporter: the same spans in its published schema, in the same
 * engine, both merged to the end. The exporter makes text indexes on an engine as new as this one, and bloom filters on an
 * older one: both are shown. Then the engine's CPU for inserts. `npm run bench storage -- --spans 1000000`.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type BenchEngine, startBenchEngine } from "./data/bench-engine.ts";
import { collectorTableSql, copyToCollectorSql } from "./data/collector-schema-sql.ts";
import { fillSpans, INSERT_SETTINGS } from "./data/fill.ts";
import { DAY_SECONDS, DAYS } from "./data/spans-sql.ts";

const END = Date.UTC(2026, 10, 21) / 1000;
const BLOCK_SPANS = 50_000;
const BLOCKS = 5;

const { values } = parseArgs({
  options: { spans: { type: "string", default: "1000000" }, directory: { type: "string" } },
});
const directory = values.directory === undefined ? undefined : join(values.directory, values.spans);
await using engine = await startBenchEngine("tollgate", directory);
const { spans } = await fillSpans(engine, { spans: Number(values.spans), endUnixSeconds: END });

const own = await bytesOf("span_log");
const rollUps = await bytesOf(
  "spend_log",
  "spend_hour_log",
  "trace_log",
  "refusal_log",
  "decision_hour_log",
  "call_duration_log",
);
console.log(`${spans} spans, everything merged\n`);
console.log(`span_log                                      ${(own / spans).toFixed(1).padStart(6)} B a span`);
console.log(
  `  with every roll-up                          ${((own + rollUps) / spans).toFixed(1).padStart(6)} B a span`,
);
for (const indexes of ["text", "bloom"] as const) {
  const table = `otel_traces_${indexes}`;
  const bytes = await collectorBytes(engine, table, indexes);
  console.log(
    `clickhouseexporter's otel_traces, ${indexes.padEnd(5)} index ${(bytes / spans).toFixed(1).padStart(6)} B a span` +
      `   span_log / it: ${(own / bytes).toFixed(2)}   with roll-ups: ${((own + rollUps) / bytes).toFixed(2)} (target 0.50)`,
  );
}
await insertCpu(engine);

async function collectorBytes(on: BenchEngine, table: string, indexes: "text" | "bloom"): Promise<number> {
  await on.storage.command(`DROP TABLE IF EXISTS ${table}`);
  await on.storage.command(collectorTableSql(table, indexes));
  for (let day = -1; day <= DAYS; day += 1) {
    const date = new Date((END - day * DAY_SECONDS) * 1000).toISOString().slice(0, 10);
    await on.storage.command(copyToCollectorSql(table, date), {
      settings: { ...INSERT_SETTINGS, max_block_size: 65_409 },
    });
  }
  await on.storage.command(`OPTIMIZE TABLE ${table} FINAL`, { settings: { max_execution_time: 0 } });
  return bytesOf(table);
}

async function bytesOf(...tables: readonly string[]): Promise<number> {
  const [row] = await engine.storage.query<{ bytes: string }>(
    "SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = 'tollgate' AND has({tables: Array(String)}, table)",
    { tables },
  );
  return Number(row?.bytes);
}

/** A day's spans in the order in which they began, as a Native block: into the table alone, then with all of its views. */
async function insertCpu(on: BenchEngine): Promise<void> {
  const { storage, url } = on;
  const answer = await fetch(`${url}/?database=tollgate&max_result_bytes=0&max_memory_usage=6000000000`, {
    method: "POST",
    body: `SELECT * FROM span_log WHERE start >= toDateTime(${END - 12 * 3_600}, 'UTC') ORDER BY start LIMIT ${BLOCK_SPANS} FORMAT Native`,
  });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const [block] = await storage.query<{ n: string }>(
    `SELECT count() AS n FROM (SELECT 1 FROM span_log WHERE start >= toDateTime(${END - 12 * 3_600}, 'UTC') LIMIT ${BLOCK_SPANS})`,
  );
  const rows = Number(block?.n);
  await storage.command("CREATE TABLE IF NOT EXISTS span_copy AS span_log");
  for (const table of ["span_copy", "span_log"]) {
    const figures: number[] = [];
    for (let index = 0; index < BLOCKS; index += 1) {
      const before = on.cpuSeconds();
      await storage.insertNative({ table, token: `${table} ${index} ${Date.now()}`, bytes });
      figures.push(((on.cpuSeconds() - before) / rows) * 1e6);
    }
    const median = figures.toSorted((a, b) => a - b)[Math.floor(BLOCKS / 2)] ?? 0;
    const what = table === "span_log" ? "with every view" : "table alone    ";
    console.log(
      `insert of ${rows} spans, ${(bytes.length / rows).toFixed(0)} B each, ${what}: ${median.toFixed(1)} µs of the engine's CPU a span, merges beside it included`,
    );
  }
}
