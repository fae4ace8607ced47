/**
 * Goal: what the ledger has acknowledged survives any crash, and damage that no crash can have done is refused.
 * Method: real files; a crash is a copy of the directory, or its files cut and changed byte by byte.
 */
import { copyFile, cp, readdir, readFile, stat, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodeFrame } from "../../../src/budget/local/frame.ts";
import { snapshotName, segmentName } from "../../../src/budget/local/journal-files.ts";
import { acquireOf, FLEET, makeDir, openLedger, usd } from "./ledger-dir.ts";
import { nodeDisk } from "../../../src/budget/local/disk.ts";

const FIRST = segmentName(1);

/** A directory with `count` leases of 10, each in a record of its own, as a kill would leave it. */
async function crashedDir(count: number): Promise<{ dir: string; ends: number[] }> {
  const live = await makeDir();
  const { ledger } = await openLedger(live);
  const ends: number[] = [];
  for (let index = 0; index < count; index += 1) {
    await ledger.acquire(acquireOf({ leaseId: `l${index}` }));
    ends.push(ledger.stats().journalBytes);
  }
  const dir = await makeDir();
  await copyFile(join(live, FIRST), join(dir, FIRST));
  return { dir, ends };
}

const reservedAfterRestart = async (dir: string): Promise<bigint | undefined> => {
  const { ledger } = await openLedger(dir);
  const reserved = ledger.budgets()[0]?.reserved;
  await ledger.stop();
  return reserved;
};

describe("a restart", () => {
  it("finds everything that was acknowledged", async () => {
    const dir = await makeDir();
    const { ledger } = await openLedger(dir);
    await ledger.acquire(acquireOf({ target: usd(50) }));
    await ledger.acquire(acquireOf({ seq: 2, settled: usd(20), target: usd(60) }));
    await ledger.acquire(acquireOf({ leaseId: "l2", target: usd(7) }));
    await ledger.close("p1", [{ leaseId: "l2", settled: usd(5) }]);
    await ledger.observe({ token: "t", entries: [{ labels: {}, leaseId: "", amounts: usd(1000) }] });
    const before = ledger.budgets();
    await ledger.stop();
    const { ledger: again, notices } = await openLedger(dir);
    expect(again.budgets()).toEqual(before);
    expect(again.budgets()[0]).toMatchObject({ settled: 1025n, reserved: 40n });
    expect(notices).toMatchObject([{ notice: "journal_replayed", segments: 1 }]);
    await again.observe({ token: "t", entries: [{ labels: {}, leaseId: "", amounts: usd(1000) }] });
    expect(await again.acquire(acquireOf({ seq: 2, target: usd(999) }))).toMatchObject({ granted: usd(60) });
    expect(again.budgets()).toEqual(before);
  });

  it("keeps what was spent under documents that changed", async () => {
    const dir = await makeDir();
    const { ledger } = await openLedger(dir);
    await ledger.acquire(acquireOf({ target: usd(50) }));
    await ledger.acquire(acquireOf({ seq: 2, settled: usd(20), target: usd(50) }));
    await ledger.stop();
    const { ledger: again } = await openLedger(dir, {
      budgets: [
        { ...FLEET, limit: 45n },
        { ...FLEET, name: "new" },
      ],
    });
    expect(again.budgets()).toMatchObject([
      { name: "fleet", settled: 20n, reserved: 30n, limit: 45n, remaining: 0n },
      { name: "new", settled: 0n, reserved: 30n },
    ]);
  });

  it("cuts off a last record that was not written whole, at whatever byte, and says so", async () => {
    const { dir, ends } = await crashedDir(3);
    const [, second = 0, third = 0] = ends;
    const whole = await readFile(join(dir, FIRST));
    for (let length = second + 1; length < third; length += 1) {
      await writeFile(join(dir, FIRST), whole.subarray(0, length));
      const { ledger, notices } = await openLedger(dir);
      expect(ledger.budgets()[0]?.reserved).toBe(20n);
      expect(notices[0]).toEqual({
        notice: "journal_tail_cut",
        file: join(dir, FIRST),
        offset: second,
        bytes: length - second,
      });
      await ledger.stop();
    }
    expect(await reservedAfterRestart(dir)).toBe(20n);
  });

  it("goes on writing where the valid records end", async () => {
    const { dir, ends } = await crashedDir(2);
    await truncate(join(dir, FIRST), (ends[1] ?? 0) - 3);
    const { ledger } = await openLedger(dir);
    await ledger.acquire(acquireOf({ leaseId: "new", target: usd(5) }));
    await ledger.stop();
    expect(await reservedAfterRestart(dir)).toBe(15n);
  });

  it("makes the name of the segment it goes on with durable: who made it may not have come to that", async () => {
    const { dir } = await crashedDir(1);
    const synced: string[] = [];
    const syncDirectory = (path: string): Promise<void> => {
      synced.push(path);
      return nodeDisk.syncDirectory(path);
    };
    const { ledger } = await openLedger(dir, { disk: { ...nodeDisk, syncDirectory } });
    expect(synced).toEqual([dir]);
    await ledger.stop();
  });

  it("takes a first segment that was never begun for an empty ledger", async () => {
    const { dir } = await crashedDir(1);
    for (const length of [0, 5]) {
      await truncate(join(dir, FIRST), length);
      expect(await reservedAfterRestart(dir)).toBe(0n);
    }
  });
});

describe("damage in the middle", () => {
  it("is refused with file and offset, whichever byte it hit", async () => {
    const { dir, ends } = await crashedDir(3);
    const [first = 0, second = 0] = ends;
    const whole = await readFile(join(dir, FIRST));
    for (let at = first; at < second; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      await writeFile(join(dir, FIRST), damaged);
      await expect(openLedger(dir)).rejects.toMatchObject({
        code: "ledger_corrupt",
        message: `the ledger's journal is damaged: ${join(dir, FIRST)} at byte ${first}: a damaged record with whole ones after it`,
      });
      expect((await readFile(join(dir, FIRST))).equals(damaged)).toBe(true);
    }
  });

  it("doesn't keep the directory locked", async () => {
    const { dir } = await crashedDir(2);
    const whole = await readFile(join(dir, FIRST));
    await writeFile(join(dir, FIRST), Buffer.concat([Buffer.from("x"), whole]));
    await expect(openLedger(dir)).rejects.toMatchObject({ code: "ledger_corrupt" });
    await writeFile(join(dir, FIRST), whole);
    expect(await reservedAfterRestart(dir)).toBe(20n);
  });

  it("is a record of a version that is not known here", async () => {
    const { dir } = await crashedDir(1);
    const head = JSON.stringify({ journal: "tollgate-ledger", version: 2, segment: 1, previousBytes: 0 });
    await writeFile(join(dir, FIRST), encodeFrame(head));
    await expect(openLedger(dir)).rejects.toMatchObject({ code: "ledger_corrupt" });
  });
});

describe("a journal that has grown", () => {
  async function grownDir(): Promise<string> {
    const dir = await makeDir();
    const { ledger } = await openLedger(dir, { segmentBytesMax: 4000 });
    for (let seq = 1; seq <= 100; seq += 1) {
      await ledger.acquire(acquireOf({ seq, settled: usd(seq - 1), target: usd(seq) }));
    }
    await ledger.stop();
    return dir;
  }

  it("is replaced by a snapshot, and still says the same", async () => {
    const dir = await grownDir();
    const names = (await readdir(dir)).filter((name) => name.endsWith(".log")).sort();
    expect(names).toHaveLength(2);
    expect(names[0]?.slice(-14)).toBe(names[1]?.slice(-14));
    expect((await stat(join(dir, names[0] ?? ""))).size).toBeLessThan(4500);
    const { ledger } = await openLedger(dir, { segmentBytesMax: 4000 });
    expect(ledger.budgets()[0]).toMatchObject({ settled: 99n, reserved: 1n });
    expect(await ledger.acquire(acquireOf({ seq: 100, target: usd(5000) }))).toMatchObject({ granted: usd(100) });
  });

  it("is read from its segments when a crash came before the snapshot was done", async () => {
    const whole = await makeDir();
    const { ledger } = await openLedger(whole, { segmentBytesMax: 2000 });
    const reached: number[] = [];
    const expected: number[] = [];
    for (let seq = 1; seq <= 60; seq += 1) {
      await ledger.acquire(acquireOf({ seq, settled: usd(seq - 1), target: usd(seq) }));
      const copy = await makeDir();
      const isMine = (source: string): boolean => !source.endsWith("lock");
      // A file that a snapshot just replaced may go while it is copied: then the copy is of no moment that ever was.
      const isCopied = await cp(whole, copy, { recursive: true, filter: isMine }).then(
        () => true,
        () => false,
      );
      if (!isCopied) continue;
      reached.push(await settledAfterRestart(copy));
      expected.push(seq - 1);
    }
    expect(expected.length).toBeGreaterThan(30);
    expect(reached).toEqual(expected);
  });

  it("is refused when a segment is missing, too short, or the snapshot damaged", async () => {
    const dir = await grownDir();
    const names = (await readdir(dir)).filter((name) => name.endsWith(".log"));
    const number = Number(/\d+/.exec(names[0] ?? "")?.[0]);
    const snapshot = join(dir, snapshotName(number));
    const bytes = await readFile(snapshot);
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
    await writeFile(snapshot, bytes);
    await expect(openLedger(dir)).rejects.toMatchObject({ code: "ledger_corrupt" });
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
    await writeFile(snapshot, bytes);
    await unlink(join(dir, segmentName(number)));
    await expect(openLedger(dir)).rejects.toMatchObject({
      code: "ledger_corrupt",
      message: expect.stringContaining("the segment is missing") as string,
    });
  });
});

async function settledAfterRestart(dir: string): Promise<number> {
  const { ledger } = await openLedger(dir);
  const settled = ledger.budgets()[0]?.settled ?? 0n;
  await ledger.stop();
  return Number(settled);
}
