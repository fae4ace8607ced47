/**
 * What was spent before the ledger's own memory begins: of a budget that is new and whose window has begun already, or of
 * all budgets after the loss of the journal. ClickHouse knows it; the service asks there and tells the ledger.
 */
import type { Amounts } from "./amounts.ts";
import type { Budget } from "./budget.ts";
import type { Labels } from "./ledger.ts";

/**
 * What S holds of the window that is open now. `counted`: all of it. `joined`: the budget came in its midst; what was spent
 * before counts to the minute. `awaited`: that is being asked for, and hard budgets grant nothing. `unknown`: S counts from
 * when the budget came.
 */
export type PastKnowledge = "counted" | "joined" | "awaited" | "unknown";

export interface PastWanted {
  /** The ledger came up without a journal: it is new, or its memory is lost. */
  readonly isFresh: boolean;
  /** By the ledger's clock: what was spent from here on the ledger counts itself. */
  readonly untilMs: number;
  readonly budgets: readonly {
    readonly budget: Budget;
    /** Where its window, as it is now, begins. 0: all there is. */
    readonly sinceMs: number;
  }[];
}

export interface PastSpend {
  readonly labels: Labels;
  /** When it was counted; the latest instant that it may have been. */
  readonly atMs: number;
  readonly gated: Amounts;
  readonly observed: Amounts;
}

export interface LedgerPast {
  /** Budgets by name, and all that was spent before of each: those whose windows begin together, together. Those whose past is known already are left as they are. */
  readonly groups: readonly { readonly budgets: readonly string[]; readonly spends: readonly PastSpend[] }[];
  /** Leases that may still report: what their spans have shown of them is in `groups`. */
  readonly leases: readonly { readonly id: string; readonly labels: Labels; readonly settled: Amounts }[];
  /** What leases that nobody knows any more may hold, by budget instance; kept aside for the grace time. */
  readonly withheld: readonly {
    readonly budget: string;
    /** The instance, as `BudgetState.scope` shows it. */
    readonly scope: Labels;
    readonly amount: bigint;
  }[];
  /** Whether others may still spend of leases that are forgotten: then nothing is granted for the time that one lives. */
  readonly isLoss: boolean;
}

/** A ledger that wants to know its past. */
export interface PastSeeking {
  /** `undefined`: nothing is wanted. */
  pastWanted(): PastWanted | undefined;
  /** Counts it, once. */
  seed(past: LedgerPast): Promise<void>;
}
