/**
 * Writes what the ledger says of each budget to ClickHouse (`budget_states`), for dashboards. Promise: it never blocks the
 * ledger nor the data path; a write that fails is tried again with the state of then, because only the newest counts.
 */
import type { BudgetState, Ledger } from "../budget/ledger.ts";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

const INTERVAL_MS = 1_000;
const ROWS_MAX = 5_000;
/** What a column holds. The ledger counts on beyond it, because reports of leases and spans add up without a bound. */
const INT64_MAX = 9_223_372_036_854_775_807n;

/** A row of the table; Int64 as text. */
export type BudgetStateRow = Readonly<Record<string, string | number>>;

export interface BudgetStatesOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** False while ClickHouse is away: then nothing is tried. */
  readonly isStorageReady: () => boolean;
  readonly insert: (rows: readonly BudgetStateRow[]) => Promise<void>;
}

export class BudgetStatesWriter {
  readonly #options: BudgetStatesOptions;
  /** What ClickHouse has, by budget instance. */
  #written = new Map<string, string>();
  #cancel: CancelTimer = () => {};
  #writing: Promise<void> | undefined;
  #hasFailed = false;

  constructor(options: BudgetStatesOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#cancel = every(this.#options.clock, INTERVAL_MS, () => {
      // One write at a time: a slow ClickHouse makes the states rarer, not the queue longer.
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  /** Writes the last state, if ClickHouse is there. */
  async stop(): Promise<void> {
    this.#cancel();
    await this.#writing;
    await this.#write();
  }

  async #write(): Promise<void> {
    const { ledger, clock, telemetry, insert, isStorageReady } = this.#options;
    if (!isStorageReady()) return;
    try {
      const now = clock.now();
      const current = ledger.budgets().map((state) => ({ key: keyOf(state), text: textOf(state), state }));
      const changed = current.filter(({ key, text }) => this.#written.get(key) !== text).slice(0, ROWS_MAX);
      if (changed.length === 0) return;
      await insert(changed.map(({ state }) => rowOf(state, now)));
      // Instances that are gone (a past window) are forgotten; those beyond ROWS_MAX come with the next write.
      const next = new Map(current.flatMap(({ key }) => entryOf(this.#written, key)));
      for (const { key, text } of changed) next.set(key, text);
      this.#written = next;
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) telemetry.emit("budget_states_not_written", { reason: errorText(error) });
      this.#hasFailed = true;
    }
  }
}

function entryOf(map: ReadonlyMap<string, string>, key: string): [string, string][] {
  const value = map.get(key);
  return value === undefined ? [] : [[key, value]];
}

function keyOf(state: BudgetState): string {
  return JSON.stringify([state.name, state.windowStartMs, scopeText(state)]);
}

function textOf(state: BudgetState): string {
  return [state.limit, state.settled, state.reserved, state.remaining, state.state, state.mode].join(" ");
}

function scopeText(state: BudgetState): string {
  return JSON.stringify(Object.fromEntries(Object.entries(state.scope).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function rowOf(state: BudgetState, now: number): BudgetStateRow {
  return {
    ts: dateTime(now),
    name: state.name,
    scope: scopeText(state),
    measure: state.measure,
    mode: state.mode,
    window_start: dateTime(state.windowStartMs),
    limit_value: state.limit.toString(),
    settled: int64(state.settled),
    reserved: int64(state.reserved),
    remaining: state.remaining.toString(),
    state: state.state,
  };
}

/** ClickHouse would take what is more for a negative number. */
function int64(amount: bigint): string {
  return (amount > INT64_MAX ? INT64_MAX : amount).toString();
}

/** As ClickHouse reads a DateTime64(3) in UTC. */
function dateTime(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 23).replace("T", " ");
}
