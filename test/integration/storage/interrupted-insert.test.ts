/**
 * Goal: an insert during which the engine was killed is done whole by its repetition: no row lost, none doubled, in the table and in
 * what its view fills. Method: the real engine; between two of its lives the files are put into the state that a kill leaves (the
 * insert written down, its part not named yet; seen by holding `rename` up with strace), for the table and for the view's.
 */
import { appendFileSync, globSync, mkdirSync, readFileSync, rmdirSync, rmSync, truncateSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitFor } from "../../../src/demo/wait.ts";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine, type EngineCrash } from "../../../src/storage/embedded/engine.ts";

const REMEMBERING = "ENGINE = MergeTree ORDER BY number SETTINGS non_replicated_deduplication_window = 100";

let directory: string;
let engine: EmbeddedEngine;
let storage: Storage;
let crashes: EngineCrash[];
let atCrash: () => void;

async function start(): Promise<void> {
  crashes = [];
  atCrash = () => undefined;
  const onCrash = (crash: EngineCrash): void => {
    crashes.push(crash);
    atCrash();
  };
  engine = new EmbeddedEngine({ dataDir: directory, onCrash });
  const { url } = await engine.start();
  storage = createStorage({ url });
}

/** `between`: with no engine there. */
async function restart(between: () => void = () => undefined): Promise<void> {
  await stop();
  between();
  await start();
}

async function stop(): Promise<void> {
  await storage.close();
  await engine.stop();
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-interrupted-"));
  await start();
  await storage.command(`CREATE TABLE told (number UInt8) ${REMEMBERING}`);
  await storage.command(`CREATE TABLE seen (number UInt8) ${REMEMBERING}`);
  await storage.command("CREATE MATERIALIZED VIEW seen_view TO seen AS SELECT number FROM told");
});

afterEach(async () => {
  await stop();
  await rm(directory, { recursive: true, force: true });
});

/** One column `number` of UInt8, one row. */
function insert(number: number): Promise<void> {
  const [count, name, type] = [Buffer.from([1, 1]), Buffer.from("\u0006number"), Buffer.from("\u0005UInt8")];
  const bytes = Buffer.concat([count, name, type, Buffer.from([number])]);
  return storage.insertNative({ table: "told", token: `insert ${number}`, bytes });
}

async function numbersIn(table: string): Promise<readonly number[]> {
  const rows = await storage.query<{ readonly number: number }>(`SELECT number FROM ${table} ORDER BY number`);
  return rows.map(({ number }) => number);
}

async function pathOf(table: string): Promise<string> {
  const sql = "SELECT data_paths[1] AS path FROM system.tables WHERE name = {table:String} AND database = 'default'";
  const [row] = await storage.query<{ readonly path: string }>(sql, { table });
  if (row === undefined) throw new Error(`no table ${table}`);
  return row.path;
}

test.each([
  { killed: "before the table has it", lost: ["told", "seen"] },
  { killed: "before the view's table has it", lost: ["seen"] },
])("killed $killed, an insert is done whole by its repetition", async ({ lost }) => {
  await insert(1);
  await insert(2);
  const paths = await Promise.all(lost.map(pathOf));
  await restart(() => {
    for (const path of paths) {
      const [newest] = globSync(join(path, "all_2_2_0"));
      expect(newest).toBeDefined();
      rmSync(String(newest), { recursive: true });
    }
  });
  expect(await numbersIn("seen")).toEqual([1]);
  // Both again: what nobody knows the fate of is sent again.
  await insert(1);
  await insert(2);
  expect(await numbersIn("told")).toEqual([1, 2]);
  expect(await numbersIn("seen")).toEqual([1, 2]);
  await restart();
  await insert(2);
  expect(await numbersIn("told")).toEqual([1, 2]);
});

test("a part that the engine puts aside as it starts, for it was not written whole, can be inserted again", async () => {
  await insert(1);
  await insert(2);
  const path = await pathOf("told");
  await restart(() => truncateSync(join(path, "all_2_2_0", "data.bin"), 3));
  expect(await numbersIn("told")).toEqual([1]);
  await insert(1);
  await insert(2);
  expect(await numbersIn("told")).toEqual([1, 2]);
});

test("what was merged, and then repeated, is not there twice", async () => {
  for (const number of [1, 2, 3]) await insert(number);
  await storage.command("OPTIMIZE TABLE told FINAL");
  const path = await pathOf("told");
  await restart(() => {
    // The engine removes what a merge replaced, some minutes later.
    for (const part of globSync(join(path, "all_*_0"))) rmSync(part, { recursive: true });
  });
  for (const number of [1, 2, 3]) await insert(number);
  expect(await numbersIn("told")).toEqual([1, 2, 3]);
  expect(await numbersIn("seen")).toEqual([1, 2, 3]);
});

test("a record that was cut off, as by a full disk, does not make the engine forget what comes after it", async () => {
  await insert(1);
  const path = await pathOf("told");
  const [log = ""] = globSync(join(path, "deduplication_logs", "*.txt"));
  await restart(() => appendFileSync(log, "1\tall_2_2_0\tall_17884267"));
  await insert(2);
  await restart();
  await insert(1);
  await insert(2);
  expect(await numbersIn("told")).toEqual([1, 2]);
  expect(readFileSync(log, "utf8").split("\n"), basename(log)).toHaveLength(3);
});

test("an insert that fails half-way, as on a full disk, ends the engine before it can be repeated in vain", async () => {
  await insert(1);
  const path = await pathOf("told");
  const [log = ""] = globSync(join(path, "deduplication_logs", "*.txt"));
  // A failure that leaves nothing behind is an answer, and no more.
  await expect(insertFailing()).rejects.toThrow("read after eof");
  expect(crashes).toEqual([]);
  appendFileSync(log, "1\tall_2_2_0\tall_17884267984735955597_843012965779208225\n");
  await expect(insertFailing()).rejects.toMatchObject({ kind: "retryable" });
  await waitFor(isServing, { what: "the engine", timeoutMs: 60_000 });
  expect(crashes).toMatchObject([{ signal: "SIGKILL", stderr: expect.stringContaining("half-way in") as string }]);
  expect(readFileSync(log, "utf8").trim().split("\n").at(-1)).toMatch(/^2\tall_2_2_0\t/);
  await insert(1);
  await insert(2);
  expect(await numbersIn("told")).toEqual([1, 2]);
});

test("an engine that cannot see what it remembers ends when an insert fails", async () => {
  await insert(1);
  const obstacle = join(await pathOf("told"), "deduplication_logs", "deduplication_log_9.txt");
  mkdirSync(obstacle);
  // The next start would not get past it.
  atCrash = () => rmdirSync(obstacle);
  await expect(insertFailing()).rejects.toMatchObject({ kind: "retryable" });
  await waitFor(isServing, { what: "the engine", timeoutMs: 60_000 });
  expect(crashes).toMatchObject([{ signal: "SIGKILL", stderr: expect.stringContaining("half-way in") as string }]);
  await insert(1);
  expect(await numbersIn("told")).toEqual([1]);
});

function isServing(): Promise<boolean> {
  return storage.ping().then(
    () => true,
    () => false,
  );
}

/** A block that ends too early. */
function insertFailing(): Promise<void> {
  return storage.insertNative({ table: "told", token: "failing", bytes: Buffer.from([1, 9]) });
}
