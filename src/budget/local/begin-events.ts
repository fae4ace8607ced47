/** What a ledger writes down before all else, once it has read its journal. */
import type { Budget } from "../budget.ts";
import type { LedgerEvent } from "../rules/events.ts";
import { unknownPasts } from "../rules/past.ts";
import type { LedgerState } from "../rules/state.ts";
import type { LocalLedgerOptions } from "./local-ledger-options.ts";

const LEASE_TTL_MS = 30_000;
const GRACE_MS = 900_000;

export interface Beginning extends Pick<LocalLedgerOptions, "leaseTtlMs" | "graceMs" | "seeksPast"> {
  readonly budgets: readonly Budget[];
  readonly nowMs: number;
}

/** The budgets in force, and as much longer a life for every lease as the ledger was away. */
export function beginEvents(state: LedgerState, beginning: Beginning): readonly LedgerEvent[] {
  const { budgets, nowMs, seeksPast = false, leaseTtlMs: ttlMs = LEASE_TTL_MS, graceMs = GRACE_MS } = beginning;
  const isFresh = state.atMs === 0;
  const unknown = seeksPast ? unknownPasts(state, budgets) : [];
  const awaiting = { event: "awaiting", at: nowMs, budgets: unknown, untilMs: nowMs + graceMs, isFresh } as const;
  return [
    { event: "configured", at: nowMs, ttlMs, graceMs, budgets },
    ...(unknown.length > 0 ? [awaiting] : []),
    { event: "resumed", at: nowMs, shiftMs: isFresh ? 0 : nowMs - state.atMs },
  ];
}
