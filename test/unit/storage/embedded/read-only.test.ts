import { describe, expect, test } from "vitest";
import { requireReadOnly } from "../../../../src/storage/embedded/read-only.ts";

describe("a read-only user", () => {
  test.each([
    "SELECT 1",
    "((SELECT 1))",
    "WITH 1 AS x SELECT x",
    "-- x\nSHOW TABLES",
    "SELECT 'INSERT INTO', \"SET\" = DEFAULT_x",
    "EXPLAIN SELECT 1",
    "SELECT profile = 'x', a FROM t WHERE profile = 'y' SETTINGS max_threads = 1",
    "SELECT settings, profile FROM t",
  ])("may %j", (text) => {
    expect(() => requireReadOnly(text)).not.toThrow();
  });

  test.each([
    "SET x = 1",
    "/**/SET x = 1",
    "INSERT INTO t SELECT 1",
    "WITH 1 AS x INSERT/**/INTO t SELECT x",
    "SELECT 1 SETTINGS a = 1, readonly=default",
    "SYSTEM STOP MERGES",
    "`SELECT` 1",
    "EXECUTE AS x SELECT 1",
    "(DROP TABLE t)",
    "SELECT 1 SETTINGS profile = 'default'",
    "SELECT 1 SETTINGS /**/ profile/**/='default'",
    "SELECT 1 SETTINGS max_threads = 1, `profile` = 'default'",
    'SELECT 1 SETTINGS additional_table_filters = {}, "profile" = 1',
    "SELECT 1 SETTINGS `pro\\x66ile` = 'default'",
    "SELECT * FROM (SELECT 1 SETTINGS profile = 'default')",
  ])("may not %j", (text) => {
    expect(() => requireReadOnly(text)).toThrow("this user may only read");
  });
});
