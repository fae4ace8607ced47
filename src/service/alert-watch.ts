/**
 * Evaluates the alerts in force. Promise: whoever is above a threshold is told of once, as an event (and so a metric) and to the
 * webhooks that want alerts, and stands in `status` until it is below again. A restart tells anew what still holds. Figures of acts
 * are as old as the look, and what ClickHouse cannot be asked for changes nothing.
 */
import { compileGlob } from "@tollgate/instrumentation/policy";
import { formatUsd, type NanoUsd, parseUsd } from "@tollgate/instrumentation/pricing";
import type { AgentActs } from "../api/agents.ts";
import type { ApprovalDesk } from "../approvals/approval-desk.ts";
import { durationMs } from "../budget/duration.ts";
import type { Ledger } from "../budget/ledger.ts";
import type { AlertDocument } from "../config/governance/alert-document.ts";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Store } from "./store.ts";

const LOOK_MS = 15_000;
const ROWS_MAX = 20_000;
const FIRING_MAX = 1_000;
/** In `status`; the rest is counted. */
const SHOWN_MAX = 5;

/** One agent or budget above a threshold. */
export interface Firing {
  readonly alert: AlertDocument;
  /** The agent, or the budget. */
  readonly subject: string;
  readonly text: string;
}

export interface AlertWatchOptions {
  readonly alerts: () => readonly AlertDocument[];
  readonly store: Pick<Store, "isReady" | "select">;
  readonly ledger: Pick<Ledger, "eachBudget">;
  readonly approvals: Pick<ApprovalDesk, "all" | "stateOf">;
  /** Tells people beside the log. */
  readonly onFired: (firing: Firing) => void;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

interface Reading {
  readonly subject: string;
  readonly value: string;
  readonly isAbove: boolean;
}

export class AlertWatch {
  readonly #options: AlertWatchOptions;
  #firing: ReadonlyMap<string, Firing> = new Map();
  #cancel: CancelTimer = () => {};
  #looking: Promise<void> | undefined;

  constructor(options: AlertWatchOptions) {
    this.#options = options;
  }

  get firing(): readonly Firing[] {
    return [...this.#firing.values()];
  }

  /** For `status`. */
  warnings(): readonly string[] {
    const all = this.firing.map(({ text }) => text);
    return all.length > SHOWN_MAX ? [...all.slice(0, SHOWN_MAX), `and ${all.length - SHOWN_MAX} more alerts`] : all;
  }

  async start(): Promise<void> {
    this.#cancel = every(this.#options.clock, LOOK_MS, () => {
      this.#looking ??= this.look().finally(() => {
        this.#looking = undefined;
      });
    });
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#looking;
  }

  /** Never rejects. */
  async look(): Promise<void> {
    const { alerts, telemetry, onFired } = this.#options;
    const next = new Map<string, Firing>();
    for (const alert of alerts()) {
      const readings = await this.#readings(alert);
      for (const [key, known] of this.#firing) {
        // Nobody can be asked: it goes on.
        if (readings === undefined && known.alert.name === alert.name) next.set(key, known);
      }
      for (const { subject, value, isAbove } of readings ?? []) {
        if (!isAbove || next.size >= FIRING_MAX) continue;
        const text = `alert \`${alert.name}\`: ${alert.metric} of \`${subject}\` is ${value}, above ${alert.above}`;
        next.set(`${alert.name}\n${subject}`, { alert, subject, text });
      }
    }
    const before = this.#firing;
    this.#firing = next;
    for (const [key, firing] of next) {
      if (before.has(key)) continue;
      const { alert, subject, text } = firing;
      telemetry.emit("alert_fired", { alert: alert.name, subject, severity: alert.severity, text });
      onFired(firing);
    }
    for (const [key, { alert, subject }] of before) {
      if (!next.has(key)) telemetry.emit("alert_resolved", { alert: alert.name, subject });
    }
  }

  /** `undefined`: ClickHouse cannot be asked. */
  async #readings(alert: AlertDocument): Promise<readonly Reading[] | undefined> {
    if (alert.metric === undefined) return [];
    if (alert.metric === "budget_used_percent") return this.#ofBudgets(alert);
    const isMeant = anyOf(alert.agents);
    if (alert.metric === "approvals_pending") return this.#ofApprovals(alert, isMeant);
    const { store, clock } = this.#options;
    if (!store.isReady) return undefined;
    let rows: readonly AgentActs[];
    try {
      const since_ms = clock.now() - durationMs(alert.over);
      rows = await store.select<AgentActs>("agent-acts", { since_ms, limit: ROWS_MAX });
    } catch {
      return undefined;
    }
    const sums = new Map<string, bigint>();
    const column = alert.metric === "cost_usd" ? "cost_nano_usd" : alert.metric;
    for (const row of rows) {
      if (isMeant(row.agent)) sums.set(row.agent, (sums.get(row.agent) ?? 0n) + BigInt(row[column]));
    }
    return [...sums].map(([subject, sum]) => ({
      subject,
      ...(alert.metric === "cost_usd" ? dollars(alert, sum) : count(alert, Number(sum))),
    }));
  }

  #ofApprovals(alert: AlertDocument, isMeant: (name: string) => boolean): readonly Reading[] {
    const { approvals } = this.#options;
    const waiting = new Map<string, number>();
    for (const request of approvals.all()) {
      if (request.kind !== "tool" || !isMeant(request.agent) || approvals.stateOf(request) !== "pending") continue;
      waiting.set(request.agent, (waiting.get(request.agent) ?? 0) + 1);
    }
    return [...waiting].map(([subject, waits]) => ({ subject, ...count(alert, waits) }));
  }

  #ofBudgets(alert: AlertDocument): readonly Reading[] {
    const isMeant = anyOf(alert.budgets);
    const readings: Reading[] = [];
    for (const { name, scope, limit, settled, reserved } of this.#options.ledger.eachBudget()) {
      if (limit <= 0n || !isMeant(name)) continue;
      const percent = Number(((settled + reserved) * 10_000n) / limit) / 100;
      const labels = Object.entries(scope).map(([key, value]) => `${key}=${value}`);
      readings.push({ subject: [name, ...labels].join(" "), ...count(alert, percent) });
    }
    return readings;
  }
}

function count({ above }: AlertDocument, value: number): Pick<Reading, "value" | "isAbove"> {
  return { value: String(value), isAbove: value > Number(above) };
}

function dollars({ above }: AlertDocument, nanoUsd: bigint): Pick<Reading, "value" | "isAbove"> {
  const limit = parseUsd(String(above).replace(/^\$/, "")) ?? 0n;
  return { value: `$${formatUsd(nanoUsd as NanoUsd)}`, isAbove: nanoUsd > limit };
}

function anyOf(patterns: readonly string[]): (name: string) => boolean {
  const globs = patterns.map((pattern) => compileGlob(pattern));
  return (name) => globs.some((matches) => matches(name));
}
