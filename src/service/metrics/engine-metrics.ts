import type { EngineStats } from "../../storage/embedded/engine-stats.ts";
import { figure, type MetricFamily } from "../../telemetry/metric-family.ts";
import type { EngineWatch } from "../engine-watch.ts";

/** The embedded engine's figures, read a few seconds ago at most; without samples while it does not answer, or is none. */
export function engineFamilies(watch: () => EngineWatch | undefined): readonly MetricFamily[] {
  const stats = () => watch()?.last;
  const gauge = (name: string, help: string, value: (stats: EngineStats) => number): MetricFamily =>
    figure({
      name: `tollgate_engine_${name}`,
      help,
      value: () => {
        const last = stats();
        return last === undefined ? undefined : value(last);
      },
    });
  return [
    figure({
      name: "tollgate_engine_up",
      help: "1 while the embedded engine serves. Absent with a ClickHouse server.",
      value: () => {
        const engine = watch()?.engine;
        return engine === undefined ? undefined : Number(engine.isServing);
      },
    }),
    figure({
      name: "tollgate_engine_restarts_total",
      help: "Times the embedded engine ended unasked and was started again.",
      type: "counter",
      value: () => watch()?.engine.crashes,
    }),
    gauge("resident_memory_bytes", "Resident memory of the engine's process.", (engine) => engine.rssBytes),
    gauge("tracked_memory_bytes", "What the engine counts as allocated.", (engine) => engine.memoryTrackedBytes),
    gauge("memory_limit_bytes", "Tracked memory beyond which it refuses queries.", (engine) => engine.memoryMaxBytes),
    figure({
      name: "tollgate_engine_cpu_seconds_total",
      help: "CPU time of the engine's process, user and system. Begins again when it is restarted.",
      type: "counter",
      value: () => stats()?.cpuSeconds,
    }),
    gauge("uptime_seconds", "Since the engine's process started.", (engine) => engine.uptimeMs / 1_000),
    gauge("merges_running", "Merges and mutations in progress.", (engine) => engine.mergesRunning),
    gauge("active_parts", "Active parts of all tables.", (engine) => engine.partsActive),
    gauge(
      "partition_active_parts_max",
      "Active parts of the partition that has most; inserts slow down at 1000 and are refused at 3000.",
      (engine) => engine.partsPerPartitionMax,
    ),
    gauge("stored_rows", "Rows in active parts of all tables.", (engine) => engine.rowsStored),
    gauge("disk_bytes", "Compressed bytes of active parts.", (engine) => engine.diskBytes),
    {
      name: "tollgate_engine_queries",
      help: "Statements over HTTP by lane, running and waiting for a place.",
      type: "gauge",
      labelNames: ["lane", "state"],
      samples: () => {
        const last = stats();
        if (last === undefined) return [];
        return [
          { labels: { lane: "read", state: "running" }, value: last.readsRunning },
          { labels: { lane: "read", state: "waiting" }, value: last.readsWaiting },
          { labels: { lane: "write", state: "running" }, value: last.writesRunning },
          { labels: { lane: "write", state: "waiting" }, value: last.writesWaiting },
        ];
      },
    },
  ];
}
