/**
 * Goal: the statements for a cluster are known by heart, since no cluster runs here. Method: the statements of every
 * migration are held to a golden file (UPDATE_GOLDEN=1 writes it), and the real engine parses each of them.
 */
import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { changedViews, renewal, undoRenewal } from "../../../src/storage/changed-views.ts";
import { clusterStatements } from "../../../src/storage/cluster-sql.ts";
import { MIGRATIONS_DIR, readMigrations } from "../../../src/storage/migration-files.ts";

const GOLDEN = new URL("./fixtures/cluster.sql", import.meta.url);
const TARGET = { database: "tollgate", cluster: "main" };

async function rendered(): Promise<string> {
  const migrations = await readMigrations(MIGRATIONS_DIR);
  return migrations
    .map(({ name, statements }) =>
      [
        `-- ${name}`,
        ...changedViews(statements, TARGET).map((view) => `${undoRenewal(view, TARGET)};`),
        ...statements.flatMap((statement) => clusterStatements(statement, TARGET).map((sql) => `${sql};`)),
        ...changedViews(statements, TARGET).flatMap((view) => renewal(view, TARGET).map((sql) => `${sql};`)),
      ].join("\n\n"),
    )
    .join("\n\n")
    .concat("\n");
}

test("every migration becomes what the golden file says", async () => {
  const text = await rendered();
  if (process.env["UPDATE_GOLDEN"] === "1") await writeFile(GOLDEN, text);
  expect(text).toBe(await readFile(GOLDEN, "utf8"));
});

test("tables are replicated under a Distributed one, and views work on their own shard", async () => {
  const text = await rendered();
  expect(text).not.toMatch(/ENGINE = (?!Replicated|Distributed)\w+/);
  expect(text).not.toContain("non_replicated_deduplication_window");
  expect(text).not.toContain("{database}");
  for (const [, view = ""] of text.matchAll(/CREATE MATERIALIZED VIEW([^;]*);/g)) {
    expect(view).toMatch(/ TO tollgate\.\w+_local AS/);
    expect(view).toMatch(/FROM tollgate\.\w+_local AS s/);
  }
  const changes = text
    .split(";\n")
    .filter((statement) => /^\s*(?:--.*\s*)*(?:CREATE|ALTER|DROP|RENAME)/.test(statement));
  expect(changes.filter((statement) => !statement.includes("ON CLUSTER 'main'"))).toEqual([]);
});

test("a statement without a rule is refused, not sent as it is", () => {
  expect(() => clusterStatements({ sql: "OPTIMIZE TABLE {database}.span_log" }, TARGET)).toThrow(
    "no rule for a cluster",
  );
});

test("a table's TTL and settings are those of its replicated tables", () => {
  const sql = "ALTER TABLE {database}.span_log MODIFY SETTING non_replicated_deduplication_window = 1";
  expect(clusterStatements({ sql }, TARGET)).toEqual([
    "ALTER TABLE tollgate.span_log_local ON CLUSTER 'main' MODIFY SETTING replicated_deduplication_window = 1",
  ]);
  const added = "ALTER TABLE {database}.span_log ADD COLUMN x UInt8";
  expect(clusterStatements({ sql: added }, TARGET)).toEqual([
    "ALTER TABLE tollgate.span_log_local ON CLUSTER 'main' ADD COLUMN x UInt8",
    "ALTER TABLE tollgate.span_log ON CLUSTER 'main' ADD COLUMN x UInt8",
  ]);
});
