/**
 * The ledger's face: who has spent and who holds what. Every promise resolves only after what it changed is durable (I5).
 * Two stores stand behind it (in process with a journal; a log in Valkey that several processors share); nothing outside `src/budget/` knows which.
 */
import type { LedgerRefusal, Measure } from "@tollgate/instrumentation/protocol";
import type { Amounts } from "./amounts.ts";
import type { Budget } from "./budget.ts";
import type { Raise } from "./rules/limit.ts";
import type { PastKnowledge } from "./past.ts";

export type Labels = Readonly<Record<string, string>>;

export interface AcquireCommand {
  readonly processId: string;
  readonly leaseId: string;
  readonly seq: number;
  readonly labels: Labels;
  readonly settled: Amounts;
  readonly need: Amounts;
  readonly target: Amounts;
  /** What stays granted while the command waits; the rest goes back at once. Absent: everything stays. */
  readonly held?: Amounts;
  readonly ahead: Amounts;
  readonly waitMs: number;
}

/** One budget instance (a budget, one value of `each`, one window) as it stands. Amounts are in the budget's measure. */
export interface BudgetState {
  readonly name: string;
  /** `scope` as written, plus the value of `each` when there is one. */
  readonly scope: Labels;
  /** Of the one instance for all values of `each` beyond `each_max`. */
  readonly isBeyondMax?: true;
  /** Of `concurrent_runs`: sessions in flight at once; of a process without a session, the process. Never settled, only reserved. */
  readonly measure: Measure;
  readonly mode: "hard" | "soft" | "observe";
  readonly unknownPrice: "deny" | "estimate" | "allow";
  /** How the input of calls is to be bounded, if the budget says. */
  readonly reserve?: "strict" | "tokenizer";
  /** Unix ms by the ledger's clock; 0 for lifetime. */
  readonly windowStartMs: number;
  /** Unix ms; undefined for lifetime, session and workflow. */
  readonly windowEndMs: number | undefined;
  /** L now: as written, plus what was carried over and what people raised it by. */
  readonly limit: bigint;
  /** Of `limit`: left over by the windows before. */
  readonly carried?: bigint;
  /** Of `limit`: for a time, by people. */
  readonly raises?: readonly Raise[];
  readonly settled: bigint;
  /** The part of `settled` that no lease covered: metered when it was spent already, and not gated. */
  readonly observed: bigint;
  readonly reserved: bigint;
  readonly remaining: bigint;
  /** Whether what was spent in this window before the budget was there counts. Absent in answers to agents. */
  readonly past?: PastKnowledge;
  /** Unix ms. Nothing is granted before: its past is not known, or what was granted of it is forgotten. Absent: it is open. */
  readonly closedUntilMs?: number;
  /** Thresholds crossed now, lowest first. */
  readonly crossed: readonly Threshold[];
  readonly state: "ok" | "warning" | "exhausted" | "overrun";
}

export type ReasoningEffort = "none" | "minimal" | "low" | "medium" | "high";

/** Lets a budget spend more for a time. */
export interface RaiseCommand {
  /** Asking twice with one id is asking once. */
  readonly id: string;
  readonly budget: string;
  /** Only for this value of `each`. */
  readonly each?: string;
  readonly amount: bigint;
  readonly forMs: number;
  readonly author: string;
  readonly reason: string;
}

export type RaiseOutcome =
  | { readonly outcome: "raised" | "repeated"; readonly raise: Raise }
  | { readonly outcome: "unknown_budget" };

export interface Threshold {
  readonly atPercent: number;
  readonly do: "notify" | "downgrade" | "require_approval" | "stop_gracefully" | "pause" | "stop" | "kill";
  readonly fallback?: Readonly<Record<string, string>>;
  /** Of `downgrade`: at most so many tokens of output, and no more effort than this. */
  readonly maxOutputTokens?: number;
  readonly reasoningEffort?: ReasoningEffort;
  /** Of `stop_gracefully`: kept back for what has begun, in the measure. Absent: all above the threshold. */
  readonly finalisation?: bigint;
  /** Of `pause` and `require_approval`: how long a call waits before it is refused. */
  readonly timeoutMs?: number;
}

/** A threshold of one budget instance that has fired, and how the budget stood. */
export interface ThresholdCrossing {
  /** Of the budget instance: its name, and the values that make it one. Stable over restarts. */
  readonly key: string;
  readonly threshold: Threshold;
  readonly budget: BudgetState;
  /** The keys of `budget.scope` whose value is one value and no pattern: of `each`, of the session or workflow. */
  readonly exactKeys: readonly string[];
}

export type AcquireOutcome =
  | {
      readonly outcome: "granted" | "unlimited";
      readonly seq: number;
      readonly granted: Amounts;
      readonly budgets: readonly BudgetState[];
    }
  | {
      readonly outcome: "exhausted";
      readonly seq: number;
      readonly granted: Amounts;
      readonly budgets: readonly BudgetState[];
      readonly refusedBy: BudgetState;
      readonly obstacle: Obstacle;
    }
  /** The lease belongs to another process, or is closed or expired: the process must open a new one. */
  | { readonly outcome: "lost"; readonly reason: string };

/** What stands between a budget and a lease, beyond what the budget's state shows. Kinds: `BudgetObstacle` of the protocol. */
export interface Obstacle {
  /** `undefined`: the state shows it. */
  readonly kind: LedgerRefusal["obstacle"];
  /** Of `finishing`. */
  readonly atPercent?: number;
  /** Unix ms: when it ends by itself at the latest; where the state shows it, the end of the window. */
  readonly untilMs: number | undefined;
  /** Other processes that hold some of R, at most `HOLDERS_TOLD_MAX`; and those of them whose leases have expired. */
  readonly heldBy: number;
  readonly heldBySilent: number;
}

/** One lease as the ledger holds it now. */
export type LeaseView =
  | {
      /** `expired`: no message came for its TTL; what it holds stays reserved until its grace is over. */
      readonly state: "active" | "expired";
      readonly processId: string;
      readonly labels: Labels;
      readonly granted: Amounts;
      readonly settled: Amounts;
    }
  /** Over, and remembered for the ledger's grace. `labels` are absent when it was closed before it was ever opened. */
  | { readonly state: "closed"; readonly labels: Labels | undefined; readonly settled: Amounts };

export interface LeaseClose {
  readonly leaseId: string;
  readonly settled: Amounts;
  /** The id may be opened again, if nothing was spent of the lease: for one that its process never came to know. */
  readonly forget?: boolean;
}

/** What the meter saw in one block of the spool. The token makes it idempotent. */
export interface Observation {
  readonly token: string;
  readonly entries: readonly ObservedSpend[];
}

export interface ObservedSpend {
  readonly labels: Labels;
  /** "" for spend that no lease covers (foreign instrumentation). */
  readonly leaseId: string;
  readonly amounts: Amounts;
}

export interface Ledger {
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Puts other documents in force, at once for all that follows; what is spent and held stays. Throws `RangeError` for two
   * budgets of one name.
   */
  configure(budgets: readonly Budget[]): Promise<void>;
  acquire(command: AcquireCommand): Promise<AcquireOutcome>;
  close(processId: string, leases: readonly LeaseClose[]): Promise<void>;
  observe(observation: Observation): Promise<void>;
  /** Throws `LedgerError` (`invalid_command`) for an amount or a time that makes no sense. */
  raise(command: RaiseCommand): Promise<RaiseOutcome>;
  /** Names of the budgets in force with their measures: also of those that nothing falls under yet. */
  configured(): readonly Pick<BudgetState, "name" | "measure" | "scope">[];
  budgets(): readonly BudgetState[];
  /** The same one by one, for who keeps few of very many. To be gone through at once: the ledger must not change meanwhile. */
  eachBudget(): Iterable<BudgetState>;
  /** Those that may have changed since they were told here last, at most so many; at first all. For one caller. */
  changedBudgets(max: number): readonly BudgetState[];
  /** `undefined`: never seen, or forgotten. May be ahead of the disk: answer from it only after a command of that lease. */
  lease(leaseId: string): Promise<LeaseView | undefined>;
  /** The label keys that any budget looks at (scope, `each`, session/workflow windows). */
  labelKeys(): readonly string[];
  /** What any budget counts, each once. */
  measures(): readonly BudgetState["measure"][];
  /** Called when a threshold fires, once a window, after that is durable. Returns the unsubscribe function. */
  onThreshold(listener: (crossing: ThresholdCrossing) => void): () => void;
  /** The thresholds that have fired in their window and are crossed still: what a restart finds. */
  firedThresholds(): readonly ThresholdCrossing[];
  /** Called with the leases that hold idle money while another process waits for it. Returns the unsubscribe function. */
  onRecall(listener: (processId: string, leaseIds: readonly string[]) => void): () => void;
}
