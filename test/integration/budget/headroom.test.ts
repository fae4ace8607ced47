/** Zeros ahead of the journal's end: there before they are needed, gone with a clean stop, and no reason to stop when they do not fit. */
import { copyFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { segmentName } from "../../../src/budget/local/journal-files.ts";
import { acquireOf, makeDir, openLedger, TestDisk, usd } from "./ledger-dir.ts";

const FIRST = segmentName(1);

describe("room ahead of the journal's end", () => {
  it("is made once something was written, survives a kill unnoticed, and goes with a clean stop", async () => {
    const dir = await makeDir();
    const { ledger } = await openLedger(dir);
    await ledger.acquire(acquireOf());
    await expect.poll(async () => (await stat(join(dir, FIRST))).size).toBeGreaterThan(60_000);
    await ledger.acquire(acquireOf({ leaseId: "l2" }));
    const killed = await makeDir();
    await copyFile(join(dir, FIRST), join(killed, FIRST));
    const { journalBytes } = ledger.stats();
    await ledger.stop();
    expect((await stat(join(dir, FIRST))).size).toBe(journalBytes);
    const { ledger: again, notices } = await openLedger(killed);
    expect(again.budgets()[0]?.reserved).toBe(20n);
    expect(notices.map(({ notice }) => notice)).toEqual(["journal_replayed"]);
    await again.acquire(acquireOf({ leaseId: "l3" }));
    await again.stop();
    const { ledger: third } = await openLedger(killed);
    expect(third.budgets()[0]?.reserved).toBe(30n);
  });

  it("may not fit on the disk: the ledger goes on without", async () => {
    const dir = await makeDir();
    const disk = new TestDisk();
    disk.onZeros = () => {
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    };
    const { ledger, notices } = await openLedger(dir, { disk });
    for (let seq = 1; seq <= 20; seq += 1) await ledger.acquire(acquireOf({ seq, target: usd(seq) }));
    await ledger.stop();
    expect(notices).toEqual([]);
    const { ledger: again } = await openLedger(dir);
    expect(again.budgets()[0]?.reserved).toBe(20n);
  });

  it("ends the ledger where the disk fails: who knows what else was lost", async () => {
    const disk = new TestDisk();
    const { ledger, notices } = await openLedger(await makeDir(), { disk });
    disk.onZeros = () => {
      throw Object.assign(new Error("EIO: i/o error, write"), { code: "EIO" });
    };
    // Until half of the first room is used: then more is made.
    const labels = { team: "x".repeat(1_000) };
    const grants = Array.from({ length: 60 }, (_, index) =>
      ledger.acquire(acquireOf({ leaseId: `l${index}`, labels })),
    );
    await Promise.allSettled(grants);
    await expect.poll(() => notices.map(({ notice }) => notice)).toEqual(["ledger_failed"]);
    await expect(ledger.acquire(acquireOf({ leaseId: "more" }))).rejects.toMatchObject({ code: "ledger_unavailable" });
  });
});
