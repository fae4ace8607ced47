import { foldCase } from "@tollgate/instrumentation/policy";
import type { RaiseCommand, RaiseOutcome } from "../ledger.ts";
import type { Raise } from "./limit.ts";
import type { LedgerState } from "./state.ts";

/** What a raise comes to, decided without changing anything: `LedgerEngine.raise` carries it in. */
export function raiseOutcome(state: LedgerState, command: RaiseCommand, nowMs: number): RaiseOutcome {
  const known = state.raises.get(command.id);
  if (known !== undefined) return { outcome: "repeated", raise: known };
  const { id, budget, each, amount, forMs, author, reason } = command;
  if (!state.budgets.some(({ name }) => name === budget)) return { outcome: "unknown_budget" };
  const raise: Raise = {
    id,
    budget,
    ...(each === undefined ? {} : { each: foldCase(each) }),
    amount,
    atMs: nowMs,
    untilMs: nowMs + forMs,
    author,
    reason,
  };
  return { outcome: "raised", raise };
}
