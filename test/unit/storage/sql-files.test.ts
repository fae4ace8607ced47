/** Goal: what reading costs can be read in one folder, and is bounded there. Method: the files are read as text. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { QUERY_NAMES, queryText } from "../../../src/storage/queries/catalog.ts";

const SRC = join(import.meta.dirname, "../../../src");

/** Where SQL may stand in TypeScript: the store's own code, and a demo that asks as a user would. */
const SQL_ALLOWED = /^(?:storage\/|demo\/counts\.ts$)/;

test("every named query is a file, and every file a named query", () => {
  const files = readdirSync(join(SRC, "storage/queries")).filter((file) => file.endsWith(".sql"));
  expect(files.map((file) => file.slice(0, -".sql".length)).toSorted()).toEqual([...QUERY_NAMES].toSorted());
});

test.each(QUERY_NAMES)("the query %s is bounded in rows, time and memory", (name) => {
  const text = queryText(name);
  expect(text).toMatch(/^LIMIT \{(?:limit|rows): UInt32\}$/m);
  for (const bound of ["max_execution_time", "max_memory_usage", "max_result_rows"]) {
    expect(text).toMatch(new RegExp(`^SETTINGS .*\\b${bound} = [1-9]\\d*\\b`, "m"));
  }
});

test("no other file of src reads from a table", () => {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  const withSql = files.filter((file) =>
    /\bSELECT\b[^;]{1,400}\bFROM\s+[a-z{]/.test(readFileSync(join(SRC, file), "utf8")),
  );
  expect(withSql.filter((file) => !SQL_ALLOWED.test(file))).toEqual([]);
});
