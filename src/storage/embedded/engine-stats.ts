/**
 * The engine's own figures, for metrics and for `status`: what its process costs, what it holds, what waits. Read over the
 * channel between the processes, so that it works when every HTTP place is taken; two cheap statements, a millisecond.
 */
import type { Connections, ConnectionCounts } from "./connections.ts";
import type { EngineConnection } from "./library.ts";

/** One reading of a running engine. */
export interface EngineStats extends ConnectionCounts {
  readonly pid: number;
  /** Since this process of the engine started. */
  readonly uptimeMs: number;
  /** Resident memory of the process, the library's pages included. */
  readonly rssBytes: number;
  /** User and system time since the process started: a counter that begins again at each restart. */
  readonly cpuSeconds: number;
  /** What the engine itself counts as allocated (`MemoryTracking`); its bound is {@link memoryMaxBytes}. */
  readonly memoryTrackedBytes: number;
  /** Beyond this the engine refuses queries with MEMORY_LIMIT_EXCEEDED (241). */
  readonly memoryMaxBytes: number;
  /** Queries the engine runs, those of its own included. */
  readonly queriesRunning: number;
  /** Merges and mutations in progress. */
  readonly mergesRunning: number;
  /** Active parts of all tables. */
  readonly partsActive: number;
  /** Active parts of the partition that has most: inserts slow down at 1000, are refused at 3000 (`parts_to_throw_insert`). */
  readonly partsPerPartitionMax: number;
  /** Rows in active parts of all tables. */
  readonly rowsStored: number;
  /** Compressed bytes of active parts of all tables. */
  readonly diskBytes: number;
}

/** What {@link readStats} reads from. `connection` must be one that serves nothing else. */
export interface StatsSource {
  readonly connection: EngineConnection;
  readonly connections: Connections;
  readonly memoryMaxBytes: number;
}

const METRICS = ["MemoryTracking", "Query", "Merge", "PartMutation"] as const;

const METRICS_SQL = `SELECT metric, toFloat64(value) FROM system.metrics WHERE metric IN ('${METRICS.join("', '")}')`;

const PARTS_SQL = `SELECT toFloat64(sum(parts)), toFloat64(max(parts)), toFloat64(sum(rows)), toFloat64(sum(bytes))
FROM (
  SELECT count() AS parts, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
  FROM system.parts WHERE active GROUP BY database, table, partition_id
)`;

/** Reads all figures of this process, which is the engine's. */
export async function readStats({ connection, connections, memoryMaxBytes }: StatsSource): Promise<EngineStats> {
  const metrics = new Map((await rowsOf(connection, METRICS_SQL)) as readonly (readonly [string, number])[]);
  const [parts = []] = (await rowsOf(connection, PARTS_SQL)) as readonly (readonly number[])[];
  const [partsActive = 0, partsPerPartitionMax = 0, rowsStored = 0, diskBytes = 0] = parts;
  const { user, system } = process.cpuUsage();
  return {
    ...connections.counts,
    pid: process.pid,
    uptimeMs: Math.round(process.uptime() * 1000),
    rssBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
    memoryTrackedBytes: metrics.get("MemoryTracking") ?? 0,
    memoryMaxBytes,
    // Less this one.
    queriesRunning: Math.max(0, (metrics.get("Query") ?? 0) - 1),
    mergesRunning: (metrics.get("Merge") ?? 0) + (metrics.get("PartMutation") ?? 0),
    partsActive,
    partsPerPartitionMax,
    rowsStored,
    diskBytes,
  };
}

async function rowsOf(connection: EngineConnection, sql: string): Promise<readonly unknown[]> {
  const { bytes } = await connection.run(sql, "JSONCompactEachRow");
  const lines = Buffer.from(bytes).toString("utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as unknown);
}
