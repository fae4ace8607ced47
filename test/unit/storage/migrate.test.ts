import { expect, test } from "vitest";
import { type Migration, pendingMigrations, splitStatements } from "../../../src/storage/migration-files.ts";
import { compareSchemas } from "../../../src/storage/schema-drift.ts";

const first: Migration = { version: 1, name: "0001-a", checksum: "aa", statements: [] };
const second: Migration = { version: 2, name: "0002-b", checksum: "bb", statements: [] };

test("statements end at a semicolon at the end of a line only", () => {
  expect(splitStatements("-- only; words;\n\nSELECT ';'\n, 1;  \r\n-- note;\nSELECT 2;\n-- end\n")).toEqual([
    { sql: "SELECT ';'\n, 1" },
    { sql: "SELECT 2" },
  ]);
});

test("comments above a statement say when it runs, and hold for that one only", () => {
  const text = [
    "-- Why.",
    "-- single server only",
    "-- only if: SELECT count() FROM x WHERE y = ';'",
    "DROP TABLE x;",
    "-- in a cluster only",
    "DROP TABLE y;",
    "-- in a cluster: as z",
    "CREATE TABLE w;",
    "SELECT 1",
  ].join("\n");
  expect(splitStatements(text)).toEqual([
    { sql: "DROP TABLE x", only: "single-server", onlyIf: "SELECT count() FROM x WHERE y = ';'" },
    { sql: "DROP TABLE y", only: "cluster" },
    { sql: "CREATE TABLE w", nameInCluster: "z" },
    { sql: "SELECT 1" },
  ]);
});

test("what is applied is not pending", () => {
  expect(pendingMigrations([first, second], [first])).toEqual([second]);
});

test("changed files and unknown versions are refused", () => {
  expect(() => pendingMigrations([first], [{ ...first, checksum: "zz" }])).toThrow("was changed after it was applied");
  expect(() => pendingMigrations([first], [second])).toThrow("does not know");
});

test("a table or column that is gone is fatal, another type is told, an addition is nobody's business", () => {
  const recorded = [
    { table: "a", name: "x", type: "String" },
    { table: "a", name: "y", type: "UInt8" },
    { table: "b", name: "x", type: "String" },
    { table: "c", name: "x", type: "String" },
  ];
  const live = [
    { table: "a", name: "x", type: "LowCardinality(String)" },
    { table: "c", name: "x", type: "String" },
    { table: "c", name: "own", type: "String" },
  ];
  const views = undefined;
  expect(compareSchemas({ columns: recorded, views }, { columns: live, views })).toEqual([
    { isFatal: true, message: "the table `b` is gone" },
    { isFatal: false, message: "`a.x` is LowCardinality(String), and was made as String" },
    { isFatal: true, message: "`a` has lost its column `y`" },
  ]);
});
