/**
 * Goal: what processes of an agent told is one past, whatever happens to the messages. Method: reports doubled and shuffled against the
 * plain union; real journals, one pair of them over a table in memory.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PastSeen } from "@tollgate/instrumentation/protocol";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type PastRow, withPast } from "../../../src/sessions/past-row.ts";
import { PastStore } from "../../../src/sessions/past-store.ts";
import { AppendLog } from "../../../src/support/append-log.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { seededRandom } from "../../support/seeded-random.ts";

let directory = "";
let clock: ManualClock;
const forgotten: string[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-pasts-"));
  clock = new ManualClock();
  forgotten.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true }));

const past = (more: Partial<PastSeen> = {}): PastSeen => {
  return { agent: "mailer", has_acted: true, rows: 0, width: 0, labels: [], known: [], tools: {}, ...more };
};

async function open(name: string, options: { readonly table?: MemoryTable; readonly rowsMax?: number } = {}) {
  const log = new AppendLog(join(directory, name));
  const onForgotten = (row: PastRow): void => void forgotten.push(row.past.agent);
  const store = new PastStore({ log, clock, onDamage: () => {}, onForgotten, ...options });
  await store.start();
  return store;
}

it("is the same row in whatever order reports come, and however often", () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const reports = Array.from({ length: 40 }, () =>
    past({
      has_acted: below(2) === 0,
      rows: below(100),
      width: below(9),
      known: [`k${below(30)}`],
      labels: [`l${below(3)}`],
    }),
  );
  const join = (order: typeof reports): unknown => {
    let row: PastRow | undefined;
    for (const each of order) row = withPast(row, { tenant: "", past: each, atMs: 0 }) ?? row;
    return { ...row?.past, known: row?.past.known.toSorted(), labels: row?.past.labels.toSorted() };
  };
  const shuffled = [...reports, ...reports]
    .map((report) => ({ report, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ report }) => report);
  expect(join(shuffled), `seed ${seed}`).toEqual(join(reports));
});

it("keeps what it answered, over a restart and years, and the first description that was told", async () => {
  const before = await open("log");
  await before.tell({ tenant: "", past: past({ rows: 5, tools: { k: "first" } }) });
  expect(await before.tell({ tenant: "", past: past({ tools: { k: "second" } }) })).toMatchObject({
    tools: { k: "first" },
  });
  expect(await before.tell({ tenant: "acme", past: past({ has_acted: false }) })).toMatchObject({ has_acted: false });
  await before.stop();
  clock.advance(1_000 * 86_400_000);
  const after = await open("log");
  expect(after.of({ tenant: "", agent: "mailer" })).toEqual(past({ rows: 5, tools: { k: "first" } }));
  await after.tell({ tenant: "", past: past({ agent: "other", rows: 1 }) });
  expect(after.of({ tenant: "", agent: "mailer" }).rows).toBe(5);
  await after.stop();
});

it("is one over processors that share a store", async () => {
  const table = new MemoryTable();
  const [first, second] = [await open("first", { table }), await open("second", { table })];
  table.before = () => second.tell({ tenant: "", past: past({ known: ["b"], tools: { k: "theirs" } }) });
  const row = await first.tell({ tenant: "", past: past({ known: ["a"], tools: { k: "ours" } }) });
  expect(row).toMatchObject({ known: ["b", "a"], tools: { k: "theirs" } });
  await Promise.all([first.stop(), second.stop()]);
});

it("says when it had to forget an agent, and takes no stranger for one that begins from then on", async () => {
  const store = await open("log", { rowsMax: 3 });
  for (const agent of ["a", "b", "c"]) {
    expect(store.of({ tenant: "", agent }).has_acted).toBe(false);
    await store.tell({ tenant: "", past: past({ agent }) });
  }
  expect(store.of({ tenant: "", agent: "d" }).has_acted).toBe(true);
  await store.tell({ tenant: "", past: past({ agent: "d" }) });
  expect([forgotten, store.of({ tenant: "", agent: "a" }).has_acted]).toEqual([["a"], true]);
  await store.stop();
});
