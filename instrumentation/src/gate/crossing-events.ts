import type { Span } from "@opentelemetry/api";
import type { LeaseBudget } from "../protocol.ts";
import * as semconv from "../semconv.ts";

/** The name of the event on the first call of this process that found a threshold crossed. */
const EVENT_NAME = "tollgate.budget.threshold";

/** Tells each crossing of a threshold once: on the span of the first call that met it. */
export class CrossingEvents {
  readonly #told = new Map<string, ReadonlySet<string>>();
  #last: readonly LeaseBudget[] | undefined;

  record(span: Span, budgets: readonly LeaseBudget[]): void {
    // Calls of one lease come with the same reply again and again.
    if (budgets === this.#last) return;
    this.#last = budgets;
    for (const { name, actions } of budgets) {
      const told = this.#told.get(name);
      if (actions.length === 0 && told === undefined) continue;
      const now = new Set(actions.map((action) => `${action.at_percent} ${action.do}`));
      for (const action of actions) {
        if (told?.has(`${action.at_percent} ${action.do}`) === true) continue;
        span.addEvent(EVENT_NAME, {
          [semconv.ATTR_TOLLGATE_BUDGET_NAME]: name,
          [semconv.ATTR_TOLLGATE_BUDGET_ACTION]: action.do,
          [semconv.ATTR_TOLLGATE_BUDGET_AT_PERCENT]: action.at_percent,
        });
      }
      this.#told.set(name, now);
    }
  }
}
