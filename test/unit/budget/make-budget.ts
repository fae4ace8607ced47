import type { Amounts } from "../../../src/budget/amounts.ts";
import type { Budget } from "../../../src/budget/budget.ts";
import type { AcquireCommand } from "../../../src/budget/ledger.ts";

/** A hard lifetime budget in dollars over every call, unless said otherwise. */
export function makeBudget(of: Partial<Budget> = {}): Budget {
  return {
    name: "b",
    scope: {},
    each: undefined,
    measure: "usd",
    limit: 100n,
    window: { kind: "lifetime" },
    timeZone: "UTC",
    mode: "hard",
    unknownPrice: "deny",
    thresholds: [],
    ...of,
  };
}

export function usd(nanoUsd: bigint | number): Amounts {
  return { nanoUsd: BigInt(nanoUsd), tokens: 0n, calls: 0n };
}

/** Lease `l1` of process `p1` asks for its target or nothing, without waiting, unless said otherwise. */
export function makeAcquire(of: Partial<AcquireCommand> = {}): AcquireCommand {
  const target = of.target ?? usd(10);
  return {
    processId: "p1",
    leaseId: "l1",
    seq: 1,
    labels: { team: "a" },
    settled: usd(0),
    need: target,
    target,
    ahead: usd(0),
    waitMs: 0,
    ...of,
  };
}
