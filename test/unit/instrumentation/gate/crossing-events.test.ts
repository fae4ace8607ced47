import type { Span } from "@opentelemetry/api";
import { expect, it } from "vitest";
import { CrossingEvents } from "../../../../instrumentation/src/gate/crossing-events.ts";
import type { LeaseAction, LeaseBudget } from "../../../../instrumentation/src/protocol.ts";

const AMOUNTS = { limit: "10", settled: "5", reserved: "0", remaining: "5" };
const BUDGET = { name: "per-user", measure: "usd", mode: "hard", unknown_price: "deny", ...AMOUNTS } as const;
const PAUSE: LeaseAction = { do: "pause", at_percent: 50 };

/** Calls of one user after the other, each with a fresh reply of the ledger: who got an event, in their order. */
function eventsOf(calls: readonly { readonly user: string; readonly actions: readonly LeaseAction[] }[]): string[] {
  const crossings = new CrossingEvents({ find: (labels) => ({ labels: { user: labels["user"] ?? "" }, budgets: [] }) });
  const told: string[] = [];
  for (const { user, actions } of calls) {
    const span = {
      addEvent: (_name: string, { "tollgate.budget.action": act }: object & Record<string, unknown>) =>
        told.push(`${user} ${String(act)}`),
    };
    const budgets: readonly LeaseBudget[] = [{ ...BUDGET, actions }];
    crossings.tell({ span: span as object as Span, kind: { labels: { user, model: `m-${told.length}` } } }, budgets);
  }
  return told;
}

it("a crossing is told once for each value that a budget splits by, however their calls take turns", () => {
  const crossed = (user: string) => ({ user, actions: [PAUSE] });
  const fine = { user: "c", actions: [] };
  expect(eventsOf([crossed("a"), fine, crossed("a"), crossed("b"), fine, crossed("b"), crossed("a")])).toEqual([
    "a pause",
    "b pause",
  ]);
});

it("a crossing is told anew once it was over, and beside one that was told", () => {
  const notify: LeaseAction = { do: "notify", at_percent: 20 };
  const calls = [[notify], [notify, PAUSE], [], [notify]].map((actions) => ({ user: "a", actions }));
  expect(eventsOf(calls)).toEqual(["a notify", "a pause", "a notify"]);
});
