/** What the attempts of one call have cost, in sum, and what its span says of that. */
import type { Span } from "@opentelemetry/api";
import { add, NO_AMOUNTS } from "../lease/amounts.ts";
import type { Amounts } from "../lease/amounts.ts";
import { formatUsd } from "../pricing/money.ts";
import type { NanoUsd } from "../pricing/money.ts";
import type { TokenUsage } from "../pricing/price-book.ts";
import * as semconv from "../semconv.ts";
import { addUsage } from "./add-usage.ts";
import { NO_USAGE } from "./call-bound.ts";
import { recordCost, recordUsage } from "./call-span.ts";
import { worseOf } from "./cost-status.ts";

/** An attempt that was answered, or given up. */
export interface CountedAttempt {
  readonly usage: TokenUsage;
  readonly amounts: Amounts;
  readonly status: semconv.CostStatus;
  /** Nano-dollars for the same with the model that was asked for; 0 where it was that one. */
  readonly asked: bigint;
}

export class CallAccount {
  #spent: Amounts = NO_AMOUNTS;
  #usage: TokenUsage = NO_USAGE;
  #status: semconv.CostStatus = "exact";
  /** What the call would have cost more with the model that was asked for. */
  #saved = 0n;

  add({ usage, amounts, status, asked }: CountedAttempt): void {
    if (asked > amounts.nanoUsd) this.#saved += asked - amounts.nanoUsd;
    this.#spent = add(this.#spent, amounts);
    this.#usage = addUsage(this.#usage, usage);
    this.#status = worseOf(this.#status, status);
  }

  /** No attempt was counted. */
  get isEmpty(): boolean {
    return this.#spent.calls === 0n;
  }

  record(span: Span, priceVersion: string | undefined): void {
    recordUsage(span, this.#usage);
    if (this.#saved > 0n) span.setAttribute(semconv.ATTR_TOLLGATE_BUDGET_SAVED_USD, formatUsd(this.#saved as NanoUsd));
    recordCost(span, { nanoUsd: this.#spent.nanoUsd as NanoUsd, status: this.#status, priceVersion });
  }
}
