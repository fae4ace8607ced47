/** Requests for money whose answer comes later than their own step: they wait for others, or for what keeps the log. */
import type { AcquireOutcome } from "./ledger.ts";
import type { Step } from "./rules/engine.ts";

interface Open {
  readonly resolve: (outcome: AcquireOutcome) => void;
  readonly reject: (error: unknown) => void;
}

export class OpenAcquires {
  readonly #open = new Map<number, Open>();
  #tickets = 0;

  /** What the next request is known by. */
  ticket(): number {
    this.#tickets += 1;
    return this.#tickets;
  }

  /** Resolves with the answer; rejects when its step does, or all are refused. */
  wait(ticket: number, step: Promise<void>): Promise<AcquireOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<AcquireOutcome>();
    this.#open.set(ticket, { resolve, reject });
    // Whoever refuses all has refused this one, too.
    step.catch((error: unknown) => {
      this.#open.get(ticket)?.reject(error);
      this.#open.delete(ticket);
    });
    return promise;
  }

  answer({ answers }: Step): void {
    for (const { ticket, outcome } of answers) {
      this.#open.get(ticket)?.resolve(outcome);
      this.#open.delete(ticket);
    }
  }

  refuseAll(error: Error): void {
    for (const { reject } of this.#open.values()) reject(error);
    this.#open.clear();
  }
}
