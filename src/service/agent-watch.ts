/**
 * What agents did in the last day, read from ClickHouse every so often, held against what is declared of them: a first step
 * beyond it is an event (and so a metric and an alert), and stands in `status` for as long as it is in the window.
 */
import { type Beyond, beyondText, driftOf, excessOf } from "../policy/blast-radius.ts";
import { Decider } from "../policy/decider.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { AgentActs } from "../api/agents.ts";
import type { Store } from "./store.ts";

const INTERVAL_MS = 30_000;
const WINDOW_MS = 86_400_000;
const ROWS_MAX = 20_000;
/** In `status`; the rest is counted. */
const SHOWN_MAX = 5;

export interface AgentWatchOptions {
  readonly store: Pick<Store, "isReady" | "select">;
  readonly registry: AgentRegistry;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export class AgentWatch {
  readonly #options: AgentWatchOptions;
  readonly #decider: Decider;
  #acts: readonly AgentActs[] = [];
  #drift: readonly Beyond[] = [];
  #excess: { readonly version: string; readonly found: readonly Beyond[] } = { version: "", found: [] };
  readonly #told = new Set<string>();
  #cancel: CancelTimer = () => {};
  #looking: Promise<void> | undefined;

  constructor(options: AgentWatchOptions) {
    this.#options = options;
    this.#decider = new Decider(options.registry);
  }

  /** As of the last look. */
  get acts(): readonly AgentActs[] {
    return this.#acts;
  }

  get drift(): readonly Beyond[] {
    return this.#drift;
  }

  /** By the documents in force now. */
  get excess(): readonly Beyond[] {
    const { registry } = this.#options;
    if (this.#excess.version !== registry.version) {
      const { agents, tools } = registry;
      const labelsOf = (agent: string) => registry.labels(agent, {});
      const found = excessOf({ agents, tools, labelsOf, decider: this.#decider });
      this.#excess = { version: registry.version, found };
    }
    return this.#excess.found;
  }

  /** For `status`. */
  warnings(): readonly string[] {
    const all = [...this.#drift, ...this.excess];
    const shown = all.slice(0, SHOWN_MAX).map(beyondText);
    return all.length > SHOWN_MAX ? [...shown, `and ${all.length - SHOWN_MAX} more beyond blast radii`] : shown;
  }

  async start(): Promise<void> {
    this.#cancel = every(this.#options.clock, INTERVAL_MS, () => void this.look());
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#looking;
  }

  /** Never rejects; what was known before, when ClickHouse can't be asked. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { store, registry, clock, telemetry } = this.#options;
    if (!store.isReady) return;
    try {
      const since = clock.now() - WINDOW_MS;
      this.#acts = await store.select<AgentActs>("agent-acts", { since_ms: since, limit: ROWS_MAX });
    } catch {
      // ClickHouse says elsewhere that it is away; the next look asks again.
      return;
    }
    const spent = new Map<string, bigint>();
    for (const row of this.#acts) spent.set(row.agent, (spent.get(row.agent) ?? 0n) + BigInt(row.cost_nano_usd));
    const uses = this.#acts.filter(({ tool, acts }) => tool !== "" && acts !== "0");
    this.#drift = driftOf({ agents: registry.agents, tools: registry.tools, uses, spent });
    for (const beyond of this.#drift) {
      const key = JSON.stringify({ ...beyond, value: beyond.what === "money" ? "" : beyond.value });
      if (this.#told.has(key)) continue;
      this.#told.add(key);
      telemetry.emit("blast_radius_exceeded", { ...beyond });
    }
  }
}
