/** Goal: what would be sent to a cluster is ClickHouse's own grammar. Method: the real engine parses every statement. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";

let directory = "";
let engine: EmbeddedEngine;
let storage: Storage;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-cluster-"));
  engine = new EmbeddedEngine({ dataDir: directory });
  const { url } = await engine.start();
  storage = createStorage({ url });
});

afterAll(async () => {
  await storage.close();
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

test("every statement for a cluster parses", async () => {
  const text = await readFile(new URL("../../unit/storage/fixtures/cluster.sql", import.meta.url), "utf8");
  const statements = text
    .replaceAll(/^--.*$/gm, "")
    .split(/;\n/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
  expect(statements.length).toBeGreaterThan(30);
  for (const statement of statements) {
    const [row] = await storage.query<{ sql: string }>("SELECT formatQuery({statement: String}) AS sql", { statement });
    expect(row?.sql.length).toBeGreaterThan(0);
  }
});
