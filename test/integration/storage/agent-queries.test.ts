/** Goal: what agents did, how far it went and in how many runs is what their spans say, whoever sent them. Against the real engine. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AgentActs } from "../../../src/api/agents.ts";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import { type QueryName, queryText } from "../../../src/storage/queries/catalog.ts";

const AT_MS = Date.UTC(2026, 10, 20);
const WAY = "tollgate.tool.destinations";
const RECORDS = "tollgate.tool.records";

const COLUMNS = [
  "agent",
  "tool",
  "decision",
  "decision_rule",
  "operation",
  "session",
  "cost_status",
  "trace_id",
] as const;

interface Row extends Partial<Readonly<Record<(typeof COLUMNS)[number], string>>> {
  readonly at?: number;
  readonly attributes?: Readonly<Record<string, string>>;
}
const TOOL: Row = { agent: "a", tool: "send", decision: "allow", operation: "execute_tool", session: "s1" };
const EGRESS = { "http.request.method": "GET", "server.address": "far.example" };
const ROWS: readonly Row[] = [
  { ...TOOL, attributes: { [WAY]: '["x.example","y.example"]', [RECORDS]: "7" } },
  { ...TOOL, session: "s2", attributes: { [WAY]: '["x.example"]', [RECORDS]: "12" } },
  // Others' instrumentations know no lists, and may say anything.
  { ...TOOL, attributes: { [WAY]: "plain.example", [RECORDS]: "many" } },
  { ...TOOL, attributes: { [WAY]: "[broken", [RECORDS]: "-5" } },
  { ...TOOL, decision: "deny", attributes: { [WAY]: '["denied.example"]', [RECORDS]: "99" } },
  { ...TOOL, decision: "require_approval", attributes: { [WAY]: '["asked.example"]' } },
  { ...TOOL, decision: "deny", decision_rule: "autonomy: observe" },
  { ...TOOL, decision: "forbid", decision_rule: "forbid: x" },
  { agent: "a", decision: "allow", attributes: EGRESS, trace_id: "t9" },
  { agent: "a", decision: "deny", attributes: { ...EGRESS, "server.address": "refused.example" }, trace_id: "t9" },
  { agent: "a", operation: "chat", cost_status: "exact", decision: "allow", session: "s1", attributes: EGRESS },
  { ...TOOL, agent: "other", attributes: { [WAY]: '["o.example"]' } },
  { ...TOOL, at: AT_MS - 1, attributes: { [WAY]: '["old.example"]' } },
];

let directory = "";
let engine: EmbeddedEngine;
let storage: Storage;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-agents-"));
  engine = new EmbeddedEngine({ dataDir: join(directory, "db") });
  const { url } = await engine.start();
  await migrate({ url, database: "tollgate" });
  storage = createStorage({ url, database: "tollgate" });
  const values = ROWS.map((row, index) => {
    const at = `fromUnixTimestamp64Milli(${row.at ?? AT_MS + index}, 'UTC')`;
    const pairs = Object.entries(row.attributes ?? {}).flatMap(([key, value]) => [`'${key}'`, `'${value}'`]);
    return `(${[...COLUMNS.map((column) => `'${row[column] ?? ""}'`), at, at, at, `map(${pairs.join(",")})`].join(", ")})`;
  });
  await storage.command(
    `INSERT INTO span_log (${COLUMNS.join(", ")}, start, end, received_at, attributes) VALUES ${values.join(", ")}`,
  );
});

afterAll(async () => {
  await storage?.close();
  await engine?.stop();
  await rm(directory, { recursive: true, force: true });
});

const ask = <T>(query: QueryName, more: object = {}): Promise<readonly T[]> =>
  storage.query<T>(queryText(query), { since_ms: AT_MS, limit: 100, ...more });

test("how far an agent went is told of what ran, by lists and plain texts, and of its own requests", async () => {
  expect(await ask("agent-reach", { agents: ["a"] })).toEqual([
    { agent: "a", tool: "", destinations: ["far.example"], records: "0" },
    { agent: "a", tool: "send", destinations: ["plain.example", "x.example", "y.example"], records: "12" },
  ]);
});

test("acts that an agent only observed are neither done nor denied", async () => {
  const [row] = (await ask<AgentActs>("agent-acts")).filter(({ agent, tool }) => agent === "a" && tool === "send");
  expect(row).toMatchObject({ acts: "4", denied: "2", forbidden: "1", observed: "1" });
});

test("runs are sessions, and traces where there are none", async () => {
  expect(await ask("agent-runs")).toEqual([
    { agent: "a", runs: "3" },
    { agent: "other", runs: "1" },
  ]);
});
