/** The budget of one guarded client. */
import { AgentKilled, ConfigInvalid } from "../errors.ts";
import type { TollgateError } from "../errors.ts";
import type { Logger } from "../config/logger.ts";
import type { CallGuard } from "../gate/call-guard.ts";
import { systemClock } from "../lease/clock.ts";
import { LocalPurse } from "../lease/purse.ts";
import { formatUsd, parseUsd, usdAsFloat } from "../pricing/money.ts";
import type { NanoUsd } from "../pricing/money.ts";

export interface GuardOptions {
  /** USD: `"$0.50"`, `"0.50"`, `0.5`. */
  readonly budget: string | number;
  /** A cheaper model, sent instead of the asked one from `threshold` on. */
  readonly fallback?: string;
  /** Share of the budget from which the fallback is used. @default 0.8 */
  readonly threshold?: number;
  /**
   * What happens when a call does not fit any more: `raise` throws `BudgetExceeded`; `stop` answers without a call, with zero
   * usage and a text that says so; `warn` calls all the same, and logs. @default "raise"
   */
  readonly onLimit?: "stop" | "warn" | "raise";
}

/** `client.tollgate`. Amounts in USD, for reading; `…NanoUsd` are exact. */
export interface GuardControls {
  readonly spent: number;
  readonly spentNanoUsd: bigint;
  readonly budget: number;
  readonly budgetNanoUsd: bigint;
  /** Never below zero. */
  readonly remaining: number;
  readonly usageRatio: number;
  /** The threshold is reached. */
  readonly shouldDowngrade: boolean;
  /** The budget is used up, or a call was refused for it since the last reset. */
  readonly budgetExceeded: boolean;
  /** Calls that were made. */
  readonly callCount: number;
  /** Starts counting again from zero, and lets a killed client go on. */
  reset(): void;
  /** Counts spend that this client did not make itself. USD. */
  record(usd: string | number): void;
  /** No further call of this client: each throws `AgentKilled`. */
  kill(reason: string): void;
}

const NAME = "guard";
const THRESHOLD = 0.8;
const ON_LIMIT = ["stop", "warn", "raise"] as const;

export class GuardBudget implements CallGuard {
  readonly purse: LocalPurse;
  readonly name = NAME;
  readonly isHard: boolean;
  readonly controls: GuardControls;
  readonly #fallback: string | undefined;
  readonly #threshold: number;
  readonly #onLimit: "stop" | "warn" | "raise";
  readonly #logger: Logger;
  #callCount = 0;
  #wasRefused = false;
  #killed: string | undefined;

  constructor(options: GuardOptions, logger: Logger) {
    const limit = readAmount("budget", options.budget);
    this.#fallback = options.fallback;
    this.#threshold = readThreshold(options.threshold);
    this.#onLimit = readOnLimit(options.onLimit);
    this.#logger = logger;
    this.isHard = this.#onLimit !== "warn";
    this.purse = new LocalPurse({ name: NAME, limit, clock: systemClock, isHard: this.isHard });
    this.controls = this.#createControls();
  }

  chooseModel(model: string): string {
    if (this.#killed !== undefined) throw new AgentKilled({ agent: NAME, reason: this.#killed });
    if (!this.isHard && this.#isUsedUp) {
      this.#logger.log(
        "warn",
        `budget of $${formatUsd(this.purse.limit, 2)} exceeded ($${formatUsd(this.purse.spent, 4)} spent): the call is made all the same`,
      );
    }
    return this.#fallback !== undefined && this.controls.shouldDowngrade ? this.#fallback : model;
  }

  onRefused(error: TollgateError): string | undefined {
    if (error.code !== "budget_exceeded") return undefined;
    this.#wasRefused = true;
    if (this.#onLimit !== "stop") return undefined;
    const { limit, spent } = this.purse;
    return `[Tollgate] Budget of $${formatUsd(limit, 2)} exceeded (spent $${formatUsd(spent, 4)}). Request blocked.`;
  }

  onSettled(): void {
    this.#callCount += 1;
  }

  get #isUsedUp(): boolean {
    return this.purse.spent >= this.purse.limit;
  }

  #reset(): void {
    this.purse.reset();
    this.#callCount = 0;
    this.#wasRefused = false;
    this.#killed = undefined;
  }

  #createControls(): GuardControls {
    const { purse } = this;
    const callCount = (): number => this.#callCount;
    const isExceeded = (): boolean => this.#wasRefused || this.#isUsedUp;
    const threshold = this.#threshold;
    // Of the integers, so that 80 % of any budget is 0.8.
    const ratio = (): number => Number(purse.spent) / Number(purse.limit);
    return {
      get spent() {
        return usdAsFloat(purse.spent);
      },
      get spentNanoUsd() {
        return purse.spent;
      },
      get budget() {
        return usdAsFloat(purse.limit);
      },
      get budgetNanoUsd() {
        return purse.limit;
      },
      get remaining() {
        return usdAsFloat(purse.remaining);
      },
      get usageRatio() {
        return ratio();
      },
      get shouldDowngrade() {
        return ratio() >= threshold;
      },
      get budgetExceeded() {
        return isExceeded();
      },
      get callCount() {
        return callCount();
      },
      reset: () => this.#reset(),
      record: (usd) => purse.record(readAmount("record", usd, { mayBeZero: true })),
      kill: (reason) => {
        this.#killed = reason;
      },
    };
  }
}

const DECIMALS = 9;

function readAmount(setting: string, value: string | number, options: { readonly mayBeZero?: boolean } = {}): NanoUsd {
  const isNumber = typeof value === "number" && Number.isFinite(value) && value >= 0;
  const amount = isNumber ? parseUsd(value.toFixed(DECIMALS)) : typeof value === "string" ? parseUsd(value) : undefined;
  if (amount !== undefined && (amount > 0n || options.mayBeZero === true)) return amount;
  throw new ConfigInvalid([`${setting}: \`${String(value)}\` is not an amount above zero such as \`$0.50\``]);
}

function readThreshold(value: number | undefined): number {
  const threshold = value ?? THRESHOLD;
  if (threshold > 0 && threshold <= 1) return threshold;
  throw new ConfigInvalid([`threshold: \`${threshold}\` is not a share above 0 and up to 1`]);
}

function readOnLimit(value: GuardOptions["onLimit"]): "stop" | "warn" | "raise" {
  const choice = ON_LIMIT.find((name) => name === (value ?? "raise"));
  if (choice !== undefined) return choice;
  throw new ConfigInvalid([`onLimit: \`${String(value)}\` is none of \`stop\`, \`warn\`, \`raise\``]);
}
