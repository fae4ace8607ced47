/** Goal: migrations bring any database forward once, survive a half-way failure, and refuse drift. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createStorage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { migrate } from "../../../src/storage/migrate.ts";

let directory = "";
let url = "";
let engine: EmbeddedEngine;
let files = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-migrate-"));
  engine = new EmbeddedEngine({ dataDir: join(directory, "db") });
  ({ url } = await engine.start());
});

beforeEach(async () => {
  files = await mkdtemp(join(directory, "sql-"));
  await writeFile(
    join(files, "0001-first.sql"),
    "-- both;\nCREATE TABLE IF NOT EXISTS {database}.a (x String DEFAULT 'a;b') ENGINE = MergeTree ORDER BY x;\n\nCREATE TABLE IF NOT EXISTS {database}.b AS {database}.a;\n",
  );
});

afterAll(async () => {
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

async function tablesOf(database: string): Promise<readonly string[]> {
  const storage = createStorage({ url, database });
  const rows = await storage.query<{ name: string }>("SHOW TABLES");
  await storage.close();
  return rows.map(({ name }) => name);
}

test("what is new is applied in order, once", async () => {
  const options = { url, database: "once", directory: files };
  expect(await migrate(options)).toEqual(["0001-first"]);
  expect(await tablesOf("once")).toEqual(["a", "b", "schema_migrations"]);
  await writeFile(join(files, "0002-second.sql"), "DROP TABLE {database}.b");
  expect(await migrate(options)).toEqual(["0002-second"]);
  expect(await migrate(options)).toEqual([]);
  expect(await tablesOf("once")).toEqual(["a", "schema_migrations"]);
});

test("a file that failed half way is not recorded and runs again when it is mended", async () => {
  const options = { url, database: "half", directory: files };
  const file = join(files, "0002-half.sql");
  await writeFile(file, "CREATE TABLE IF NOT EXISTS {database}.c AS {database}.a;\nCREATE NONSENSE;\n");
  await expect(migrate(options)).rejects.toMatchObject({ kind: "permanent", code: 62 });
  await writeFile(file, "CREATE TABLE IF NOT EXISTS {database}.c AS {database}.a;\n");
  expect(await migrate(options)).toEqual(["0002-half"]);
});

test("a changed file and a database of a newer version are refused by name", async () => {
  const options = { url, database: "drift", directory: files };
  await writeFile(join(files, "0002-second.sql"), "DROP TABLE {database}.b;\n");
  await migrate(options);
  await writeFile(join(files, "0002-second.sql"), "DROP TABLE {database}.a;\n");
  await expect(migrate(options)).rejects.toThrow("`0002-second` was changed after it was applied");
  await rm(join(files, "0002-second.sql"));
  await expect(migrate(options)).rejects.toThrow("`0002-second`, which this version does not know");
  expect(await tablesOf("drift")).toContain("a");
});

test("this package's own migrations apply to an empty database, twice", async () => {
  expect((await migrate({ url, database: "tollgate" })).length).toBeGreaterThan(0);
  expect(await migrate({ url, database: "tollgate" })).toEqual([]);
});
