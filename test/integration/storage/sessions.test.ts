/**
 * Goal: an HTTP session keeps what SET, USE and CREATE TEMPORARY TABLE make, and nothing that a request sets for itself;
 * it is its user's alone, and ends. Method: the real engine, @clickhouse/client and plain HTTP.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@clickhouse/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { sendTo, type Reply } from "./plain-http.ts";

let directory = "";
let url = "";
let engine: EmbeddedEngine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-sessions-"));
  const users = [{ name: "default" }, { name: "other" }, { name: "reader", isReadOnly: true }];
  engine = new EmbeddedEngine({ dataDir: directory, users });
  ({ url } = await engine.start());
  await run("CREATE DATABASE elsewhere", {});
});

afterAll(async () => {
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const run = (body: string, parameters: Readonly<Record<string, string>>): Promise<Reply> =>
  sendTo(url, { body, parameters });

const setting = (name: string): string => `SELECT value FROM system.settings WHERE name = '${name}'`;

test("@clickhouse/client keeps a temporary table in its session, streams into it, and reads it by another method", async () => {
  const client = createClient({ url, session_id: "from-the-client" });
  await client.command({ query: "CREATE TEMPORARY TABLE kept (id UInt64)" });
  await client.insert({ table: "kept", values: [{ id: 1 }, { id: 2 }], format: "JSONEachRow" });
  const result = await client.query({ query: "SELECT sum(id) AS sum FROM kept", format: "JSONEachRow" });
  expect(await result.json()).toEqual([{ sum: 3 }]);
  await client.close();
  const parameters = { session_id: "from-the-client", query: "SELECT count() FROM kept" };
  expect((await sendTo(url, { method: "GET", parameters })).text).toBe("2\n");
  // A GET may not write, and does not leave its session read-only.
  expect((await sendTo(url, { method: "GET", parameters: { ...parameters, query: "DROP TABLE kept" } })).status).toBe(
    403,
  );
  expect((await run("DROP TEMPORARY TABLE kept", { session_id: "from-the-client" })).status).toBe(200);
});

test("SET and USE last; what a request says in its URL does not", async () => {
  const session = { session_id: "settings" };
  await run("SET max_block_size = 1234", session);
  expect((await run(setting("max_block_size"), session)).text).toBe("1234\n");
  expect((await run(setting("max_block_size"), { ...session, max_block_size: "99" })).text).toBe("99\n");
  expect((await run(setting("max_block_size"), session)).text).toBe("1234\n");
  expect((await run(setting("max_threads"), { ...session, max_threads: "7" })).text).toBe("7\n");
  expect((await run(setting("max_threads"), session)).text).not.toBe("7\n");
  await run("USE elsewhere", session);
  expect((await run("SELECT currentDatabase()", { ...session, database: "system" })).text).toBe("system\n");
  expect((await run("SELECT currentDatabase()", session)).text).toBe("elsewhere\n");
  expect((await run("SELECT currentDatabase()", {})).text).toBe("default\n");
  await run("SELECT 1", { ...session, insert_deduplication_token: "once" });
  expect((await run(setting("insert_deduplication_token"), session)).text).toBe("\n");
});

test("a failed request leaves the session as it was", async () => {
  const session = { session_id: "failing" };
  await run("CREATE TEMPORARY TABLE kept (id UInt64)", session);
  expect((await run("SELECT nonsense", { ...session, max_block_size: "99" })).status).toBe(404);
  expect((await run(setting("max_block_size"), session)).text).not.toBe("99\n");
  expect((await run("SELECT count() FROM kept", session)).text).toBe("0\n");
});

test("a session is its user's, takes one request at a time, and ends when it is told or its time is over", async () => {
  const session = { session_id: "mine" };
  await run("CREATE TEMPORARY TABLE kept (id UInt64)", session);
  expect((await run("SELECT count() FROM kept", { ...session, user: "other" })).status).toBe(404);
  expect((await run("SELECT 1", { ...session, user: "reader" })).text).toBe("1\n");
  const slow = run("SELECT sleep(1)", session);
  let locked = await run("SELECT 1", session);
  while (locked.status === 200) locked = await run("SELECT 1", session);
  expect(locked.text).toMatch(/Code: 373.*SESSION_IS_LOCKED/);
  await slow;
  await run("SELECT 1", { ...session, close_session: "1" });
  expect((await run("SELECT 1", { ...session, session_check: "1" })).text).toMatch(/Code: 372.*SESSION_NOT_FOUND/);

  const short = { session_id: "short", session_timeout: "0" };
  await run("CREATE TEMPORARY TABLE kept (id UInt64)", short);
  while ((await run("SELECT 1", { ...short, session_check: "1" })).status === 200);
  expect((await run("SELECT 1", { ...short, session_timeout: "4000" })).text).toContain("INVALID_SESSION_TIMEOUT");
});

test("no more than a bounded number of sessions are open", async () => {
  let last = await run("SELECT 1", { session_id: "0" });
  for (let id = 1; id < 70 && last.status === 200; id += 1) last = await run("SELECT 1", { session_id: String(id) });
  expect(last.status).toBe(503);
  expect((await run("SELECT 1", {})).text).toBe("1\n");
});
