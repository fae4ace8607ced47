/** Goal: an insert counts as a phantom only if no part that is there can hold its rows. Method: texts of logs and names of directories. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { listPhantomInserts, phantomInserts } from "../../../../src/storage/embedded/deduplication-log.ts";

const log = (...lines: readonly string[]): string => lines.map((line) => `${line.replaceAll(" ", "\t")}\n`).join("");

test.each([
  { name: "a part that is there", names: ["all_7_7_0"] },
  { name: "one that was merged", names: ["all_1_9_2"] },
  { name: "one that was mutated", names: ["all_7_7_0_12"] },
])("is none: $name", ({ names }) => {
  expect(phantomInserts([log("1 all_7_7_0 all_b7")], names)).toEqual([]);
});

test.each([
  { name: "no parts", names: [] },
  { name: "a part that was not named yet", names: ["tmp_insert_all_7_7_0", "deduplication_logs", "detached"] },
  { name: "the part of another partition", names: ["20261123_7_7_0"] },
  { name: "parts on both sides", names: ["all_1_6_1", "all_8_9_1"] },
  { name: "a part that has been put aside", names: ["delete_tmp_all_7_7_0"] },
])("is one: $name", ({ names }) => {
  expect(phantomInserts([log("1 all_7_7_0 all_b7")], names)).toEqual([{ part: "all_7_7_0", block: "all_b7" }]);
});

test("what the engine withdrew itself, and inserted again, is judged by its last word", () => {
  const [first, second] = [log("1 all_1_1_0 all_b", "2 all_1_1_0 all_b"), log("1 all_5_5_0 all_b")];
  expect(phantomInserts([first], [])).toEqual([]);
  expect(phantomInserts([first, second], ["all_5_5_0"])).toEqual([]);
  expect(phantomInserts([first, second], ["all_1_1_0"])).toEqual([{ part: "all_5_5_0", block: "all_b" }]);
});

test("a line or a name that is not understood changes nothing", () => {
  expect(phantomInserts([log("", "1 all_7_7_0", "3 all_8_8_0 all_b8", "1 what_is_this all_b9")], [])).toEqual([]);
});

test("a log that the engine removes while it is looked for says nothing, and the others of the table and of other tables do", () => {
  const data = mkdtempSync(join(tmpdir(), "tollgate-logs-"));
  onTestFinished(() => rmSync(data, { recursive: true }));
  const logsOf = (table: string): string => join(data, "store", table.slice(0, 3), table, "deduplication_logs");
  const [dropped, kept] = [logsOf("aaa1"), logsOf("bbb2")];
  for (const directory of [dropped, kept]) mkdirSync(directory, { recursive: true });
  // Listed, and not there when it is opened.
  for (const directory of [dropped, kept]) symlinkSync("gone", join(directory, "deduplication_log_1.txt"));
  writeFileSync(join(kept, "deduplication_log_2.txt"), log("1 all_7_7_0 all_b7"));
  expect(listPhantomInserts(data)).toEqual([`${join(kept, "..")} all_7_7_0 all_b7`]);
});
