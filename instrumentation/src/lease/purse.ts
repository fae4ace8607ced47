/**
 * A purse is money that a call takes its worst case from before it is made, in one synchronous step when the money is in
 * hand. This file holds the shared vocabulary and the process-local purse (TOLLGATE_BUDGET, `guard()`); the purse that the
 * fleet's ledger fills is `Lease`.
 */
import { BudgetExceeded } from "../errors.ts";
import type { TollgateError } from "../errors.ts";
import type { NanoUsd } from "../pricing/money.ts";
import { add, covers, NO_AMOUNTS, subtract } from "./amounts.ts";
import type { Amounts } from "./amounts.ts";
import { toBudgetAmount } from "./budget-amount.ts";
import type { BudgetAmount } from "./budget-amount.ts";
import type { BudgetRefusal } from "./budget-refusal.ts";
import type { Clock } from "./clock.ts";
import { WaitingLine } from "./waiting-line.ts";

/** How long a call waits for money that other calls hold and may give back, unless `TOLLGATE_WAIT_MS` says otherwise. */
export const WAIT_MS_DEFAULT = 2_000;

/** What a call wants of a purse. */
export interface Want {
  /** The most it may cost with the output bound that it asked for. */
  readonly worst: Amounts;
  /** The most it may cost with the smallest output bound that makes sense. */
  readonly least: Amounts;
  /** What it takes of `available`, its output bound lowered to it; `undefined` when not even `least` fits. */
  fitting(available: Amounts): Amounts | undefined;
  /** The app gave the call up. */
  readonly signal: AbortSignal | undefined;
}

/** Set aside until it is settled. Exactly one of `settle` and `release` counts; later ones do nothing. */
export interface Reservation {
  /** The lease that holds it; "" for a purse of this process. */
  readonly leaseId: string;
  readonly amounts: Amounts;
  /** Gives part of it back, when another purse granted less. */
  shrinkTo(amounts: Amounts): void;
  settle(actual: Amounts): void;
  /** The call was never sent. */
  release(): void;
}

export type PurseOutcome =
  | { readonly outcome: "granted"; readonly reservation: Reservation }
  | { readonly outcome: "refused"; readonly error: TollgateError }
  /** Nobody can say: `fail_mode` decides. */
  | { readonly outcome: "unavailable"; readonly reason: string; readonly isHard: boolean }
  | { readonly outcome: "aborted" };

/** Where a call takes its worst case from. */
export interface Purse {
  reserve(want: Want): PurseOutcome | Promise<PurseOutcome>;
}

/** A purse of fixed size that lives and dies with this process. Counts nano-dollars; tokens and calls are free. */
export class LocalPurse implements Purse {
  readonly name: string;
  /** A soft purse only counts. */
  readonly isHard: boolean;
  readonly #limit: NanoUsd;
  readonly #waitMs: number;
  #settled = 0n;
  #reserved = 0n;
  readonly #line: WaitingLine;

  constructor(options: {
    readonly name: string;
    readonly limit: NanoUsd;
    readonly clock: Clock;
    readonly isHard?: boolean;
    /** @default 2000 */
    readonly waitMs?: number;
  }) {
    this.name = options.name;
    this.isHard = options.isHard ?? true;
    this.#limit = options.limit;
    this.#waitMs = options.waitMs ?? WAIT_MS_DEFAULT;
    this.#line = new WaitingLine(options.clock);
  }

  get limit(): NanoUsd {
    return this.#limit;
  }

  get spent(): NanoUsd {
    return this.#settled as NanoUsd;
  }

  get reserved(): NanoUsd {
    return this.#reserved as NanoUsd;
  }

  get remaining(): NanoUsd {
    const left = this.#limit - this.#settled;
    return (left < 0n ? 0n : left) as NanoUsd;
  }

  /** Adds spend that no reservation covers. */
  record(amount: NanoUsd): void {
    this.#settled += amount;
    this.#serve();
  }

  /** Forgets what was spent. What is reserved stays reserved. */
  reset(): void {
    this.#settled = 0n;
    this.#serve();
  }

  reserve(want: Want): PurseOutcome | Promise<PurseOutcome> {
    if (this.#line.isEmpty && covers(this.#available(), want.worst)) return this.#grant(want.worst);
    if (!this.#someoneMayGiveBack()) return this.#fitOrRefuse(want);
    return this.#line.wait(want, { waitMs: this.#waitMs, onDeadline: () => this.#fitOrRefuse(want) });
  }

  #serve(): void {
    for (let head = this.#line.head; head !== undefined; head = this.#line.head) {
      if (covers(this.#available(), head.want.worst)) head.answer(this.#grant(head.want.worst));
      else if (!this.#someoneMayGiveBack()) head.answer(this.#fitOrRefuse(head.want));
      else return;
    }
  }

  #someoneMayGiveBack(): boolean {
    return this.#reserved > 0n;
  }

  #available(): Amounts {
    const nanoUsd = this.isHard ? this.#limit - this.#settled - this.#reserved : UNLIMITED;
    return { nanoUsd, tokens: UNLIMITED, calls: UNLIMITED };
  }

  #fitOrRefuse(want: Want): PurseOutcome {
    const lowered = want.fitting(this.#available());
    if (lowered !== undefined) return this.#grant(lowered);
    return { outcome: "refused", error: new BudgetExceeded(this.refusal(want.least.nanoUsd as NanoUsd)) };
  }

  /** What a `BudgetExceeded` of this purse says. */
  refusal(wanted: NanoUsd): BudgetRefusal {
    const usd = (value: bigint): BudgetAmount => toBudgetAmount("usd", value);
    const { name: budget } = this;
    return {
      budget,
      limit: usd(this.#limit),
      spent: usd(this.#settled),
      reserved: usd(this.#reserved),
      wanted: usd(wanted),
    };
  }

  #grant(amounts: Amounts): PurseOutcome {
    let held = amounts;
    let isOpen = true;
    this.#reserved += held.nanoUsd;
    const end = (settled: bigint): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#reserved -= held.nanoUsd;
      this.#settled += settled;
      this.#serve();
    };
    return {
      outcome: "granted",
      reservation: {
        leaseId: "",
        get amounts() {
          return held;
        },
        shrinkTo: (smaller) => {
          if (!isOpen || !covers(held, smaller)) return;
          this.#reserved -= held.nanoUsd - smaller.nanoUsd;
          held = smaller;
          this.#serve();
        },
        settle: (actual) => end(actual.nanoUsd),
        release: () => end(0n),
      },
    };
  }
}

/** More than any call: the measures that a purse does not count. */
export const UNLIMITED = 2n ** 62n;

/** The books of one lease: what was granted, what is settled for good, what calls in flight hold. */
export class Books {
  granted: Amounts = NO_AMOUNTS;
  settled: Amounts = NO_AMOUNTS;
  inFlight: Amounts = NO_AMOUNTS;

  /** What may still be promised. Below zero only if the ledger broke its word. */
  get available(): Amounts {
    return subtract(this.granted, this.committed);
  }

  /** Whether `available` covers `wanted`; every call asks this, so nothing is made to answer it but where kinds are told. */
  canPromise(wanted: Amounts): boolean {
    const { granted, settled, inFlight } = this;
    const { nanoUsd, tokens, calls } = wanted;
    const tellsKinds = (granted.kinds ?? settled.kinds ?? inFlight.kinds ?? wanted.kinds) !== undefined;
    if (tellsKinds && !covers(this.available, wanted)) return false;
    return (
      settled.nanoUsd + inFlight.nanoUsd + nanoUsd <= granted.nanoUsd &&
      settled.tokens + inFlight.tokens + tokens <= granted.tokens &&
      settled.calls + inFlight.calls + calls <= granted.calls
    );
  }

  /** What is spent or promised to calls in flight: a lease never shrinks below this. */
  get committed(): Amounts {
    return add(this.settled, this.inFlight);
  }
}
