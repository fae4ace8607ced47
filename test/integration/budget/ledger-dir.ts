import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Amounts } from "../../../src/budget/amounts.ts";
import type { Budget } from "../../../src/budget/budget.ts";
import type { AcquireCommand } from "../../../src/budget/ledger.ts";
import { createLocalLedger } from "../../../src/budget/local/create-local-ledger.ts";
import { nodeDisk, type Disk, type DiskFile } from "../../../src/budget/local/disk.ts";
import type { LedgerNotice, StoredLedger } from "../../../src/budget/ledger-notice.ts";
import type { LocalLedgerOptions } from "../../../src/budget/local/local-ledger-options.ts";
import { ManualClock } from "../../support/manual-clock.ts";

export const FLEET: Budget = {
  name: "fleet",
  scope: {},
  each: undefined,
  measure: "usd",
  limit: 1_000_000n,
  window: { kind: "lifetime" },
  timeZone: "UTC",
  mode: "hard",
  unknownPrice: "deny",
  thresholds: [],
};

export async function makeDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "tollgate-ledger-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export interface Opened {
  readonly ledger: StoredLedger;
  readonly notices: LedgerNotice[];
  readonly clock: ManualClock;
}

/** Starts a ledger and stops it when the test ends. */
export async function openLedger(dir: string, options: Partial<LocalLedgerOptions> = {}): Promise<Opened> {
  const notices: LedgerNotice[] = [];
  const clock = new ManualClock();
  const onNotice = (notice: LedgerNotice): void => void notices.push(notice);
  const ledger = createLocalLedger({ dir, budgets: [FLEET], clock, onNotice, ...options });
  await ledger.start();
  onTestFinished(() => ledger.stop());
  return { ledger, notices, clock };
}

export function usd(amount: number): Amounts {
  return { nanoUsd: BigInt(amount), tokens: 0n, calls: 0n };
}

/** Asks for 10 without waiting, unless said otherwise. */
export function acquireOf(of: Partial<AcquireCommand> = {}): AcquireCommand {
  return {
    processId: "p1",
    leaseId: "l1",
    seq: 1,
    labels: { team: "a" },
    settled: usd(0),
    need: of.target ?? usd(10),
    target: usd(10),
    ahead: usd(0),
    waitMs: 0,
    ...of,
  };
}

/** A disk on which a test decides what happens: counts, holds back or fails writes and syncs of the real file below. */
export class TestDisk implements Disk {
  writes = 0;
  syncs = 0;
  onWrite: () => void = () => {};
  /** Of a write that makes room for others: nothing but zeros. */
  onZeros: () => void = () => {};
  onSync: () => Promise<void> = () => Promise.resolve();
  bytesPerWriteMax = Number.POSITIVE_INFINITY;

  readonly lock = nodeDisk.lock;
  readonly makeDirectory = nodeDisk.makeDirectory;
  readonly list = nodeDisk.list;
  readonly read = nodeDisk.read;
  readonly truncate = nodeDisk.truncate;
  readonly rename = nodeDisk.rename;
  readonly unlink = nodeDisk.unlink;
  readonly syncDirectory = nodeDisk.syncDirectory;

  readonly open = async (path: string, flags: "w" | "r+"): Promise<DiskFile> => {
    const handle = await open(path, flags);
    return {
      write: async (buffer, offset, length, position) => {
        this.writes += 1;
        this.onWrite();
        if (buffer[offset] === 0) this.onZeros();
        return handle.write(buffer, offset, Math.min(length, this.bytesPerWriteMax), position);
      },
      datasync: async () => {
        this.syncs += 1;
        await this.onSync();
        await handle.datasync();
      },
      close: () => handle.close(),
    };
  };
}
