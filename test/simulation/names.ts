/** Budgets by the names that the scenario gave them, whatever they are called by now: the oracle knows no others. */
import type { Budget } from "../../src/budget/budget.ts";

export class Names {
  readonly #first = new Map<string, string>();

  renamed(from: string, to: string): void {
    this.#first.set(to, this.first(from));
  }

  first(name: string): string {
    return this.#first.get(name) ?? name;
  }

  budget(budget: Budget): Budget {
    return { ...budget, name: this.first(budget.name) };
  }

  /** Of an instance. */
  key(key: string): string {
    const [name, ...rest] = JSON.parse(key) as readonly [string, ...unknown[]];
    return this.#first.has(name) ? JSON.stringify([this.first(name), ...rest]) : key;
  }
}
