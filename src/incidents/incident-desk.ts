/** Where incidents are opened and followed up. Promise: what is answered is on disk, and on record as a change with its author. */
import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../support/clock.ts";
import {
  changed,
  type Incident,
  type IncidentChange,
  type IncidentOutcome,
  newIncident,
  type NewIncident,
} from "./incident.ts";
import type { IncidentStore } from "./incident-store.ts";

/** More than this is no list that people can follow up. */
const OPEN_MAX = 1_000;
const ATTEMPTS_MAX = 8;

/** Writes down who did what: structural, the log of changes has it. */
export type RecordIncident = (change: {
  readonly author: string;
  readonly action: string;
  readonly subject: string;
  readonly tenant?: string | undefined;
  readonly after: unknown;
}) => Promise<void>;

export interface IncidentDeskOptions {
  readonly store: Pick<IncidentStore, "look" | "get" | "all" | "put">;
  readonly clock: Clock;
  readonly record: RecordIncident;
}

export class IncidentDesk {
  readonly #options: IncidentDeskOptions;

  constructor(options: IncidentDeskOptions) {
    this.#options = options;
  }

  /** Reads what other processors did, if they can be asked. Never rejects. */
  async look(): Promise<void> {
    await this.#options.store.look().catch(() => {});
  }

  get(id: string): Incident | undefined {
    return this.#options.store.get(id);
  }

  /** Oldest first. */
  all(): readonly Incident[] {
    return this.#options.store.all();
  }

  /** Ids of those that are open about an agent. */
  openAbout(agent: string): string[] {
    return this.all().flatMap(({ id, state, agents }) => (state === "open" && agents.includes(agent) ? [id] : []));
  }

  /** `undefined`: too many are open. With a `source`: the one that it opened before, open or closed. Rejects when it cannot be kept. */
  async open(wanted: NewIncident): Promise<Incident | undefined> {
    const { store, clock } = this.#options;
    await store.look();
    const { source, by } = wanted;
    const text = source === undefined ? randomBytes(8).toString("hex") : digestOf(source);
    const id = `inc_${text}`;
    const known = store.get(id);
    if (known !== undefined) return known;
    if (store.all().filter(({ state }) => state === "open").length >= OPEN_MAX) return undefined;
    const incident = newIncident(wanted, { id, nowMs: clock.now() });
    // False: another processor saw the same.
    if (!(await store.put(incident))) return store.get(id);
    await this.#record(incident, { by, action: "incident.open", after: incident });
    return incident;
  }

  /** `undefined`: there is none with that id. Rejects when it cannot be kept. */
  async change(id: string, change: IncidentChange, by: string): Promise<IncidentOutcome | undefined> {
    const { store, clock } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      await store.look();
      const incident = store.get(id);
      if (incident === undefined) return undefined;
      const outcome = changed(incident, change, { by, nowMs: clock.now() });
      if (outcome.outcome !== "changed") return outcome;
      if (!(await store.put(outcome.incident))) continue;
      const action = `incident.${change.kind === "closed" ? "close" : change.kind}`;
      await this.#record(incident, { by, action, after: outcome.incident.entries.at(-1) });
      return outcome;
    }
    throw new Error(`the incident ${id} changes too fast`);
  }

  #record(
    { id, tenant }: Incident,
    { by, action, after }: { readonly by: string; readonly action: string; readonly after: unknown },
  ): Promise<void> {
    return this.#options.record({ author: by, action, subject: id, tenant, after });
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
