/**
 * Tells the ledger what ClickHouse knows of the time before its memory begins: of budgets that are new, and of all of them
 * when the journal is lost. Promise: as long as this has not happened, hard budgets grant nothing (the ledger sees to that,
 * for a grace); it is never too little, and at most a minute too much where spans arrive meanwhile.
 */
import { type Amounts, kindsOf } from "../budget/amounts.ts";
import type { LedgerPast, PastSeeking, PastSpend, PastWanted } from "../budget/past.ts";
import { type CancelTimer, type Clock, delay, every } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { labelsOfRow } from "./label-row.ts";
import type { Store } from "./store.ts";

const RETRY_MS = 500;
/** Our own engine comes up; a server may be away for long, and spans must be taken meanwhile. */
const START_WAIT_MS = { embedded: 15_000, clickhouse: 1_000 } as const;
const START_STEP_MS = 100;
const MINUTE_MS = 60_000;
/** As many instances and minutes of them as a ledger holds. */
const ROWS_MAX = 1_000_000;
/** Leases that were silent for longer are over. */
const LEASE_HORIZON_MS = 24 * 60 * MINUTE_MS;
/** A rolling window is counted in so many steps at least. */
const STEPS = 60;

export interface PastSeederOptions {
  readonly ledger: PastSeeking;
  readonly store: Pick<Store, "kind" | "isReady" | "select">;
  /** Labels that budgets look at. */
  readonly labelKeys: () => readonly string[];
  readonly graceMs: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Whether the ledger's store wants to be told of its past. */
export function seeksPast<T extends object>(ledger: T & Partial<PastSeeking>): ledger is T & PastSeeking {
  return "pastWanted" in ledger;
}

export class PastSeeder {
  readonly #options: PastSeederOptions;
  #cancel: CancelTimer = () => {};
  #running: Promise<void> | undefined;
  #hasStarted = false;
  #hasFailed = false;

  constructor(options: PastSeederOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the ledger knows its past, so that nothing is refused for the want of it; or when that took too long, because
   * spans must be taken also while ClickHouse is away.
   */
  async start(): Promise<void> {
    const { clock, ledger, store } = this.#options;
    const giveUpMs = clock.monotonic() + START_WAIT_MS[store.kind];
    await this.#look();
    while (ledger.pastWanted() !== undefined && clock.monotonic() < giveUpMs) {
      await delay(clock, START_STEP_MS);
      await this.#look();
    }
    this.#hasStarted = true;
    this.#cancel = every(this.#options.clock, RETRY_MS, () => void this.#look());
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#running;
  }

  #look(): Promise<void> {
    this.#running ??= this.#seed().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #seed(): Promise<void> {
    const { ledger, store, telemetry } = this.#options;
    const wanted = ledger.pastWanted();
    if (wanted === undefined) return;
    try {
      if (!store.isReady) throw new Error("ClickHouse is not ready");
      const past = await this.#read(wanted);
      await ledger.seed(past);
      this.#hasFailed = false;
      const spends = past.groups.reduce((sum, group) => sum + group.spends.length, 0);
      if (spends === 0 && !past.isLoss) return;
      telemetry.emit(past.isLoss ? "ledger_rebuilt" : "budget_past_counted", {
        budgets: wanted.budgets.map(({ budget }) => budget.name).join(", "),
        spends,
        leases: past.leases.length,
        withheld: past.withheld.length,
      });
    } catch (error) {
      if (!this.#hasStarted) return;
      if (!this.#hasFailed) telemetry.emit("budget_past_unavailable", { reason: errorText(error) });
      this.#hasFailed = true;
    }
  }

  async #read(wanted: PastWanted): Promise<LedgerPast> {
    const groups = await this.#groups(wanted);
    if (!wanted.isFresh) return { groups, leases: [], withheld: [], isLoss: false };
    const [leases, withheld] = await Promise.all([this.#leases(), this.#withheld()]);
    const isLoss = groups.some(({ spends }) => spends.length > 0) || leases.length > 0 || withheld.length > 0;
    return { groups, leases, withheld, isLoss };
  }

  /** Budgets whose windows begin together are asked for together. */
  async #groups({ budgets, untilMs }: PastWanted): Promise<LedgerPast["groups"]> {
    const keys = this.#options.labelKeys();
    const ranges = new Map<string, Range>();
    for (const { budget, sinceMs } of budgets) {
      const { window } = budget;
      const stepMs = window.kind === "rolling" ? Math.ceil(window.durationMs / STEPS / MINUTE_MS) * MINUTE_MS : 0;
      const range = { sinceMs: Math.floor(sinceMs / MINUTE_MS) * MINUTE_MS, stepMs };
      const known = ranges.get(JSON.stringify(range));
      if (known === undefined) ranges.set(JSON.stringify(range), { ...range, names: [budget.name] });
      else known.names.push(budget.name);
    }
    const groups: { readonly budgets: readonly string[]; readonly spends: readonly PastSpend[] }[] = [];
    for (const range of ranges.values()) {
      groups.push({ budgets: range.names, spends: await this.#spends(range, { keys, untilMs }) });
    }
    return groups;
  }

  async #spends(
    range: Range,
    { keys, untilMs }: { readonly keys: readonly string[]; readonly untilMs: number },
  ): Promise<readonly PastSpend[]> {
    const rows = await this.#options.store.select<PastRow>("budget-past", {
      keys,
      since_s: Math.max(0, Math.floor(range.sinceMs / 1_000)),
      until_s: Math.floor(untilMs / 1_000),
      bucket_s: range.stepMs / 1_000,
      limit: ROWS_MAX,
    });
    return rows.map((row): PastSpend => {
      const { unpriced_calls: calls, unpriced_tokens: tokens } = row;
      const priced = amountsOf(row);
      const unpriced = { unpricedCalls: BigInt(calls), unpricedTokens: BigInt(tokens) };
      // Only of these the past is known; of the other kinds it is the most that they can be.
      const amounts = { ...priced, kinds: { ...kindsOf(priced), ...unpriced } };
      return {
        labels: labelsOfRow(keys, row.label_values),
        atMs: row.last_minute * 1_000 + MINUTE_MS - 1,
        gated: row.leased ? amounts : NOTHING,
        observed: row.leased ? NOTHING : amounts,
      };
    });
  }

  async #leases(): Promise<LedgerPast["leases"]> {
    const { store, clock } = this.#options;
    const since = clock.now() - LEASE_HORIZON_MS;
    const rows = await store.select<LeaseRow>("lease-spend", { since, limit: ROWS_MAX });
    return rows.map((row) => ({ id: row.lease_id, labels: row.labels, settled: amountsOf(row) }));
  }

  async #withheld(): Promise<LedgerPast["withheld"]> {
    const { store, clock, graceMs } = this.#options;
    const since = clock.now() - graceMs;
    const rows = await store.select<ReservedRow>("budgets-reserved", { since, limit: ROWS_MAX });
    return rows.map(({ name, scope, reserved }) => ({
      budget: name,
      scope: JSON.parse(scope) as Readonly<Record<string, string>>,
      amount: BigInt(reserved),
    }));
  }
}

interface Range {
  readonly sinceMs: number;
  readonly stepMs: number;
  readonly names: string[];
}

interface AmountRow {
  readonly calls: string;
  readonly tokens: string;
  readonly cost_nano_usd: string;
}

interface PastRow extends AmountRow {
  readonly unpriced_calls: string;
  readonly unpriced_tokens: string;
  readonly label_values: readonly string[];
  readonly leased: boolean;
  readonly last_minute: number;
}

interface LeaseRow extends AmountRow {
  readonly lease_id: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface ReservedRow {
  readonly name: string;
  readonly scope: string;
  readonly reserved: string;
}

const NOTHING: Amounts = { nanoUsd: 0n, tokens: 0n, calls: 0n };

function amountsOf({ cost_nano_usd: nanoUsd, tokens, calls }: AmountRow): Amounts {
  return { nanoUsd: BigInt(nanoUsd), tokens: BigInt(tokens), calls: BigInt(calls) };
}
