/**
 * What agents did in the last day, read from ClickHouse every so often, held against what is declared of them: a first step
 * beyond it is an event (and so a metric and an alert), and stands in `status` for as long as it is in the window.
 */
import type { Budget } from "../budget/budget.ts";
import { beyondTexts, excessIn } from "../config/governance/excess.ts";
import { driftOf, type ToolReach } from "../policy/blast-drift.ts";
import type { Beyond } from "../policy/blast-radius.ts";
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
  /** In force. */
  readonly budgets: () => readonly Budget[];
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export class AgentWatch {
  readonly #options: AgentWatchOptions;
  readonly #decider: Decider;
  #acts: readonly AgentActs[] = [];
  #runs: ReadonlyMap<string, number> = new Map();
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

  get runs(): ReadonlyMap<string, number> {
    return this.#runs;
  }

  get drift(): readonly Beyond[] {
    return this.#drift;
  }

  /** By the documents in force now. */
  get excess(): readonly Beyond[] {
    const { registry, budgets } = this.#options;
    if (this.#excess.version !== registry.version) {
      this.#excess = {
        version: registry.version,
        found: excessIn({ registry, budgets: budgets() }, this.#decider),
      };
    }
    return this.#excess.found;
  }

  /** For `status`. */
  warnings(): readonly string[] {
    return beyondTexts([...this.#drift, ...this.excess], SHOWN_MAX);
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
    let reaches: readonly ToolReach[];
    try {
      const window = { since_ms: clock.now() - WINDOW_MS, limit: ROWS_MAX };
      reaches = await this.#reaches(window);
      const runs = await store.select<{ readonly agent: string; readonly runs: string }>("agent-runs", window);
      this.#runs = new Map(runs.map((row) => [row.agent, Number(row.runs)]));
      this.#acts = await store.select<AgentActs>("agent-acts", window);
    } catch {
      // ClickHouse says elsewhere that it is away; the next look asks again.
      return;
    }
    const spent = new Map<string, bigint>();
    for (const row of this.#acts) spent.set(row.agent, (spent.get(row.agent) ?? 0n) + BigInt(row.cost_nano_usd));
    const uses = this.#acts.filter(({ acts }) => acts !== "0");
    this.#drift = driftOf({ agents: registry.agents, tools: registry.tools, uses, reaches, spent });
    for (const beyond of this.#drift) {
      const key = JSON.stringify({ ...beyond, value: beyond.what === "money" ? "" : beyond.value });
      if (this.#told.has(key)) continue;
      this.#told.add(key);
      telemetry.emit("blast_radius_exceeded", { ...beyond });
    }
  }

  /** Of those agents only whose documents say how far they may go: it reads more of each span than the rest does. */
  async #reaches(window: Readonly<Record<string, number>>): Promise<readonly ToolReach[]> {
    const { store, registry } = this.#options;
    const agents = registry.agents.flatMap(({ name, blast_radius: { destinations, max_records: most } = {} }) =>
      destinations === undefined && most === undefined ? [] : [name],
    );
    return agents.length === 0 ? [] : store.select<ToolReach>("agent-reach", { ...window, agents });
  }
}
