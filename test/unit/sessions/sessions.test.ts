/**
 * Goal: what one process of a session has seen holds for all others, whatever happens to the messages. Method: reports lost,
 * doubled and shuffled by a printed seed against the plain union; real journals, one pair of them over a table in memory.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SESSION_SETS, type SessionSeen } from "@tollgate/instrumentation/protocol";
import { afterEach, beforeEach, expect, it } from "vitest";
import { seenBy, type SessionRow, withSeen } from "../../../src/sessions/session-row.ts";
import { SessionStore } from "../../../src/sessions/session-store.ts";
import { AppendLog } from "../../../src/support/append-log.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { seededRandom } from "../../support/seeded-random.ts";

let directory = "";
let clock: ManualClock;
const forgotten: string[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-sessions-"));
  clock = new ManualClock();
  forgotten.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true }));

const NOTHING = { labels: [], tools: [], actions: [], systems: [], destinations: [] };

function seen(session: string, more: Partial<SessionSeen> = {}): SessionSeen {
  return { session, ...NOTHING, denied: 0, calls: 0, spent_nano_usd: "0", ...more };
}

async function open(
  name: string,
  options: { readonly table?: MemoryTable; readonly rowsMax?: number; readonly bytesMax?: number } = {},
) {
  const store = new SessionStore({
    log: new AppendLog(join(directory, name)),
    clock,
    onDamage: () => {},
    onForgotten: ({ session }) => forgotten.push(session),
    ...options,
  });
  await store.start();
  return store;
}

const READ = { tenant: "", process: "a", seen: seen("s-1", { labels: ["confidential"], denied: 2, calls: 5 }) };

it("is the same row in whatever order reports come, and however often", () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const reports = Array.from({ length: 40 }, (_, index) => ({
    tenant: "",
    process: `p${index % 5}`,
    seen: seen("s", {
      labels: [`l${below(5)}`],
      tools: [`t${below(10)}`],
      denied: below(10),
      calls: index,
      spent_nano_usd: String(below(1_000)),
    }),
    atMs: 0,
  }));
  const join = (order: typeof reports): unknown => {
    let row: SessionRow | undefined;
    for (const report of order) row = withSeen(row, report) ?? row;
    if (row === undefined) throw new Error("no row");
    const sorted = Object.fromEntries(SESSION_SETS.map((set) => [set, [...(row?.[set] ?? [])].sort()]));
    return { ...sorted, by: row.by, told: seenBy(row, "p1").calls };
  };
  const shuffled = [...reports, ...reports]
    .map((report) => ({ report, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ report }) => report);
  expect(join(shuffled), `seed ${seed}`).toEqual(join(reports));
});

it("tells a process what all have seen, and counts of the others only", async () => {
  const store = await open("log");
  await store.report(READ);
  const row = await store.report({ ...READ, process: "b", seen: seen("s-1", { denied: 1, tools: ["look"] }) });
  expect(seenBy(row, "b")).toEqual(seen("s-1", { labels: ["confidential"], tools: ["look"], denied: 2, calls: 5 }));
  expect(seenBy(row, "a")).toMatchObject({ denied: 1, calls: 0 });
  expect(await store.report(READ)).toBe(row);
  expect(store.find({ tenant: "acme", session: "s-1" })).toBeUndefined();
  await store.stop();
});

it("keeps what was answered over a restart, and what is added to by who is no process", async () => {
  const before = await open("log");
  await before.report(READ);
  for (const denied of [1, 1])
    await before.report({ ...READ, process: "api", seen: seen("s-1", { denied }), isMore: true });
  await before.stop();
  const after = await open("log");
  const row = after.find({ tenant: "", session: "s-1" });
  expect(row && seenBy(row, "c")).toMatchObject({ labels: ["confidential"], denied: 4 });
  await after.stop();
});

it("gives reports at two processors at the same moment one row, and tells the other of it", async () => {
  const table = new MemoryTable();
  const [first, second] = [await open("first", { table }), await open("second", { table })];
  const told: SessionRow[] = [];
  first.onChange((row) => told.push(row));
  table.before = () => second.report({ ...READ, process: "b", seen: seen("s-1", { tools: ["look"] }) });
  const row = await first.report(READ);
  expect(row).toMatchObject({ revision: 2, labels: ["confidential"], tools: ["look"] });
  expect(told.map(({ revision, tools, labels }) => [revision, tools, labels])).toEqual([
    [1, ["look"], []],
    [2, ["look"], ["confidential"]],
  ]);
  table.isAway = true;
  await expect(first.report({ ...READ, seen: seen("s-1", { labels: ["restricted"] }) })).rejects.toThrow("away");
  expect(first.find({ tenant: "", session: "s-1" })?.labels).toEqual(["confidential"]);
  table.isAway = false;
  await Promise.all([first.stop(), second.stop()]);
});

it("makes room by those that hold nobody back, and says of others that they are forgotten", async () => {
  const store = await open("log", { rowsMax: 3 });
  const report = (session: string, labels: readonly string[] = []) =>
    store.report({ tenant: "", process: "a", seen: seen(session, { labels }) });
  await report("read-first", ["restricted"]);
  for (const session of ["plain-1", "plain-2", "plain-3"]) await report(session);
  const has = (session: string): boolean => store.find({ tenant: "", session }) !== undefined;
  expect(["read-first", "plain-1", "plain-2", "plain-3"].map(has)).toEqual([true, false, true, true]);
  expect(forgotten).toEqual([]);
  for (const session of ["read-2", "read-3", "read-4"]) await report(session, ["internal"]);
  expect(has("read-first")).toBe(false);
  expect(forgotten).toEqual(["read-first"]);
  clock.advance(31 * 86_400_000);
  await report("new");
  expect(["read-4", "new"].map(has)).toEqual([false, true]);
  await store.stop();
});

it("keeps no more than it has room for, however much an agent writes into its sessions", async () => {
  const store = await open("log", { bytesMax: 100_000 });
  const tools = Array.from({ length: 500 }, (_, index) => `${index} ${"x".repeat(20)}`);
  const find = (session: string) => store.find({ tenant: "", session });
  for (let index = 0; index < 20; index += 1) {
    await store.report({ tenant: "", process: "a", seen: seen(`s-${index}`, { tools, denied: 1 }) });
  }
  const kept = Array.from({ length: 20 }, (_, index) => index).filter((index) => find(`s-${index}`) !== undefined);
  expect(kept).toEqual([17, 18, 19]);
  expect(forgotten).toEqual(Array.from({ length: 17 }, (_, index) => `s-${index}`));
  await store.stop();
});
