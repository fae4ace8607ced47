import type { Budget } from "../../../../src/budget/budget.ts";
import type {
  AcquireCommand,
  AcquireOutcome,
  BudgetState,
  ObservedSpend,
  RaiseCommand,
} from "../../../../src/budget/ledger.ts";
import type { LedgerPast } from "../../../../src/budget/past.ts";
import { applyEvent } from "../../../../src/budget/rules/apply.ts";
import { LedgerEngine, type Step } from "../../../../src/budget/rules/engine.ts";
import { raiseOutcome } from "../../../../src/budget/rules/raises.ts";
import { LedgerState } from "../../../../src/budget/rules/state.ts";
import { eachBudgetState } from "../../../../src/budget/rules/views.ts";
import { makeAcquire, usd } from "../make-budget.ts";
import { checkState } from "../../../simulation/check-state.ts";

export const TTL_MS = 30_000;
export const GRACE_MS = 900_000;

/** An engine, a time that stands until it is moved, and the answers by the order in which they were asked for. */
export class Rig {
  readonly engine: LedgerEngine;
  readonly answers = new Map<number, AcquireOutcome>();
  /** The last step that was taken. */
  last: Step | undefined;
  nowMs: number;
  #tickets = 0;
  #tokens = 0;

  constructor(budgets: readonly Budget[], nowMs = Date.UTC(2026, 4, 4, 12)) {
    this.nowMs = nowMs;
    this.engine = new LedgerEngine(new LedgerState(), { recallIntervalMs: 200 });
    this.configure(budgets);
  }

  configure(budgets: readonly Budget[]): void {
    const { state } = this.engine;
    applyEvent(state, { event: "configured", at: this.nowMs, ttlMs: TTL_MS, graceMs: GRACE_MS, budgets });
  }

  /** Other documents while the ledger runs. */
  reload(budgets: readonly Budget[]): void {
    this.#take(this.engine.configure(budgets, this.nowMs));
  }

  raise(of: Partial<RaiseCommand>): void {
    const command = { id: "r1", budget: "b", amount: 50n, forMs: 60_000, author: "ada", reason: "month end", ...of };
    const outcome = raiseOutcome(this.engine.state, command, this.nowMs);
    if (outcome.outcome === "raised") this.#take(this.engine.raise(outcome.raise, this.nowMs));
  }

  /** Returns the ticket; its answer may come later. */
  ask(of: Partial<AcquireCommand>): number {
    this.#tickets += 1;
    this.#take(this.engine.acquire(makeAcquire(of), this.#tickets, this.nowMs));
    return this.#tickets;
  }

  /** Asks and expects the answer at once. */
  acquire(of: Partial<AcquireCommand>): AcquireOutcome {
    const outcome = this.answers.get(this.ask(of));
    if (outcome === undefined) throw new Error("the acquire waits");
    return outcome;
  }

  close(leaseId: string, settled: bigint | number, processId = "p1"): void {
    this.#take(this.engine.close(processId, [{ leaseId, settled: usd(settled) }], this.nowMs));
  }

  observe(entries: readonly Partial<ObservedSpend>[], token?: string): void {
    this.#tokens += 1;
    const whole = entries.map((of) => ({ labels: { team: "a" }, leaseId: "", amounts: usd(0), ...of }));
    this.#take(this.engine.observe({ token: token ?? `t${this.#tokens}`, entries: whole }, this.nowMs));
  }

  seed(past: LedgerPast): void {
    this.#take(this.engine.seed(past, this.nowMs));
  }

  /** Moves time, waking the engine whenever it wants to be. */
  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let wake = this.engine.wakeAtMs(); wake <= endMs; wake = this.engine.wakeAtMs()) {
      this.nowMs = Math.max(this.nowMs, wake);
      this.#take(this.engine.tick(this.nowMs));
    }
    this.jump(endMs - this.nowMs);
  }

  /** As `advance`, but nobody wakes the engine on the way: the machine slept. */
  jump(ms: number): void {
    this.nowMs += ms;
    this.#take(this.engine.tick(this.nowMs));
  }

  budget(name = "b"): BudgetState {
    const found = [...eachBudgetState(this.engine.state, this.nowMs)].find((state) => state.name === name);
    if (found === undefined) throw new Error(`no budget ${name}`);
    return found;
  }

  /** S and R. */
  books(name = "b"): [bigint, bigint] {
    const { settled, reserved } = this.budget(name);
    return [settled, reserved];
  }

  #take(step: Step): void {
    this.last = step;
    for (const { ticket, outcome } of step.answers) this.answers.set(ticket, outcome);
    checkState(this.engine.state, () => undefined);
  }
}
