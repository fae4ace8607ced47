/** The ledger on a real directory: what is acknowledged when, and what happens when the disk, the clock or the process fails. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../../../src/support/clock.ts";
import type { Disk, DiskFile } from "../../../src/budget/local/disk.ts";
import { acquireOf, FLEET, makeDir, openLedger, TestDisk, usd } from "./ledger-dir.ts";

const TTL_MS = 30_000;

/** Lets everything that can run without the disk run. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe("acknowledging", () => {
  it("waits for the disk", async () => {
    const disk = new TestDisk();
    const { ledger } = await openLedger(await makeDir(), { disk });
    let release = (): void => {};
    disk.onSync = () => new Promise((resolve) => (release = resolve));
    let isAnswered = false;
    const answer = ledger.acquire(acquireOf()).then(() => (isAnswered = true));
    await settle();
    expect([disk.syncs > 0, isAnswered]).toEqual([true, false]);
    disk.onSync = () => Promise.resolve();
    release();
    await answer;
    expect(isAnswered).toBe(true);
  });

  it("shares one sync among all that wait for it", async () => {
    const disk = new TestDisk();
    const { ledger } = await openLedger(await makeDir(), { disk });
    const before = disk.syncs;
    const callers = Array.from({ length: 500 }, (_, index) => ledger.acquire(acquireOf({ leaseId: `l${index}` })));
    await Promise.all(callers);
    expect(disk.syncs - before).toBeLessThan(5);
    expect(ledger.budgets()[0]?.reserved).toBe(5000n);
  });

  it("writes the rest when the disk takes only a part", async () => {
    const dir = await makeDir();
    const disk = new TestDisk();
    disk.bytesPerWriteMax = 7;
    const { ledger } = await openLedger(dir, { disk });
    await ledger.acquire(acquireOf());
    await ledger.stop();
    const { ledger: again } = await openLedger(dir);
    expect(again.budgets()[0]?.reserved).toBe(10n);
  });
});

describe("a disk that fails", () => {
  it.each(["ENOSPC", "EIO"])(
    "(%s on write) ends the ledger: nothing is acknowledged until the disk has been read again",
    async (code) => {
      const dir = await makeDir();
      const disk = new TestDisk();
      const { ledger, notices, clock } = await openLedger(dir, { disk });
      await ledger.acquire(acquireOf({ target: usd(20) }));
      disk.onWrite = () => {
        throw Object.assign(new Error(`${code}: no`), { code });
      };
      const refused = { code: "ledger_unavailable" };
      await Promise.all([
        expect(ledger.acquire(acquireOf({ seq: 2, target: usd(90) }))).rejects.toMatchObject(refused),
        expect(ledger.acquire(acquireOf({ leaseId: "l2" }))).rejects.toMatchObject(refused),
        expect(ledger.close("p1", [{ leaseId: "l1", settled: usd(0) }])).rejects.toMatchObject(refused),
      ]);
      disk.onWrite = () => {};
      await expect(ledger.acquire(acquireOf({ leaseId: "l3" }))).rejects.toMatchObject(refused);
      await expect(ledger.observe({ token: "t", entries: [] })).rejects.toMatchObject(refused);
      expect(notices.map(({ notice }) => notice)).toEqual(["ledger_failed"]);
      clock.advance(1_000);
      await expect.poll(() => notices.map(({ notice }) => notice)).toContain("ledger_revived");
      expect(ledger.budgets()[0]).toMatchObject({ settled: 0n, reserved: 20n });
      expect(await ledger.acquire(acquireOf({ seq: 2, target: usd(30) }))).toMatchObject({ granted: usd(30) });
      await ledger.stop();
      const { ledger: again } = await openLedger(dir);
      expect(again.budgets()[0]).toMatchObject({ settled: 0n, reserved: 30n });
    },
  );

  it("is read again and again, ever less often, until it can be written; budgets that came since are in force", async () => {
    const dir = await makeDir();
    const disk = new TestDisk();
    const { ledger, notices, clock } = await openLedger(dir, { disk });
    await ledger.configure([{ ...FLEET, name: "other", limit: 7n }]);
    const failures = (): number => notices.filter(({ notice }) => notice === "ledger_failed").length;
    disk.onSync = () => Promise.reject(Object.assign(new Error("ENOSPC: no"), { code: "ENOSPC" }));
    await expect(ledger.acquire(acquireOf())).rejects.toMatchObject({ code: "ledger_unavailable" });
    for (const [tries, pauseMs] of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].entries()) {
      clock.advance(pauseMs);
      await expect.poll(failures).toBe(tries + 2);
    }
    disk.onSync = () => Promise.resolve();
    clock.advance(30_000);
    await expect.poll(() => notices.map(({ notice }) => notice)).toContain("ledger_revived");
    expect(await ledger.acquire(acquireOf({ target: usd(8) }))).toMatchObject({ granted: usd(0) });
    expect(await ledger.acquire(acquireOf({ seq: 2, target: usd(7) }))).toMatchObject({ granted: usd(7) });
    expect(ledger.budgets().map(({ name, reserved }) => [name, reserved])).toEqual([["other", 7n]]);
  });

  it("has all of the ledger written anew: what a failed sync left in memory alone is not built upon", async () => {
    const dir = await makeDir();
    const disk = new TestDisk();
    const { ledger, notices, clock } = await openLedger(dir, { disk });
    await ledger.acquire(acquireOf({ target: usd(20) }));
    const before = await readdir(dir);
    disk.onSync = () => Promise.reject(new Error("EIO: i/o error, fdatasync"));
    await expect(ledger.acquire(acquireOf({ leaseId: "l2" }))).rejects.toMatchObject({ code: "ledger_unavailable" });
    disk.onSync = () => Promise.resolve();
    clock.advance(1_000);
    await expect.poll(() => notices.map(({ notice }) => notice)).toContain("ledger_revived");
    const after = await readdir(dir);
    expect(before.filter((name) => name.endsWith(".log") && after.includes(name))).toEqual([]);
    expect(after).toContain("snapshot-0000000002.log");
  });

  it("is read again where it fails when a ledger is being put in force, too", async () => {
    const dir = await makeDir();
    await (await openLedger(dir)).ledger.stop();
    const disk = new TestDisk();
    disk.onZeros = () => {
      disk.onZeros = () => {};
      throw Object.assign(new Error("EIO: i/o error, write"), { code: "EIO" });
    };
    const { ledger, notices, clock } = await openLedger(dir, { disk });
    await settle();
    expect(notices.map(({ notice }) => notice)).toEqual(["journal_replayed", "ledger_failed"]);
    clock.advance(1_000);
    await expect.poll(() => notices.map(({ notice }) => notice)).toContain("ledger_revived");
    expect(await ledger.acquire(acquireOf())).toMatchObject({ granted: usd(10) });
  });

  it("is not trusted by the next start: what it shows of the last segment is written again, before anything is appended", async () => {
    const dir = await makeDir();
    const { ledger } = await openLedger(dir);
    await ledger.acquire(acquireOf({ target: usd(20) }));
    await ledger.stop();
    const path = join(dir, "journal-0000000001.log");
    const { size } = await stat(path);
    const disk = new TestDisk();
    const places: { readonly position: number; readonly length: number }[] = [];
    const open: Disk["open"] = async (of, flags) => {
      const file = await disk.open(of, flags);
      const write: DiskFile["write"] = (buffer, offset, length, position) => {
        places.push({ position, length });
        return file.write(buffer, offset, length, position);
      };
      return { ...file, write };
    };
    const { ledger: again } = await openLedger(dir, { disk: Object.assign(new TestDisk(), { open }) });
    expect(places.slice(0, 2)).toMatchObject([{ position: 0, length: size }, { position: size }]);
    expect(again.budgets()[0]).toMatchObject({ reserved: 20n });
  });

  it("is told also where it fails while the ledger stops", async () => {
    const disk = new TestDisk();
    const { ledger, notices } = await openLedger(await makeDir(), { disk });
    disk.onWrite = () => {
      throw Object.assign(new Error("ENOSPC: no"), { code: "ENOSPC" });
    };
    const asked = ledger.acquire(acquireOf());
    await Promise.all([expect(asked).rejects.toMatchObject({ code: "ledger_unavailable" }), ledger.stop()]);
    expect(notices.map(({ notice }) => notice)).toEqual(["ledger_failed"]);
  });

  it("is let go by a ledger that is stopped between two tries", async () => {
    const dir = await makeDir();
    const disk = new TestDisk();
    const { ledger, notices, clock } = await openLedger(dir, { disk });
    disk.onSync = () => Promise.reject(new Error("EIO: i/o error, fdatasync"));
    await expect(ledger.acquire(acquireOf())).rejects.toMatchObject({ code: "ledger_unavailable" });
    const stopping = ledger.stop();
    clock.advance(60_000);
    await stopping;
    expect(clock.pending).toBe(0);
    expect(notices.map(({ notice }) => notice)).toEqual(["ledger_failed"]);
    await openLedger(dir);
  });

  it("(on sync) ends the ledger too, and tells those who wait for money", async () => {
    const disk = new TestDisk();
    const { ledger } = await openLedger(await makeDir(), { disk });
    await ledger.acquire(acquireOf({ leaseId: "holder", target: usd(999_999) }));
    const waiting = ledger.acquire(acquireOf({ target: usd(50), waitMs: 5000 }));
    await settle();
    disk.onSync = () => Promise.reject(new Error("EIO: i/o error, fdatasync"));
    await Promise.all([
      expect(ledger.acquire(acquireOf({ leaseId: "l2", target: usd(1) }))).rejects.toMatchObject({
        code: "ledger_unavailable",
        message: "the ledger stopped: EIO: i/o error, fdatasync",
      }),
      expect(waiting).rejects.toMatchObject({ code: "ledger_unavailable" }),
    ]);
  });
});

describe("a directory", () => {
  it("has one ledger at a time", async () => {
    const dir = await makeDir();
    const { ledger } = await openLedger(dir);
    await expect(openLedger(dir)).rejects.toMatchObject({ code: "ledger_locked" });
    await ledger.stop();
    await openLedger(dir);
  });

  it("survives kill -9 of its process in the middle of grants, and is free at once", async () => {
    const dir = await makeDir();
    const script = fileURLToPath(new URL("./ledger-child.ts", import.meta.url));
    const child = spawn(process.execPath, [script, dir], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const acknowledged = new Map<string, bigint>();
    let whileAlive: Promise<unknown> | undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      const [leaseId = "", granted = "0"] = line.split(" ");
      acknowledged.set(leaseId, BigInt(granted));
      whileAlive ??= openLedger(dir).catch((error: unknown) => error);
      await whileAlive;
      if (acknowledged.size >= 300 && child.exitCode === null) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    const { ledger } = await openLedger(dir, { clock: new SystemClock() });
    const total = [...acknowledged.values()].reduce((sum, granted) => sum + granted, 0n);
    expect(await whileAlive).toMatchObject({ code: "ledger_locked" });
    expect(acknowledged.size).toBeGreaterThanOrEqual(300);
    expect(ledger.budgets()[0]?.reserved).toBeGreaterThanOrEqual(total);
    for (const [leaseId, granted] of acknowledged) {
      const again = await ledger.acquire(acquireOf({ processId: "child", leaseId, need: usd(0), target: usd(0) }));
      expect(again).toMatchObject({ outcome: "granted", granted: usd(Number(granted)) });
    }
  });
});

describe("time", () => {
  it("expires leases by the ledger's own clock, whatever is done to the wall clock", async () => {
    const { ledger, clock, notices } = await openLedger(await makeDir());
    await ledger.acquire(acquireOf());
    clock.jump(3_600_000);
    clock.advance(TTL_MS - 1);
    await ledger.observe({ token: "t", entries: [] });
    expect(ledger.stats().leasesActive).toBe(1);
    clock.jump(-7_200_000);
    clock.advance(3_600_000 + TTL_MS);
    await ledger.observe({ token: "u", entries: [] });
    expect(ledger.stats()).toMatchObject({ leasesActive: 0, leasesExpired: 0 });
    expect(notices.filter(({ notice }) => notice === "clock_jumped")).toEqual([
      { notice: "clock_jumped", ms: 3_600_000 },
    ]);
  });

  it("says which lease expired", async () => {
    const { ledger, clock, notices } = await openLedger(await makeDir());
    await ledger.acquire(acquireOf());
    clock.advance(TTL_MS);
    expect(notices).toEqual([{ notice: "lease_expired", leaseId: "l1", processId: "p1" }]);
    expect(ledger.budgets()[0]?.reserved).toBe(10n);
  });

  it("answers a waiting acquire at its deadline without any other message", async () => {
    const { ledger, clock } = await openLedger(await makeDir());
    const recalled: string[] = [];
    const unsubscribe = ledger.onRecall((processId, leaseIds) => recalled.push(`${processId} ${leaseIds.join()}`));
    await ledger.acquire(acquireOf({ processId: "p2", leaseId: "holder", target: usd(999_990) }));
    const waiting = ledger.acquire(acquireOf({ need: usd(5), target: usd(50), waitMs: 2000 }));
    expect(recalled).toEqual(["p2 holder"]);
    unsubscribe();
    clock.advance(2000);
    expect(await waiting).toMatchObject({ outcome: "granted", granted: usd(10) });
    expect(recalled).toHaveLength(1);
  });

  it("is not waited for by a process that wants to end", async () => {
    const { ledger, clock } = await openLedger(await makeDir());
    await ledger.acquire(acquireOf());
    await ledger.stop();
    expect(clock.pending).toBe(0);
  });
});
