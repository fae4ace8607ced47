/** Blocks of spans on a processor's disk: acknowledged once they are there, counted at least once, under their token. */
import type { Ledger, ObservedSpend } from "../../src/budget/ledger.ts";
import { LedgerError } from "../../src/budget/ledger-error.ts";
import type { Random } from "../support/random.ts";
import type { Acknowledged } from "./acknowledged.ts";
import type { Life } from "./machine.ts";

export interface SpoolOptions {
  readonly random: Random;
  readonly acknowledged: Acknowledged;
  readonly onCount: (token: string, entries: readonly ObservedSpend[]) => void;
  readonly fail: (error: unknown) => void;
}

export class Spool {
  readonly #options: SpoolOptions;
  /** That the meter has not marked done. */
  readonly #blocks = new Map<string, readonly ObservedSpend[]>();

  readonly #counted = new Set<string>();

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  add(token: string, entries: readonly ObservedSpend[]): void {
    if (!this.#blocks.has(token)) this.#blocks.set(token, entries);
  }

  /** What a start finds, or what a ledger refused whose disk had failed. */
  countAll(ledger: Ledger, life: Life): void {
    for (const token of this.#blocks.keys()) this.count(token, ledger, life);
  }

  count(token: string, ledger: Ledger, life: Life): void {
    const entries = this.#blocks.get(token);
    if (entries === undefined) return;
    const { random, acknowledged, onCount, fail } = this.#options;
    if (!this.#counted.has(token)) onCount(token, entries);
    ledger.observe({ token, entries }).then(
      () => {
        if (life.isDead) return;
        this.#counted.add(token);
        acknowledged.observed(token);
        // Else the mark is lost, and the next start counts it again: under the same token.
        if (random.chance(0.9)) this.#blocks.delete(token);
      },
      (error: unknown) => {
        if (!(error instanceof LedgerError)) fail(error);
      },
    );
  }
}
