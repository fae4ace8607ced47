import { expect, test } from "vitest";
import { pendingMigrations, splitStatements, type Migration } from "../../../src/storage/migrate.ts";

const first: Migration = { version: 1, name: "0001-a", checksum: "aa", statements: [] };
const second: Migration = { version: 2, name: "0002-b", checksum: "bb", statements: [] };

test("statements end at a semicolon at the end of a line only", () => {
  expect(splitStatements("-- only; words;\n\nSELECT ';'\n, 1;  \r\n-- note;\nSELECT 2;\n-- end\n")).toEqual([
    "SELECT ';'\n, 1",
    "SELECT 2",
  ]);
});

test("what is applied is not pending", () => {
  expect(pendingMigrations([first, second], [first])).toEqual([second]);
});

test("drift and unknown versions are refused", () => {
  expect(() => pendingMigrations([first], [{ ...first, checksum: "zz" }])).toThrow("was changed after it was applied");
  expect(() => pendingMigrations([first], [second])).toThrow("does not know");
});
