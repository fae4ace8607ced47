/** What the one suite for ledgers runs on: a store, and however many ledgers stand before it. */
import type { Budget } from "../../../../src/budget/budget.ts";
import type { StoredLedger } from "../../../../src/budget/ledger-notice.ts";
import type { AcquireCommand, AcquireOutcome, BudgetState, ObservedSpend } from "../../../../src/budget/ledger.ts";
import type { ThresholdCrossing } from "../../../../src/budget/ledger.ts";
import { makeAcquire, usd } from "../../../unit/budget/make-budget.ts";

export const TTL_MS = 30_000;
export const GRACE_MS = 900_000;

export interface Stage {
  /** One, or several replicas over one store; all started. Asked in turn. */
  readonly ledgers: readonly StoredLedger[];
  readonly notices: readonly { readonly notice: string }[];
  /** Moves the ledger's time. */
  advance(ms: number): Promise<void>;
  /** Ends the store without warning, and brings everything up again. */
  crash(): Promise<void>;
}

/** Opens a stage that is taken down when the test ends. */
export type OpenStage = (budgets: readonly Budget[]) => Promise<Stage>;

/** A fleet that talks to its ledgers in turn, so that nothing may depend on which of them is asked. */
export class Fleet {
  readonly stage: Stage;
  readonly crossings: ThresholdCrossing[] = [];
  readonly recalls: string[] = [];
  #asked = 0;
  #tokens = 0;

  private constructor(stage: Stage) {
    this.stage = stage;
  }

  static async open(open: OpenStage, budgets: readonly Budget[]): Promise<Fleet> {
    const fleet = new Fleet(await open(budgets));
    fleet.listen();
    return fleet;
  }

  listen(): void {
    for (const ledger of this.stage.ledgers) {
      ledger.onThreshold((crossing) => this.crossings.push(crossing));
      ledger.onRecall((processId, leaseIds) => this.recalls.push(`${processId} ${leaseIds.join()}`));
    }
  }

  get ledger(): StoredLedger {
    this.#asked += 1;
    const ledger = this.stage.ledgers[this.#asked % this.stage.ledgers.length];
    if (ledger === undefined) throw new Error("a stage has ledgers");
    return ledger;
  }

  acquire(of: Partial<AcquireCommand>): Promise<AcquireOutcome> {
    return this.ledger.acquire(makeAcquire(of));
  }

  /** Asks, and resolves once the ledger has taken the request in; its answer comes later. */
  async ask(of: Partial<AcquireCommand>): Promise<{ readonly answer: Promise<AcquireOutcome>; isAnswered: boolean }> {
    const { ledger } = this;
    const asked = { answer: ledger.acquire(makeAcquire(of)), isAnswered: false };
    void asked.answer.then(() => (asked.isAnswered = true));
    await ledger.close("nobody", []);
    return asked;
  }

  close(leaseId: string, settled: bigint | number, processId = "p1"): Promise<void> {
    return this.ledger.close(processId, [{ leaseId, settled: usd(settled) }]);
  }

  observe(entries: readonly Partial<ObservedSpend>[], token?: string): Promise<void> {
    this.#tokens += 1;
    const whole = entries.map((of) => ({ labels: { team: "a" }, leaseId: "", amounts: usd(0), ...of }));
    return this.ledger.observe({ token: token ?? `t${this.#tokens}`, entries: whole });
  }

  /** As any ledger sees it once it knows what all have acknowledged. */
  async budget(name = "b"): Promise<BudgetState> {
    const { ledger } = this;
    await ledger.lease("nobody's");
    const found = ledger.budgets().find((state) => state.name === name);
    if (found === undefined) throw new Error(`no budget ${name}`);
    return found;
  }

  /** S and R, which every ledger tells alike. */
  async books(name = "b"): Promise<[bigint, bigint]> {
    const { settled, reserved } = await this.budget(name);
    for (let other = 1; other < this.stage.ledgers.length; other += 1) {
      const told = await this.budget(name);
      if (told.settled !== settled || told.reserved !== reserved) {
        throw new Error(`replicas differ: S ${settled} and ${told.settled}, R ${reserved} and ${told.reserved}`);
      }
    }
    return [settled, reserved];
  }

  advance(ms: number): Promise<void> {
    return this.stage.advance(ms);
  }

  async crash(): Promise<void> {
    await this.stage.crash();
  }
}
