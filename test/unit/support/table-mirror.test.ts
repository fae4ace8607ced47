import { expect, it } from "vitest";
import { TableMirror, type MirrorRow } from "../../../src/support/table-mirror.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryTable } from "../../support/memory-table.ts";

interface Row extends MirrorRow {
  readonly by: string;
}

function mirrorOf(table: MemoryTable): { readonly mirror: TableMirror<Row>; readonly news: Row[] } {
  const held = new Map<string, Row>();
  const news: Row[] = [];
  const mirror = new TableMirror<Row>({
    table,
    clock: new ManualClock(),
    onNews: (rows) => news.push(...rows),
    onDamage: (error) => {
      throw error;
    },
    rows: {
      get: (id) => held.get(id),
      all: () => held.values(),
      take(rows) {
        for (const row of rows) held.set(row.id, row);
      },
      ended: () => [],
    },
  });
  return { mirror, news };
}

it("tells of a row that another wrote while this one was writing the same", async () => {
  const table = new MemoryTable();
  const [ours, theirs] = [mirrorOf(table), mirrorOf(table)];
  await ours.mirror.start();
  await theirs.mirror.start();
  // Theirs is in the store, and read here, before the store says no to ours.
  table.before = async () => {
    await theirs.mirror.put({ id: "a", revision: 1, by: "them" });
    await ours.mirror.look();
  };
  expect(await ours.mirror.put({ id: "a", revision: 1, by: "us" })).toBe(false);
  expect(ours.news).toEqual([{ id: "a", revision: 1, by: "them" }]);
  expect(theirs.news).toEqual([]);
  await Promise.all([ours.mirror.stop(), theirs.mirror.stop()]);
});

it("tells nothing of what it wrote itself, read back before the store has answered", async () => {
  const table = new MemoryTable();
  const { mirror, news } = mirrorOf(table);
  await mirror.start();
  const written = mirror.put({ id: "a", revision: 1, by: "us" });
  await mirror.look();
  expect(await written).toBe(true);
  expect(news).toEqual([]);
  await mirror.stop();
});
