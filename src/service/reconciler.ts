/**
 * Compares S of the ledger with what ClickHouse holds, all the time, for each budget instance. Samples of the ledger are taken
 * at each full minute; a minute is compared when everything up to it has had time to be reported and delivered, so that
 * what is in flight is never called a difference. A finding is a difference that was there several times in a row.
 */
import type { Amounts } from "../budget/amounts.ts";
import type { Budget } from "../budget/budget.ts";
import { type Comparison, compareSpend, instanceKey, type SpendRow, sumByInstance } from "../budget/compare.ts";
import type { BudgetState, Ledger } from "../budget/ledger.ts";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { BudgetIndex } from "../budget/rules/scope.ts";
import { labelsOfRow } from "./label-row.ts";
import { SpendSamples } from "./spend-samples.ts";
import type { Store } from "./store.ts";

const LOOK_MS = 1_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** With more than these nothing is compared: some are missing, and all of them would be more memory than this is worth. */
const ROWS_MAX = 200_000;
/** So often in a row a difference must be there. */
const FINDING_TIMES = 3;
/** Windows longer than a day are read as a whole more rarely. */
const LONG_WINDOW_EVERY = 10;

export interface Reconciliation {
  /** `pending`: not compared yet. */
  readonly state: "agrees" | "differs" | "pending";
  /** The minute that was compared; undefined while pending. */
  readonly asOfMs: number | undefined;
  readonly difference: bigint;
  readonly reason: Comparison["reason"];
  readonly repricedNanoUsd: bigint;
}

export interface ReconcilerOptions {
  readonly ledger: Pick<Ledger, "eachBudget">;
  readonly documents: () => readonly Budget[];
  readonly store: Pick<Store, "isReady" | "select">;
  /** When the oldest block came that is not in ClickHouse yet; undefined: all are. */
  readonly oldestWaitingMs: () => number | undefined;
  readonly leaseTtlMs: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

interface Standing {
  readonly comparison: Comparison;
  readonly asOfMs: number;
  readonly times: number;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #slackMs: number;
  readonly #samples = new SpendSamples();
  #standings = new Map<string, Standing>();
  #comparedMs: number | undefined;
  #rounds = 0;
  #cancel: CancelTimer = () => {};
  #running: Promise<void> | undefined;
  #hasFailed = false;
  #hasFindings = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#slackMs = (Math.ceil(options.leaseTtlMs / MINUTE_MS) + 1) * MINUTE_MS;
  }

  /** The newest minute that was compared. */
  get comparedMs(): number | undefined {
    return this.#comparedMs;
  }

  /** Whether any budget instance may differ. */
  get hasFindings(): boolean {
    return this.#hasFindings;
  }

  async start(): Promise<void> {
    this.#cancel = every(this.#options.clock, LOOK_MS, () => {
      this.#running ??= this.look().finally(() => {
        this.#running = undefined;
      });
    });
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#running;
  }

  /** Samples a minute that has begun, and compares the newest that is due. */
  async look(): Promise<void> {
    const { clock, store, telemetry } = this.#options;
    const minute = Math.floor(clock.now() / MINUTE_MS) * MINUTE_MS;
    if (this.#samples.at(minute) !== undefined) return;
    this.#samples.take(minute, this.#options.ledger.eachBudget());
    const due = this.#due(minute);
    if (due === undefined || !store.isReady) return;
    try {
      await this.#compare(due);
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) telemetry.emit("reconciliation_failed", { reason: errorText(error) });
      this.#hasFailed = true;
    }
  }

  of(state: Pick<BudgetState, "name" | "scope" | "past">): Reconciliation {
    const standing = this.#standings.get(instanceKey(state));
    if (standing === undefined) {
      return { state: "pending", asOfMs: undefined, difference: 0n, reason: "none", repricedNanoUsd: 0n };
    }
    const { comparison, asOfMs, times } = standing;
    const { difference, reason, repricedNanoUsd } = comparison;
    return {
      state: isFinding(comparison, times) && state.past === "counted" ? "differs" : "agrees",
      asOfMs,
      difference,
      reason,
      repricedNanoUsd,
    };
  }

  /** The newest minute that all has been reported for by `minute`, and delivered. */
  #due(minute: number): number | undefined {
    const oldestMs = this.#options.oldestWaitingMs() ?? Number.POSITIVE_INFINITY;
    const due = this.#samples.minutes.filter((at) => {
      const later = at + this.#slackMs;
      return later <= minute && at + MINUTE_MS <= oldestMs && this.#samples.at(later) !== undefined;
    });
    const newest = due.at(-1);
    return newest === undefined || newest === this.#comparedMs ? undefined : newest;
  }

  async #compare(at: number): Promise<void> {
    const { documents, telemetry } = this.#options;
    const sampled = this.#samples.at(at);
    const [samples, later] = [sampled?.ofKeys, this.#samples.at(at + this.#slackMs)?.ofKeys];
    if (sampled === undefined || samples === undefined || later === undefined) return;
    const budgets = documents().filter(({ name }) => sampled.budgets.has(name));
    const isLongRound = this.#rounds % LONG_WINDOW_EVERY === 0;
    this.#rounds += 1;
    const standings = new Map<string, Standing>();
    const groups = new Map<string, { range: Range; keys: string[] }>();
    for (const [key, { windowStartMs }] of samples) {
      const after = later.get(key);
      const before = this.#standings.get(key);
      if (before !== undefined) standings.set(key, before);
      if (after === undefined || (at - windowStartMs > DAY_MS && !isLongRound)) continue;
      const range = { at, mostMs: windowStartMs, leastMs: after.windowStartMs };
      const rangeKey = `${range.mostMs} ${range.leastMs}`;
      const group = groups.get(rangeKey) ?? { range, keys: [] };
      groups.set(rangeKey, group);
      group.keys.push(key);
    }
    for (const { range, keys } of groups.values()) {
      const sums = sumByInstance(budgets, await this.#rows(range, budgets));
      for (const key of keys) {
        const [first, second] = [samples.get(key), later.get(key)];
        if (first === undefined || second === undefined) continue;
        const comparison = compareSpend(sums.get(key), { at: first, later: second });
        const before = this.#standings.get(key);
        const times = isSame(before?.comparison, comparison) ? (before?.times ?? 0) + 1 : 1;
        standings.set(key, { comparison, asOfMs: at, times });
        if (comparison.difference !== 0n && times === FINDING_TIMES) {
          const { reason, ledger, clickhouse, difference } = comparison;
          telemetry.emit("spend_differs", {
            budget: key,
            reason,
            ledger: ledger.toString(),
            clickhouse: clickhouse.toString(),
            difference: difference.toString(),
          });
        }
      }
    }
    this.#standings = standings;
    this.#hasFindings = [...standings.values()].some(({ comparison, times }) => isFinding(comparison, times));
    this.#comparedMs = at;
  }

  async #rows({ mostMs, leastMs, at }: Range, budgets: readonly Budget[]): Promise<readonly SpendRow[]> {
    const keys = new BudgetIndex(budgets).labelKeys;
    const rows = await this.#options.store.select<Row>("budget-spend", {
      keys,
      least_since_s: Math.ceil(leastMs / MINUTE_MS) * 60,
      least_until_s: at / 1_000,
      most_since_s: Math.max(0, Math.floor((mostMs - this.#slackMs) / MINUTE_MS)) * 60,
      most_until_s: (at + MINUTE_MS) / 1_000,
      limit: ROWS_MAX + 1,
    });
    if (rows.length > ROWS_MAX) throw new Error(`more than ${ROWS_MAX} sums of different labels`);
    return rows.map((row) => ({
      labels: labelsOfRow(keys, row.label_values),
      leased: row.leased,
      least: amounts([row.least_nano_usd, row.least_tokens, row.least_calls]),
      most: amounts([row.most_nano_usd, row.most_tokens, row.most_calls]),
      repricedNanoUsd: BigInt(row.repriced_nano_usd),
    }));
  }
}

interface Range {
  readonly at: number;
  readonly mostMs: number;
  readonly leastMs: number;
}

interface Row {
  readonly label_values: readonly string[];
  readonly leased: boolean;
  readonly least_calls: string;
  readonly least_tokens: string;
  readonly least_nano_usd: string;
  readonly most_calls: string;
  readonly most_tokens: string;
  readonly most_nano_usd: string;
  readonly repriced_nano_usd: string;
}

function isFinding({ difference }: Comparison, times: number): boolean {
  return difference !== 0n && times >= FINDING_TIMES;
}

/** The same kind of difference, however large it is by now. */
function isSame(a: Comparison | undefined, b: Comparison): boolean {
  return a?.reason === b.reason;
}

function amounts([nanoUsd, tokens, calls]: readonly [string, string, string]): Amounts {
  return { nanoUsd: BigInt(nanoUsd), tokens: BigInt(tokens), calls: BigInt(calls) };
}
