import type { LedgerEngine, LeaseTimes, Step } from "../rules/engine.ts";
import { applyEvent } from "../rules/apply.ts";
import type { Budget } from "../budget.ts";
import type { LedgerEvent } from "../rules/events.ts";

/** What this replica brings to a ledger that has no documents yet. */
export interface Configuration extends LeaseTimes {
  readonly budgets: readonly Budget[];
}

/** What a step brought about, to be told once it is durable. */
export interface Told {
  readonly step: Step;
  /** Of the leases that expired in it. */
  readonly expired: readonly { readonly leaseId: string; readonly processId: string }[];
}

export interface Batch {
  readonly commands: readonly ((engine: LedgerEngine, nowMs: number) => Step)[];
  readonly nowMs: number;
  /** Time in which no lease could be renewed: each gets as much longer. */
  readonly gapMs: number;
  readonly configuration: Configuration;
}

/** Runs commands one after the other. The engine is ahead of the log until the events are in it. */
export function decideBatch(
  engine: LedgerEngine,
  { commands, nowMs, gapMs, configuration }: Batch,
): { readonly events: readonly LedgerEvent[]; readonly told: readonly Told[] } {
  const { state } = engine;
  const events: LedgerEvent[] = [];
  const told: Told[] = [];
  const keep = (step: Step): void => {
    const expired = step.events
      .flatMap((event) => (event.event === "expired" ? [event.id] : []))
      .map((leaseId) => ({ leaseId, processId: state.expired.get(leaseId)?.processId ?? "" }));
    events.push(...step.events);
    told.push({ step, expired });
  };
  if (gapMs > 0) {
    const resumed: LedgerEvent = { event: "resumed", at: nowMs, shiftMs: gapMs };
    applyEvent(state, resumed);
    events.push(resumed);
  }
  // A store that was emptied: without documents everything would be allowed.
  if (state.ttlMs === 0) keep(engine.configure(configuration.budgets, nowMs, configuration));
  for (const command of commands) keep(command(engine, nowMs));
  return { events, told };
}
