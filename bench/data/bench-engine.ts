/** An embedded engine of its own for a benchmark, in a directory that goes with it. */
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createStorage, type Storage } from "../../src/storage/client.ts";
import { EmbeddedEngine } from "../../src/storage/embedded/engine.ts";

/** Linux counts a process's CPU time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

export interface BenchEngine extends AsyncDisposable {
  readonly url: string;
  /** As the user that may do everything. */
  readonly storage: Storage;
  /** As who may only read: people, Grafana, the processor's own API. */
  readonly reader: Storage;
  /** CPU seconds of the engine's process so far, all threads. */
  cpuSeconds(): number;
}

/** Starts it. `directory`: one that stays; default a new one under node_modules/.cache. */
export async function startBenchEngine(database: string, directory?: string): Promise<BenchEngine> {
  const parent = join(import.meta.dirname, "../../node_modules/.cache");
  await mkdir(parent, { recursive: true });
  const dataDir = directory ?? (await mkdtemp(join(parent, "bench-storage-")));
  const engine = new EmbeddedEngine({ dataDir, users: [{ name: "default" }, { name: "reader", isReadOnly: true }] });
  const { url, pid } = await engine.start();
  const storage = createStorage({ url, database, requestTimeoutMs: 1_200_000 });
  const reader = createStorage({ url, database, username: "reader" });
  return {
    url,
    storage,
    reader,
    cpuSeconds: () => cpuSecondsOf(pid),
    async [Symbol.asyncDispose]() {
      await reader.close();
      await storage.close();
      await engine.stop();
      if (directory === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** utime + stime; the name, which may hold spaces, ends with the last parenthesis. */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
