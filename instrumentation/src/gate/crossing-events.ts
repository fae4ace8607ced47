import type { Span } from "@opentelemetry/api";
import type { LeaseBudget } from "../protocol.ts";
import * as semconv from "../semconv.ts";

/** The name of the event on the first call of this process that found a threshold crossed. */
const EVENT_NAME = "tollgate.budget.threshold";
/** Crossings that are remembered; of the oldest an event may come again. */
const TOLD_MAX = 1_000;

const NONE: readonly LeaseBudget[] = [];

type Labels = Readonly<Record<string, string>>;

interface ToldCall {
  readonly span: Span;
  readonly kind: { readonly labels: Labels };
}

interface Leases {
  find(labels: Labels): { readonly labels: Labels; readonly budgets: readonly LeaseBudget[] } | undefined;
}

/** Tells each crossing of a threshold once: on the span of the first call that met it, made or refused. */
export class CrossingEvents {
  /** By budget and labels: each value that a budget splits by crosses by itself. */
  readonly #told = new Map<string, ReadonlySet<string>>();
  #last: readonly LeaseBudget[] | undefined;
  readonly #leases: Leases | undefined;

  constructor(leases: Leases | undefined) {
    this.#leases = leases;
  }

  /** `budgets`: those of the call, else what its lease last heard. */
  tell({ span, kind }: ToldCall, budgets = this.#leases?.find(kind.labels)?.budgets ?? NONE): void {
    // Calls of one lease come with the same reply again and again.
    if (budgets === this.#last) return;
    this.#last = budgets;
    if (this.#told.size === 0 && budgets.every(({ actions }) => actions.length === 0)) return;
    const whose = JSON.stringify(this.#leases?.find(kind.labels)?.labels ?? kind.labels);
    for (const budget of budgets) this.#tell(span, budget, `${budget.name} ${whose}`);
  }

  #tell(span: Span, { name, actions }: LeaseBudget, key: string): void {
    const told = this.#told.get(key);
    this.#told.delete(key);
    if (actions.length === 0) return;
    for (const action of actions) {
      if (told?.has(`${action.at_percent} ${action.do}`) === true) continue;
      span.addEvent(EVENT_NAME, {
        [semconv.ATTR_TOLLGATE_BUDGET_NAME]: name,
        [semconv.ATTR_TOLLGATE_BUDGET_ACTION]: action.do,
        [semconv.ATTR_TOLLGATE_BUDGET_AT_PERCENT]: action.at_percent,
      });
    }
    this.#told.set(key, new Set(actions.map((action) => `${action.at_percent} ${action.do}`)));
    const [oldest] = this.#told.keys();
    if (this.#told.size > TOLD_MAX && oldest !== undefined) this.#told.delete(oldest);
  }
}
