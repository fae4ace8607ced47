/** Who writes the documents, and changes them while everything goes on. */
import { settledAt } from "../../src/budget/rules/spend.ts";
import type { Random } from "../support/random.ts";
import { Names } from "./names.ts";
import type { Oracle } from "./oracle.ts";
import type { Serving } from "./processor.ts";
import type { Scenario } from "./scenario.ts";
import type { VirtualTime } from "./virtual-time.ts";

const WITHDRAWN_MS_MAX = 10_000;

export interface PeopleOptions {
  readonly scenario: Scenario;
  readonly random: Random;
  readonly time: VirtualTime;
  readonly oracle: Oracle;
  readonly processor: () => Serving;
}

export class People {
  readonly names = new Names();
  readonly #options: PeopleOptions;
  /** In force, or on their way to be. */
  #budgets: Scenario["budgets"];
  readonly #raised = new Set<string>();
  readonly #withdrawn = new Set<string>();

  constructor(options: PeopleOptions) {
    this.#options = options;
    this.#budgets = options.scenario.budgets;
  }

  /** What a start finds. */
  documents(): Scenario["budgets"] {
    const { scenario, random } = this.#options;
    if (!scenario.isWild) return this.#budgets;
    return this.#budgets.map((budget) => ({
      ...budget,
      limit: (budget.limit * BigInt(random.between(50, 150))) / 100n,
    }));
  }

  /** Lets a budget spend more for a time; each once, so that the oracle knows how much at the most. */
  raise(): void {
    const { random, oracle } = this.#options;
    const processor = this.#options.processor();
    const { name, limit } = random.pick(this.#budgets);
    const first = this.names.first(name);
    if (this.#raised.has(first) || !processor.isUp) return;
    this.#raised.add(first);
    const amount = (limit * BigInt(random.between(10, 100))) / 100n + 1n;
    oracle.raise(first, amount);
    const forMs = random.pick([1000, 10_000, 600_000]);
    processor.raise({ id: `raise ${name}`, budget: name, amount, forMs, author: "simulation", reason: "" });
  }

  /** Changes a limit; the documents are read again. */
  relimit(): void {
    const { random, oracle } = this.#options;
    const processor = this.#options.processor();
    if (!processor.isReloadable) return;
    const changed = random.pick(this.#budgets);
    // Half of them come down to what is in use just now.
    const from = random.chance(0.5) ? this.#inUse(changed.name) : changed.limit;
    const limit = (from * BigInt(random.between(50, 150))) / 100n;
    if (limit === 0n) return;
    this.#budgets = this.#budgets.map((budget) => (budget === changed ? { ...budget, limit } : budget));
    const acknowledge = oracle.relimit(this.names.budget(changed), limit);
    processor.configure(this.#budgets, () => acknowledge(this.#held(changed.name)));
  }

  /** Takes a budget out of the documents for a while: what is spent meanwhile does not count there. */
  withdraw(): void {
    const { random, oracle, time } = this.#options;
    const processor = this.#options.processor();
    if (!processor.isReloadable || this.#budgets.length < 2) return;
    const withdrawn = random.pick(this.#budgets);
    oracle.withdrawn(this.names.first(withdrawn.name));
    this.#withdrawn.add(withdrawn.name);
    this.#budgets = this.#budgets.filter((budget) => budget !== withdrawn);
    processor.configure(this.#budgets, () => {});
    time.after(random.below(WITHDRAWN_MS_MAX), () => {
      this.#budgets = [...this.#budgets, withdrawn];
      // Where it can't be told now, the next start finds it.
      if (processor.isReloadable) processor.configure(this.#budgets, () => {});
    });
  }

  /** Gives a budget another name; each once, as nobody renames what is not in force yet. */
  rename(): void {
    const { random } = this.#options;
    const processor = this.#options.processor();
    if (!processor.isReloadable) return;
    const renamed = random.pick(this.#budgets);
    if (renamed.renamedFrom !== undefined || this.#withdrawn.has(renamed.name)) return;
    const name = `new ${renamed.name}`;
    this.names.renamed(renamed.name, name);
    this.#budgets = this.#budgets.map((budget) =>
      budget === renamed ? { ...budget, name, renamedFrom: renamed.name } : budget,
    );
    processor.configure(this.#budgets, () => {});
  }

  /** S + R of the fullest instance of a budget. */
  #inUse(name: string): bigint {
    return [...this.#held(name).values()].reduce((most, held) => (held > most ? held : most), 0n);
  }

  /** S + R of each instance of a budget. */
  #held(name: string): ReadonlyMap<string, bigint> {
    const { state } = this.#options.processor();
    const spends = [...(state?.spends.values() ?? [])].filter(({ match }) => match.name === name);
    return new Map(
      spends.map((spend) => [this.names.key(spend.key), settledAt(spend, state?.atMs ?? 0) + spend.reserved]),
    );
  }
}
