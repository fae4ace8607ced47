/**
 * Goal: a ledger whose disk failed, and that writes itself anew, starts again after a power cut at any step of that, with all that was
 * acknowledged. Method: a disk that forgets; its sync fails once, and the process dies at each step in turn of the ledger's revival.
 */
import { expect, it } from "vitest";
import type { LedgerNotice } from "../../../src/budget/ledger-notice.ts";
import { createLocalLedger } from "../../../src/budget/local/create-local-ledger.ts";
import type { Disk } from "../../../src/budget/local/disk.ts";
import { CrashingDisk } from "../../simulation/crashing-disk.ts";
import { VirtualTime } from "../../simulation/virtual-time.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { Random } from "../../support/random.ts";
import { acquireOf, FLEET, usd } from "./ledger-dir.ts";

const DIR = "/ledger";
/** A revival takes fewer. */
const STEPS = 30;
const SEEDS_A_STEP = 10;
const PAUSE_MS = 1_000;

it.each(Array.from({ length: STEPS }, (_, index) => index + 1))("at step %i", async (step) => {
  for (let seed = 1; seed <= SEEDS_A_STEP; seed += 1) {
    // What was asked and not answered may have been written.
    expect([20n, 30n], `step ${step}, seed ${seed}`).toContain(await reservedAfterCut(step, seed));
  }
});

async function reservedAfterCut(step: number, seed: number): Promise<bigint | undefined> {
  const died = Promise.withResolvers<void>();
  const faults = { onCrash: () => died.resolve(), errorRate: 0, syncMsMax: 0 };
  const machine = new CrashingDisk(new VirtualTime(0), new Random(step * 1_000 + seed), faults);
  const at = { isFailing: false };
  const revived = Promise.withResolvers<void>();
  const clock = new ManualClock();
  const onNotice = ({ notice }: LedgerNotice): void => {
    if (notice === "ledger_revived") revived.resolve();
  };
  const ledger = createLocalLedger({
    dir: DIR,
    budgets: [FLEET],
    clock,
    onNotice,
    disk: failingDisk(machine.open(), at),
  });
  await ledger.start();
  await ledger.acquire(acquireOf({ target: usd(20) }));
  at.isFailing = true;
  await expect(ledger.acquire(acquireOf({ leaseId: "l2" }))).rejects.toMatchObject({ code: "ledger_unavailable" });
  at.isFailing = false;
  machine.crashIn(step);
  clock.advance(PAUSE_MS);
  await Promise.race([died.promise, revived.promise]);
  machine.lose();

  const again = createLocalLedger({
    dir: DIR,
    budgets: [FLEET],
    clock: new ManualClock(),
    onNotice: () => {},
    disk: machine.open(),
  });
  await again.start();
  const [budget] = again.budgets();
  await again.stop();
  return budget?.reserved;
}

/** What it was told to sync it has in memory only. */
function failingDisk(disk: Disk, at: { readonly isFailing: boolean }): Disk {
  return {
    ...disk,
    open: async (path, flags) => {
      const file = await disk.open(path, flags);
      const datasync = (): Promise<void> =>
        at.isFailing ? Promise.reject(new Error("EIO: i/o error, fdatasync")) : file.datasync();
      return { ...file, datasync };
    },
  };
}
