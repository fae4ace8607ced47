/**
 * Writes what the ledger says of each budget to ClickHouse (`budget_states`), for dashboards. Promise: it never blocks the
 * ledger nor the data path; a write that fails is tried again, with the newer state of what has changed meanwhile.
 */
import type { BudgetState, Ledger } from "../budget/ledger.ts";
import type { Clock } from "../support/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { dateTime, RowWrites } from "./row-writes.ts";

const INTERVAL_MS = 1_000;
const ROWS_MAX = 5_000;
/** So many times as long as the last write took of this process there is none. */
const REST_FACTOR = 20;
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
  /** What ClickHouse does not have yet, by budget instance. */
  readonly #unwritten = new Map<string, BudgetState>();
  readonly #writes: RowWrites;
  #restUntilMs = 0;

  constructor(options: BudgetStatesOptions) {
    this.#options = options;
    const { clock, isStorageReady, telemetry } = options;
    this.#writes = new RowWrites({
      clock,
      intervalMs: INTERVAL_MS,
      isStorageReady,
      write: () => this.#write(),
      failed: (reason) => telemetry.emit("budget_states_not_written", { reason }),
    });
  }

  async start(): Promise<void> {
    this.#writes.start();
  }

  /** Writes the last state, if ClickHouse is there. */
  async stop(): Promise<void> {
    this.#restUntilMs = 0;
    await this.#writes.stop();
  }

  async #write(): Promise<void> {
    const { ledger, clock, insert } = this.#options;
    const begunMs = clock.monotonic();
    if (begunMs < this.#restUntilMs) return;
    const now = clock.now();
    const room = ROWS_MAX - this.#unwritten.size;
    if (room > 0) for (const state of ledger.changedBudgets(room)) this.#unwritten.set(keyOf(state), state);
    const rows = [...this.#unwritten.values()].map((state) => rowOf(state, now));
    const endedMs = clock.monotonic();
    this.#restUntilMs = endedMs + (endedMs - begunMs) * REST_FACTOR;
    if (rows.length === 0) return;
    await insert(rows);
    this.#unwritten.clear();
  }
}

function keyOf(state: BudgetState): string {
  return JSON.stringify([state.name, state.windowStartMs, scopeText(state)]);
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
