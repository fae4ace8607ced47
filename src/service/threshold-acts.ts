/**
 * What thresholds of budgets do by themselves. The ledger says that one fired, once a window, after that is in its journal;
 * here it becomes an event (and so a metric and an alert) and, for `kill`, `pause` and `require_approval`, an act like a person's. A restart finds
 * what fired and has no act yet. A pause is lifted when its window turns or its limit is raised; a kill waits for a person.
 */
import { selectorText } from "@tollgate/instrumentation/policy";
import type { StopDesk } from "../api/stop-desk.ts";
import type { Ledger, ThresholdCrossing } from "../budget/ledger.ts";
import type { StopKeeper } from "../kill/stop-store.ts";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

const LIFT_INTERVAL_MS = 1_000;
/** Acts of other sources are not these thresholds' to lift. */
const SOURCE_PREFIX = "threshold ";

export interface ThresholdActsOptions {
  readonly ledger: Pick<Ledger, "onThreshold" | "firedThresholds">;
  readonly desk: Pick<StopDesk, "stop" | "resume">;
  readonly stops: Pick<StopKeeper, "list" | "isHandled" | "keepHandled">;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export class ThresholdActs {
  readonly #options: ThresholdActsOptions;
  #unsubscribe: () => void = () => {};
  #cancel: CancelTimer = () => {};
  /** What had fired at the last look. */
  #fired: ReadonlySet<string> = new Set();

  constructor(options: ThresholdActsOptions) {
    this.#options = options;
  }

  start(): void {
    const { ledger, clock } = this.#options;
    this.#unsubscribe = ledger.onThreshold((crossing) => this.#fire(crossing));
    this.catchUp();
    this.#cancel = every(clock, LIFT_INTERVAL_MS, () => this.#lift());
  }

  /** Acts on what has fired and has no act: after a restart, after budgets changed, and where another replica counted it. */
  catchUp(): void {
    const { ledger, stops } = this.#options;
    for (const crossing of ledger.firedThresholds()) {
      if (!stops.isHandled(sourceOf(crossing))) this.#act(crossing);
    }
  }

  stop(): void {
    this.#unsubscribe();
    this.#cancel();
  }

  #fire(crossing: ThresholdCrossing): void {
    const { threshold, budget } = crossing;
    this.#options.telemetry.emit("budget_threshold_crossed", {
      budget: budget.name,
      scope: JSON.stringify(budget.scope),
      at_percent: threshold.atPercent,
      do: threshold.do,
      settled: budget.settled.toString(),
      limit: budget.limit.toString(),
      measure: budget.measure,
    });
    // A look may have come in between: the ledger's memory knows of it before its disk does.
    const { stops } = this.#options;
    if (!stops.list.acts.some(({ source }) => source === sourceOf(crossing))) this.#act(crossing);
  }

  #act(crossing: ThresholdCrossing): void {
    const { threshold, budget, exactKeys } = crossing;
    if (threshold.do !== "kill" && threshold.do !== "pause" && threshold.do !== "require_approval") return;
    const asksPerson = threshold.do === "require_approval";
    const waitMs = threshold.timeoutMs ?? (asksPerson ? 0 : undefined);
    const patterns = new Set(Object.keys(budget.scope).filter((key) => !exactKeys.includes(key)));
    this.#do(
      this.#options.desk.stop(
        {
          act: threshold.do === "kill" ? "kill" : "pause",
          ...(asksPerson ? { asks: "approval" as const } : {}),
          ...(waitMs === undefined ? {} : { wait_ms: waitMs }),
          selector: selectorText(budget.scope, patterns),
          reason: `budget \`${budget.name}\` crossed ${threshold.atPercent}% of its limit`,
          author: `budget ${budget.name}`,
          source: sourceOf(crossing),
        },
        0,
      ),
    );
  }

  #lift(): void {
    const { ledger, stops, desk } = this.#options;
    this.catchUp();
    const now = new Set(ledger.firedThresholds().map(sourceOf));
    // Of several processors one may hear of an act a moment before it hears that the threshold fired: two looks agree.
    const fired = new Set([...now, ...this.#fired]);
    this.#fired = now;
    for (const { id, act, source } of stops.list.acts) {
      if (act !== "pause" || source?.startsWith(SOURCE_PREFIX) !== true || fired.has(source)) continue;
      this.#do(desk.resume({ id }, { author: "window or limit of the budget", waitMs: 0 }));
    }
    stops.keepHandled((source) => fired.has(source));
  }

  /** Nobody waits for it; a refusal is said. */
  #do(work: Promise<unknown>): void {
    work.catch((error: unknown) =>
      this.#options.telemetry.emit("budget_threshold_not_acted", { error: errorText(error) }),
    );
  }
}

function sourceOf({ key, threshold }: ThresholdCrossing): string {
  return `${SOURCE_PREFIX}${threshold.atPercent}% ${key}`;
}
