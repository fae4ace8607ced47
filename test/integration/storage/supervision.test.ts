/**
 * Goal: a crash of the engine costs nothing that was acknowledged, and one data directory has one engine at a time.
 * Method: kill -9 on real child processes.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createStorage } from "../../../src/storage/client.ts";
import { EmbeddedEngine, type EngineCrash, type RunningEngine } from "../../../src/storage/embedded/engine.ts";

let directory = "";
const engines: EmbeddedEngine[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-engine-"));
});

afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.stop()));
  await rm(directory, { recursive: true, force: true });
});

function newEngine(options: Partial<ConstructorParameters<typeof EmbeddedEngine>[0]> = {}): EmbeddedEngine {
  const engine = new EmbeddedEngine({ dataDir: directory, ...options });
  engines.push(engine);
  return engine;
}

test("after kill -9 the engine is back on its port with every acknowledged insert", async () => {
  const crashes: EngineCrash[] = [];
  let readies: ((running: RunningEngine) => void)[] = [];
  const engine = newEngine({
    onCrash: (crash) => crashes.push(crash),
    onReady: (running) => {
      for (const resolve of readies) resolve(running);
      readies = [];
    },
  });
  const { url, pid } = await engine.start();
  const storage = createStorage({ url });
  await storage.command("CREATE TABLE kept (id UInt64) ENGINE = MergeTree ORDER BY id");
  for (let id = 0; id < 20; id += 1) await storage.command(`INSERT INTO kept VALUES (${id})`);

  const again = new Promise<RunningEngine>((resolve) => readies.push(resolve));
  process.kill(pid, "SIGKILL");
  await expect(storage.query("SELECT sleep(0.5)")).rejects.toMatchObject({ kind: "retryable" });
  const running = await again;
  expect(running.url).toBe(url);
  expect(running.pid).not.toBe(pid);
  expect(crashes).toMatchObject([{ signal: "SIGKILL" }]);
  expect(await storage.query("SELECT count() AS n FROM kept")).toEqual([{ n: "20" }]);
  await storage.close();
});

test("a second engine on the same directory is refused and names the holder", async () => {
  const { pid } = await newEngine().start();
  await expect(newEngine().start()).rejects.toThrow(`held by the running process ${pid}`);
});

test("the lock of a process that is gone, or whose id somebody else has now, is taken over", async () => {
  await writeFile(join(directory, "lock"), JSON.stringify({ pid: process.ppid, started: "1" }));
  await expect(newEngine().start()).resolves.toHaveProperty("pid");
});

test("an engine whose parent was killed ends and gives the directory free", async () => {
  const engineUrl = new URL("../../../src/storage/embedded/engine.ts", import.meta.url).href;
  const script = `import { EmbeddedEngine } from ${JSON.stringify(engineUrl)};
    const engine = new EmbeddedEngine({ dataDir: ${JSON.stringify(directory)} });
    process.stdout.write(JSON.stringify(await engine.start()) + "\\n");`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const orphan = JSON.parse(line.toString()) as RunningEngine;
  parent.kill("SIGKILL");
  await once(parent, "close");
  const { pid } = await newEngine().start(); // waits for the lock
  expect(pid).not.toBe(orphan.pid);
  expect(() => process.kill(orphan.pid, 0)).toThrow("ESRCH");
});

test("stop ends the process, twice is fine, and the next start finds the data", async () => {
  const engine = newEngine();
  await engine.stop();
  const { url, pid } = await engine.start();
  const storage = createStorage({ url });
  await storage.command("CREATE TABLE kept (id UInt64) ENGINE = MergeTree ORDER BY id");
  await storage.close();
  await engine.stop();
  await engine.stop();
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  const next = createStorage({ url: (await engine.start()).url });
  expect(await next.query("EXISTS kept")).toEqual([{ result: 1 }]);
  await next.close();
});

test("a port that is taken fails the start with the reason", async () => {
  const { url } = await newEngine().start();
  const other = await mkdtemp(join(tmpdir(), "tollgate-engine-"));
  const engine = newEngine({ dataDir: other, port: Number(new URL(url).port) });
  await expect(engine.start()).rejects.toThrow("EADDRINUSE");
  await rm(other, { recursive: true, force: true });
});

test("kill -9 in the middle of inserts, three times, loses nothing that was acknowledged and doubles nothing", async () => {
  const { promise: thirdReady, resolve } = Promise.withResolvers<void>();
  let readies = 0;
  const crashes: EngineCrash[] = [];
  const engine = newEngine({
    onCrash: (crash) => crashes.push(crash),
    onReady: () => {
      readies += 1;
      if (readies === 4) resolve();
    },
  });
  const { url } = await engine.start();
  const storage = createStorage({ url });
  await storage.command(
    "CREATE TABLE kept (id UInt64) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 1000, " +
      "fsync_after_insert = 1, fsync_part_directory = 1",
  );
  let isOver = false;
  const acknowledged: number[] = [];
  const insert = async (id: number): Promise<void> => {
    const settings = { insert_deduplication_token: `token-${id}` };
    for (;;) {
      try {
        // As the spool does: the same block under the same token until it is acknowledged.
        await storage.command(`INSERT INTO kept SELECT ${id} FROM numbers(1000)`, { settings });
        acknowledged.push(id);
        return;
      } catch (error) {
        if ((error as { kind?: string }).kind !== "retryable") throw error;
        await new Promise((again) => setTimeout(again, 20));
      }
    }
  };
  const writers = [0, 1, 2].map(async (writer) => {
    for (let id = writer; !isOver; id += 3) await insert(id);
  });
  for (let kill = 1; kill <= 3; kill += 1) {
    const before = acknowledged.length;
    while (acknowledged.length < before + 10 || !engine.isServing) await new Promise((again) => setTimeout(again, 5));
    process.kill(engine.pid ?? 0, "SIGKILL");
  }
  await thirdReady;
  isOver = true;
  await Promise.all(writers);
  const rows = await storage.query<{ id: string; n: string }>(
    "SELECT id, count() AS n FROM kept GROUP BY id ORDER BY id",
  );
  expect(rows.filter(({ n }) => n !== "1000")).toEqual([]);
  expect(rows.map(({ id }) => Number(id))).toEqual(acknowledged.toSorted((a, b) => a - b));
  expect(crashes.map(({ inARow }) => inARow)).toEqual([1, 2, 3]);
  expect(engine.crashes).toBe(3);
  await storage.close();
});

// chDB's own handler of these signals sleeps for ever; nothing in the process answers then.
test.each(["SIGABRT", "SIGSEGV"] as const)(
  "an engine that crashes by %s is ended and started again",
  async (signal) => {
    const crashed = Promise.withResolvers<EngineCrash>();
    const back = Promise.withResolvers<void>();
    let readies = 0;
    const engine = newEngine({
      heartbeatMs: 500,
      onCrash: crashed.resolve,
      onReady: () => {
        readies += 1;
        if (readies === 2) back.resolve();
      },
    });
    const { pid } = await engine.start();
    expect(await engine.stats()).toMatchObject({ pid });
    process.kill(pid, signal);
    expect(await crashed.promise).toMatchObject({ signal: "SIGKILL", inARow: 1 });
    expect(engine.isServing).toBe(false);
    expect(await engine.stats()).toBeUndefined();
    await back.promise;
    expect(engine.isServing).toBe(true);
    expect((await engine.stats())?.pid).toBe(engine.pid);
  },
);

test("a start that fails says why and is tried again with growing pauses, as long as nobody stops it", async () => {
  const pauses: number[] = [];
  const reasons: string[] = [];
  const enough = Promise.withResolvers<void>();
  const engine = newEngine({
    onCrash: ({ restartInMs, stderr }) => {
      pauses.push(restartInMs);
      reasons.push(stderr);
      if (pauses.length === 3) enough.resolve();
    },
  });
  const { pid } = await engine.start();
  // What a disk that lost the engine's files looks like: a file where its directory should be.
  process.kill(pid, "SIGSTOP");
  await rm(join(directory, "engine"), { recursive: true });
  await writeFile(join(directory, "engine"), "");
  process.kill(pid, "SIGKILL");
  await enough.promise;
  expect(pauses).toEqual([100, 200, 400]);
  expect(reasons.at(-1)).toMatch(/did not start: .*engine/);
  expect(engine.isServing).toBe(false);
  await engine.stop();
});
