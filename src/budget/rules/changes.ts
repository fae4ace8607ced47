/**
 * Which budget instances show something else than before, for who writes them down elsewhere: what was counted or held is noted where it
 * happens (`noteChange`), so that nobody looks at a hundred thousand of them each second. What time alone changes is looked for once a minute.
 */
import type { Budget } from "../budget.ts";
import type { BudgetState } from "../ledger.ts";
import { isAlteredByTime, noteChange, shownBounds, type Spend } from "./spend.ts";
import type { LedgerState } from "./state.ts";
import { spendKey } from "./scope.ts";
import { budgetState, isSplit, untouched } from "./views.ts";

const LOOK_MS = 60_000;

export class BudgetChanges {
  #state: LedgerState | undefined;
  #budgets: readonly Budget[] = [];
  #lookedAtMs = 0;
  /** Budgets that nothing was counted in, by name: where the window began that was told of. */
  #idle = new Map<string, number>();

  /** Of a state that was read anew all are told again. The first call tells of all there are. */
  take(state: LedgerState, { nowMs, max }: { readonly nowMs: number; readonly max: number }): readonly BudgetState[] {
    if (this.#state !== state) this.#idle.clear();
    const isOther = this.#state !== state || this.#budgets !== state.budgets;
    const taken = isOther || nowMs - this.#lookedAtMs >= LOOK_MS ? this.#look(state, nowMs) : [];
    this.#state = state;
    this.#budgets = state.budgets;
    for (const spend of state.changed) {
      if (taken.length >= max) break;
      state.changed.delete(spend);
      if (spend.isInForce) taken.push(budgetState(shownFor(state, spend, nowMs), nowMs));
    }
    return taken;
  }

  #look(state: LedgerState, nowMs: number): BudgetState[] {
    this.#lookedAtMs = nowMs;
    for (const spend of state.spends.values()) if (isAlteredByTime(spend, nowMs)) noteChange(spend);
    const idle = new Map<string, number>();
    const taken: BudgetState[] = [];
    for (const budget of state.budgets) {
      if (isSplit(budget) || state.spends.has(spendKey(budget.name, undefined, undefined))) continue;
      const spend = untouched(state, budget, nowMs);
      const { startMs } = shownBounds(spend, nowMs);
      idle.set(budget.name, startMs);
      if (this.#idle.get(budget.name) !== startMs || this.#budgets !== state.budgets)
        taken.push(budgetState(spend, nowMs));
    }
    this.#idle = idle;
    return taken;
  }
}

/** An instance that was forgotten meanwhile shows its next window; a budget that is not split begins anew. */
function shownFor(state: LedgerState, spend: Spend, nowMs: number): Spend {
  return state.spends.get(spend.key) ?? (isSplit(spend.budget) ? spend : untouched(state, spend.budget, nowMs));
}
