/** Fills a benchmark's engine with spans, unless they are there already, and folds the parts as an idle engine would. */
import { migrate } from "../../src/storage/migrate.ts";
import type { BenchEngine } from "./bench-engine.ts";
import { type DataSet, insertSpansSql, traceRanges } from "./spans-sql.ts";

/** Big blocks, one part an insert; the text of a block is made in small steps. */
export const INSERT_SETTINGS = {
  max_threads: 1,
  max_insert_threads: 1,
  max_block_size: 4_096,
  min_insert_block_size_rows: 400_000,
  min_insert_block_size_bytes: 800_000_000,
  max_memory_usage: 6_000_000_000,
  max_execution_time: 0,
} as const;

const TABLES = [
  "span_log",
  "trace_log",
  "spend_log",
  "spend_hour_log",
  "refusal_log",
  "decision_hour_log",
  "call_duration_log",
];

export interface Filled {
  readonly spans: number;
  readonly traces: number;
  readonly sessions: number;
}

export async function fillSpans({ url, storage }: BenchEngine, set: DataSet): Promise<Filled> {
  await migrate({ url, database: "tollgate" });
  const [there] = await storage.query<{ n: string }>("SELECT count() AS n FROM span_log");
  if (Number(there?.n) === 0) {
    const ranges = traceRanges(set).values();
    const worker = async (): Promise<void> => {
      for (const range of ranges) {
        await storage.command(insertSpansSql(set, range, "span_log"), { settings: INSERT_SETTINGS });
      }
    };
    await Promise.all([worker(), worker()]);
    for (const table of TABLES) {
      await storage.command(`OPTIMIZE TABLE ${table} FINAL`, { settings: { max_execution_time: 0 } });
    }
  }
  const [row] = await storage.query<Record<keyof Filled, string>>(
    "SELECT count() AS spans, uniq(trace_id) AS traces, uniq(session) AS sessions FROM span_log",
  );
  return { spans: Number(row?.spans), traces: Number(row?.traces), sessions: Number(row?.sessions) };
}
