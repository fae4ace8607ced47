/**
 * Goal: acts that several processors share, over a store that is away, forgets, is raced for or damaged.
 * Method: real stop stores with files, over one record in memory that behaves as the store does.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SharedStops } from "../../../src/kill/shared-stops.ts";
import { StopStore, StopStoreError } from "../../../src/kill/stop-store.ts";
import type { SharedRecord } from "../../../src/support/shared-record.ts";
import { ManualClock } from "../../support/manual-clock.ts";

class MemoryRecord implements SharedRecord {
  found: { revision: number; text: string } | undefined;
  isAway = false;
  /** Runs once before the next write. */
  before: (() => Promise<unknown>) | undefined;

  async read() {
    if (this.isAway) throw new Error("away");
    return this.found;
  }

  async write(text: string, after: number) {
    const { before } = this;
    this.before = undefined;
    await before?.();
    if (this.isAway) throw new Error("away");
    if ((this.found?.revision ?? 0) !== after) return false;
    this.found = { revision: after + 1, text };
    return true;
  }

  async say() {
    return 0;
  }

  onMessage() {
    return () => {};
  }
}

let directory = "";
let record: MemoryRecord;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-stops-"));
  record = new MemoryRecord();
});
afterEach(() => rmSync(directory, { recursive: true }));

const problems: Error[] = [];

function storeOf(name: string): StopStore {
  const store = new StopStore({ file: join(directory, name), clock: new ManualClock() });
  store.load();
  return store;
}

async function open(name: string): Promise<SharedStops> {
  const onDamage = (error: Error): void => void problems.push(error);
  const stops = new SharedStops({ store: storeOf(name), shared: record, clock: new ManualClock(), onDamage });
  await stops.start();
  return stops;
}

function kill(selector: string, source?: string) {
  const act = { act: "kill", selector, reason: "r", author: "a" } as const;
  return source === undefined ? act : { ...act, source };
}

const selectors = (stops: SharedStops) => stops.list.acts.map(({ selector }) => selector);

describe("acts that several processors share", () => {
  it("are in force at all of them under one epoch and revision, and lifted by any", async () => {
    const [a, b] = [await open("a"), await open("b")];
    const added = await a.add(kill("x"));
    expect(added).toMatchObject({ outcome: "added", isDurable: true, isHereOnly: false });
    let news = 0;
    b.onNews(() => (news += 1));
    await b.look();
    await b.look();
    expect([b.list, news]).toEqual([a.list, 1]);
    expect(await b.lift({ selector: "x" })).toHaveLength(1);
    await a.look();
    expect(a.list).toEqual(b.list);
    expect(selectors(a)).toEqual([]);
  });

  it("are all there when two processors add at once", async () => {
    const [a, b] = [await open("a"), await open("b")];
    record.before = () => b.add(kill("from-b"));
    await a.add(kill("from-a"));
    await b.look();
    expect(selectors(a)).toEqual(["from-b", "from-a"]);
    expect(b.list).toEqual(a.list);
  });

  it("hold where they are made while the store is away, through a restart, and everywhere when it is back", async () => {
    const [a, b] = [await open("a"), await open("b")];
    await a.add(kill("old"));
    await b.look();
    record.isAway = true;
    expect(await b.add(kill("alone"))).toMatchObject({ isDurable: true, isHereOnly: true });
    await expect(b.lift({ selector: "old" })).rejects.toThrow(StopStoreError);
    expect(selectors(b)).toEqual(["old", "alone"]);
    // No client may take what the others do under the same epoch for older.
    expect(b.list.epoch).not.toBe(a.list.epoch);
    record.isAway = false;
    await a.lift({ selector: "old" });
    const again = await open("b");
    await a.look();
    expect(selectors(again)).toEqual(["alone"]);
    expect(a.list).toEqual(again.list);
  });

  it("come back to a store that was emptied, and to one that forgot the last ones", async () => {
    const [a, b] = [await open("a"), await open("b")];
    await a.add(kill("one"));
    const earlier = record.found;
    await a.add(kill("two"));
    await b.look();
    for (const forgotten of [undefined, earlier]) {
      record.found = forgotten;
      const other = await open("b");
      await a.look();
      expect(selectors(other)).toEqual(["one", "two"]);
      expect(a.list).toEqual(other.list);
    }
  });

  it("join those of a processor that was alone before", async () => {
    storeOf("a").add(kill("before"));
    const b = await open("b");
    await b.add(kill("fleet"));
    const a = await open("a");
    await b.look();
    expect(selectors(a)).toEqual(["fleet", "before"]);
    expect(b.list).toEqual(a.list);
  });

  it("are one where every processor acts on the same threshold, and stay lifted", async () => {
    const [a, b] = [await open("a"), await open("b")];
    const [first, second] = [await a.add(kill("x", "threshold 90%")), await b.add(kill("x", "threshold 90%"))];
    expect(second).toEqual(first);
    expect(selectors(b)).toEqual(["x"]);
    await b.lift({ selector: "x" });
    await a.look();
    expect([a.isHandled("threshold 90%"), b.isHandled("threshold 90%")]).toEqual([true, true]);
    a.keepHandled(() => false);
    await a.look();
    await b.look();
    expect(b.isHandled("threshold 90%")).toBe(false);
  });

  it("are never taken for fewer when the record is damaged: a start is refused, and what runs goes on and says so once", async () => {
    const a = await open("a");
    await a.add(kill("x"));
    if (record.found !== undefined) record.found = { ...record.found, text: record.found.text.replace("x", "y") };
    await a.look();
    await a.look();
    expect(problems).toHaveLength(1);
    expect(selectors(a)).toEqual(["x"]);
    expect(await a.add(kill("z"))).toMatchObject({ isHereOnly: true });
    await expect(open("b")).rejects.toThrow(StopStoreError);
  });
});
