/** Calls without a price in this calendar month (UTC), by agent and model, as ClickHouse has them: read every so often. */
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import type { Store } from "./store.ts";

const INTERVAL_MS = 15_000;
const ROWS_MAX = 1_000;

export interface UnpricedRow {
  readonly agent: string;
  readonly team: string;
  readonly provider: string;
  readonly model: string;
  readonly calls: string;
  readonly tokens: string;
}

export class UnpricedSpend {
  readonly #options: { readonly store: Pick<Store, "isReady" | "select">; readonly clock: Clock };
  #rows: readonly UnpricedRow[] = [];
  #cancel: CancelTimer = () => {};
  #running: Promise<void> | undefined;

  constructor(options: { readonly store: Pick<Store, "isReady" | "select">; readonly clock: Clock }) {
    this.#options = options;
  }

  /** Most tokens first; 1,000 at most. Empty until the first look. */
  get rows(): readonly UnpricedRow[] {
    return this.#rows;
  }

  get sinceMs(): number {
    const now = new Date(this.#options.clock.now());
    return Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
  }

  async start(): Promise<void> {
    this.#cancel = every(this.#options.clock, INTERVAL_MS, () => void this.refresh());
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#running;
  }

  /** What ClickHouse holds now; what was known before, when it can't be asked. */
  refresh(): Promise<void> {
    this.#running ??= this.#read().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #read(): Promise<void> {
    const { store } = this.#options;
    if (!store.isReady) return;
    try {
      this.#rows = await store.select<UnpricedRow>("unpriced", { since_s: this.sinceMs / 1_000, limit: ROWS_MAX });
    } catch {
      // ClickHouse says elsewhere that it is away; the next look asks again.
    }
  }
}
