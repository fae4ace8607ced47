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
