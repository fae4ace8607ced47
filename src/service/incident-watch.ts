/**
 * Opens incidents by itself, and holds their agents closer while they are open. What is an incident: a kill of one agent, acts
 * beyond its blast radius, more than `FORBIDDEN_MAX` forbidden acts within a day, and what an alert says is one. Promise: an incident takes autonomy away at
 * once, over restarts too, at every processor; only a person closes it. What was closed is not opened again for the same reason
 * within a day, for it is in the last day's acts so long.
 */
import type { StopAct } from "@tollgate/instrumentation/protocol";
import type { AgentFindings } from "../api/agents.ts";
import { type Incident, worstOf } from "../incidents/incident.ts";
import type { IncidentDesk } from "../incidents/incident-desk.ts";
import type { IncidentStore } from "../incidents/incident-store.ts";
import type { StopKeeper } from "../kill/stop-store.ts";
import { beyondText } from "../policy/blast-radius.ts";
import { FORBIDDEN_MAX } from "../policy/demotion.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Firing } from "./alert-watch.ts";

const LOOK_MS = 500;
const DAY_MS = 86_400_000;
/** `agent=NAME`, where the name is no pattern. */
const ONE_AGENT = /^agent=([A-Za-z0-9._@/+-]+)$/;

export interface IncidentWatchOptions {
  readonly store: Pick<IncidentStore, "all" | "onChange">;
  readonly desk: Pick<IncidentDesk, "open">;
  readonly stops: Pick<StopKeeper, "list">;
  readonly findings: Pick<AgentFindings, "acts" | "drift">;
  /** What is above the threshold of an alert. @default nothing */
  readonly firing?: () => readonly Firing[];
  readonly registry: Pick<AgentRegistry, "demote" | "registered">;
  /** The registry says something else of its agents now. */
  readonly onDemotion: () => void;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

interface Reason {
  readonly agent: string;
  /** The same reason opens one incident. */
  readonly kind: string;
  readonly title: string;
  readonly severity: Incident["severity"];
  /** Whether it is seen again for a day after it happened. */
  readonly lasts: boolean;
}

export class IncidentWatch {
  readonly #options: IncidentWatchOptions;
  #cancel: CancelTimer = () => {};
  #looking: Promise<void> | undefined;
  #hasFailed = false;
  /** That may be lifted again before the next look. */
  #kills: readonly StopAct[] = [];

  constructor(options: IncidentWatchOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#demote();
    this.#options.store.onChange(() => this.#demote());
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

  /** Somebody was killed here. */
  killed(act: StopAct): void {
    this.#kills = [...this.#kills, act];
  }

  /** Opens what is not open yet. Never rejects: what cannot be kept is tried again. */
  async look(): Promise<void> {
    const { store, desk, registry, telemetry } = this.#options;
    const kills = this.#kills;
    try {
      for (const { agent, kind, title, severity, lasts } of this.#reasons()) {
        const source = this.#source({ agent, kind, lasts });
        if (source === undefined || store.all().some((incident) => incident.source === source)) continue;
        const tenant = registry.registered(agent)?.tenant;
        const incident = await desk.open({ title, severity, agents: [agent], source, tenant, by: "tollgate" });
        if (incident !== undefined) telemetry.emit("incident_opened", { id: incident.id, agent, severity, title });
      }
      this.#kills = this.#kills.filter((act) => !kills.includes(act));
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) telemetry.emit("incident_not_opened", { error: errorText(error) });
      this.#hasFailed = true;
    }
  }

  /** `undefined`: one for this reason is open, or was closed within a day. */
  #source({ agent, kind, lasts }: Pick<Reason, "agent" | "kind" | "lasts">): string | undefined {
    const base = `${kind} ${agent}`;
    if (!lasts) return base;
    const last = this.#options.store
      .all()
      .findLast(({ source = "" }) => source === base || source.startsWith(`${base} after `));
    if (last === undefined) return base;
    const closedAtMs = last.closedAtMs ?? Number.POSITIVE_INFINITY;
    return closedAtMs + DAY_MS > this.#options.clock.now() ? undefined : `${base} after ${last.id}`;
  }

  *#reasons(): Generator<Reason> {
    const { stops, findings } = this.#options;
    for (const { id, act, selector, reason, author } of [...stops.list.acts, ...this.#kills]) {
      const [, agent] = ONE_AGENT.exec(selector) ?? [];
      if (act !== "kill" || agent === undefined) continue;
      yield { agent, kind: `kill ${id}`, title: `killed by ${author}: ${reason}`, severity: "high", lasts: false };
    }
    for (const beyond of findings.drift) {
      const { agent } = beyond;
      yield { agent, kind: "drift", title: beyondText(beyond), severity: "medium", lasts: true };
    }
    const forbidden = new Map<string, number>();
    for (const { agent, forbidden: count } of findings.acts) {
      forbidden.set(agent, (forbidden.get(agent) ?? 0) + Number(count));
    }
    for (const [agent, count] of forbidden) {
      if (count <= FORBIDDEN_MAX) continue;
      yield { agent, kind: "forbidden", title: `${count} forbidden acts within a day`, severity: "high", lasts: true };
    }
    yield* this.#alerts();
  }

  *#alerts(): Generator<Reason> {
    for (const { alert, subject, text } of this.#options.firing?.() ?? []) {
      const { name, severity, open_incident: opens } = alert;
      if (opens) yield { agent: subject, kind: `alert ${name}`, title: text, severity, lasts: true };
    }
  }

  #demote(): void {
    if (this.#options.registry.demote(worstOf(this.#options.store.all()))) this.#options.onDemotion();
  }
}
