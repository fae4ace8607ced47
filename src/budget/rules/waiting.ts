/** Acquires that wait for money, and who stands before whom: here, and at other replicas of the same ledger. */
import type { AcquireCommand } from "../ledger.ts";
import { countsRuns } from "./runs.ts";
import type { Spend } from "./spend.ts";
import type { LedgerState } from "./state.ts";

/** An acquire that waits. */
export interface Waiter {
  readonly command: AcquireCommand;
  /** Whom to answer: the request, and its repetitions. */
  readonly tickets: number[];
  readonly deadlineMs: number;
  /** When it came: who came before stands before. */
  readonly sinceMs: number;
  bottlenecks: readonly Spend[];
}

/** An acquire that waits at another replica of the same ledger: here nobody may overtake it. */
export interface WaitElsewhere extends Pick<Waiter, "sinceMs" | "deadlineMs"> {
  readonly leaseId: string;
  /** Of the budget instances that it waits for. */
  readonly keys: readonly string[];
}

/** Budgets that others wait for already. */
export type Queued = Pick<ReadonlySet<Spend>, "has">;

type Place = Pick<WaitElsewhere, "leaseId" | "sinceMs">;

/** A place among runs is another matter: who comes back to a run that has one need not stand behind anybody. */
export function standsBehind({ bottlenecks }: Waiter, queuedFor: Queued): boolean {
  return bottlenecks.some((spend) => queuedFor.has(spend) && !countsRuns(spend));
}

/** For each budget the first two who wait for it at other replicas: one lease may wait here and there, and never for itself. */
export class QueuesElsewhere {
  readonly #first = new Map<Spend, Place[]>();

  constructor(waits: readonly WaitElsewhere[], { active, spends }: LedgerState, nowMs: number) {
    for (const wait of waits) {
      if (wait.deadlineMs <= nowMs || !active.has(wait.leaseId)) continue;
      for (const key of wait.keys) {
        const spend = spends.get(key);
        if (spend !== undefined) this.#add(spend, wait);
      }
    }
  }

  /** Those that are queued for here, and those that somebody who came before `me` waits for elsewhere. */
  and(here: ReadonlySet<Spend>, me: Place): Queued {
    if (this.#first.size === 0) return here;
    const isBefore = (place: Place): boolean => place.leaseId !== me.leaseId && comesBefore(place, me);
    return { has: (spend) => here.has(spend) || this.#first.get(spend)?.some(isBefore) === true };
  }

  #add(spend: Spend, wait: Place): void {
    const known = this.#first.get(spend) ?? [];
    const same = known.find(({ leaseId }) => leaseId === wait.leaseId);
    const places = [
      ...known.filter((place) => place !== same),
      same !== undefined && comesBefore(same, wait) ? same : wait,
    ];
    this.#first.set(spend, places.sort((left, right) => (comesBefore(left, right) ? -1 : 1)).slice(0, 2));
  }
}

function comesBefore(left: Place, right: Place): boolean {
  return left.sinceMs < right.sinceMs || (left.sinceMs === right.sinceMs && left.leaseId < right.leaseId);
}
