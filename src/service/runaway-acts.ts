/**
 * What is done about agents that run wild. The meter shows every call here as it arrives; what the rules find becomes an event
 * (a log line, a metric, an alert) and, where a document says so, a kill or a pause like a person's, through the same desk. A
 * pause or kill for a runaway waits for a person: nobody else knows that it is over.
 */
import { selectorText } from "@tollgate/instrumentation/policy";
import type { StopDesk } from "../api/stop-desk.ts";
import type { Budget } from "../budget/budget.ts";
import { instanceKey } from "../budget/compare.ts";
import type { BudgetState, Ledger } from "../budget/ledger.ts";
import type { StopKeeper } from "../kill/stop-store.ts";
import { exhaustedAtMs } from "../runaway/burn-rate.ts";
import { DEFAULT_RUNAWAYS, type RunawayDocument } from "../runaway/runaway-document.ts";
import { EPISODE_MS, type RunawayAlarm, RunawayWatch, type WatchedCall } from "../runaway/runaway-watch.ts";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import { shortKey } from "../support/short-key.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { unpricedAlarms } from "../runaway/unpriced-limit.ts";
import type { UnpricedSpend } from "./unpriced-spend.ts";
import type { RunawayEpisodes } from "./runaway-episodes.ts";

const BUDGETS_MS = 60_000;
const UNPRICED_MS = 15_000;
const SHOWN_MAX = 20;
const SHOWN_MS = 3_600_000;

export interface RunawayActsOptions {
  readonly ledger: Pick<Ledger, "eachBudget">;
  readonly documents: () => { readonly runaways: readonly RunawayDocument[]; readonly budgets: readonly Budget[] };
  readonly stops: Pick<StopKeeper, "list">;
  readonly episodes: RunawayEpisodes;
  readonly unpriced: Pick<UnpricedSpend, "rows" | "sinceMs">;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export class RunawayActs {
  readonly #options: RunawayActsOptions;
  #desk: Pick<StopDesk, "stop"> | undefined;
  #documents: readonly RunawayDocument[] | undefined;
  #watch = new RunawayWatch({ documents: [] });
  #found: readonly RunawayAlarm[] = [];
  #cancel: CancelTimer = () => {};

  constructor(options: RunawayActsOptions) {
    this.#options = options;
  }

  /** The API is there: from here on acts are carried out. */
  start(desk: Pick<StopDesk, "stop">): void {
    this.#desk = desk;
    const { clock } = this.#options;
    const cancels = [
      every(clock, BUDGETS_MS, () => this.#lookAtBudgets()),
      every(clock, UNPRICED_MS, () => this.#lookAtUnpriced()),
    ];
    this.#cancel = () => cancels.forEach((cancel) => cancel());
  }

  stop(): void {
    this.#cancel();
  }

  /** Found in the last hour, newest first. */
  get found(): readonly RunawayAlarm[] {
    const sinceMs = this.#options.clock.now() - SHOWN_MS;
    return this.#found.filter(({ atMs }) => atMs >= sinceMs);
  }

  /** Shows a call to the rules. Never throws: it is on the way of spans. */
  see(call: WatchedCall): void {
    this.#refresh();
    for (const alarm of this.#watch.see(call)) this.#raise(alarm);
  }

  /** When a budget in a calendar window will be used up if it goes on so; `undefined`: not in this window. */
  exhaustedAtMs(state: BudgetState): number | undefined {
    const document = this.#options.documents().budgets.find(({ name }) => name === state.name);
    if (document?.window.kind !== "calendar") return undefined;
    return exhaustedAtMs(state, this.#options.clock.now());
  }

  /** Documents change while the processor runs; what was remembered under the others is forgotten. */
  #refresh(): void {
    const { runaways } = this.#options.documents();
    if (runaways === this.#documents) return;
    this.#documents = runaways;
    this.#watch = new RunawayWatch({ documents: runaways.length === 0 ? [DEFAULT_RUNAWAYS] : runaways });
  }

  #raise(alarm: RunawayAlarm, foundAtMs = alarm.atMs): void {
    const { document, rule, agent, session, finding, atMs } = alarm;
    const key = shortKey(JSON.stringify([document, rule, agent, session]));
    if (!this.#options.episodes.isNews(key, atMs, EPISODE_MS)) return;
    this.#found = [{ ...alarm, atMs: foundAtMs }, ...this.#found].slice(0, SHOWN_MAX);
    this.#options.telemetry.emit("runaway_found", { document, rule, agent, session, do: alarm.do, finding });
    if (alarm.do !== "notify") this.#act(alarm, { act: alarm.do, key });
  }

  #act(
    { document, rule, agent, session, finding }: RunawayAlarm,
    { act, key }: { readonly act: "pause" | "kill"; readonly key: string },
  ): void {
    const { stops, telemetry } = this.#options;
    const source = `runaway ${key}`;
    if (this.#desk === undefined || agent === "" || stops.list.acts.some((stop) => stop.source === source)) return;
    const selector = selectorText({ agent, ...(session === "" ? {} : { session }) }, new Set());
    // Nobody waits for it; a refusal is said.
    this.#desk
      .stop({ act, selector, reason: `${rule}: ${finding}`, author: `runaway ${document}`, source }, 0)
      .catch((error: unknown) => telemetry.emit("runaway_not_acted", { error: errorText(error) }));
  }

  #lookAtUnpriced(): void {
    const { documents, unpriced, clock } = this.#options;
    const counts = unpriced.rows.map(({ agent, team, provider, model, calls }) => ({
      agent,
      labels: { agent, team, provider, model },
      calls: Number(calls),
    }));
    for (const alarm of unpricedAlarms(documents().runaways, counts, unpriced.sinceMs)) {
      // Shown by when it was found; it is one episode for the whole month.
      this.#raise(alarm, clock.now());
    }
  }

  #lookAtBudgets(): void {
    const { ledger, documents, episodes, telemetry, clock } = this.#options;
    const { runaways, budgets } = documents();
    const rules = runaways.length === 0 ? [DEFAULT_RUNAWAYS] : runaways;
    if (!rules.some(({ burn_rate: rule }) => rule !== undefined)) return;
    const calendar = new Set(budgets.flatMap(({ name, window }) => (window.kind === "calendar" ? [name] : [])));
    for (const state of ledger.eachBudget()) {
      const { windowStartMs, windowEndMs, name } = state;
      const atMs = calendar.has(name) ? exhaustedAtMs(state, clock.now()) : undefined;
      if (atMs === undefined || windowEndMs === undefined) continue;
      const key = JSON.stringify(["burn_rate", instanceKey(state), windowStartMs]);
      if (!episodes.isNews(key, windowStartMs, EPISODE_MS)) continue;
      telemetry.emit("budget_ends_early", {
        budget: name,
        scope: JSON.stringify(state.scope),
        exhausted_at: new Date(atMs).toISOString(),
        window_end: new Date(windowEndMs).toISOString(),
      });
    }
  }
}
