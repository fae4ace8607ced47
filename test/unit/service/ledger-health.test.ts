import { expect, it } from "vitest";
import { LedgerHealth } from "../../../src/service/ledger-health.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const error = (message: string): Error => new Error(message);

it.each([
  ["ledger_failed", "ledger_revived"],
  ["store_lost", "store_regained"],
] as const)(
  "%s: nothing is granted since the first of them, for the last of their reasons, until %s",
  (failed, mended) => {
    const clock = new ManualClock();
    const health = new LedgerHealth(clock);
    expect(health.failure).toBeUndefined();
    const sinceMs = clock.now();
    health.note({ notice: failed, error: error("ENOSPC") });
    clock.advance(5_000);
    health.note({ notice: failed, error: error("EIO") });
    health.note({ notice: "clock_jumped", ms: 7 });
    expect(health.failure).toEqual({ reason: "EIO", sinceMs });
    health.note({ notice: mended });
    expect(health.failure).toBeUndefined();
  },
);
