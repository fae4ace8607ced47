/**
 * What the ledger says of each budget instance at full minutes, to be compared with ClickHouse later. Bounded: a budget is sampled with all
 * its instances or not at all, those with the fewest first; of `each: session` there may be more in a minute than can be kept for a quarter of an hour.
 */
import { instanceKey, isComparable, type SpendSample } from "../budget/compare.ts";
import type { BudgetState } from "../budget/ledger.ts";

/** Minutes of which samples are kept. */
const SAMPLES_MAX = 15;
const INSTANCES_MAX = 20_000;

export interface MinuteSample {
  readonly ofKeys: ReadonlyMap<string, SpendSample>;
  /** Names of the budgets that it has all instances of. */
  readonly budgets: ReadonlySet<string>;
}

export class SpendSamples {
  /** By minute, oldest first. */
  readonly #minutes = new Map<number, MinuteSample>();
  /** Keys of the last minute, to themselves: samples share them. */
  #keys: ReadonlyMap<string, string> = new Map();

  get minutes(): readonly number[] {
    return [...this.#minutes.keys()];
  }

  at(minute: number): MinuteSample | undefined {
    return this.#minutes.get(minute);
  }

  take(minute: number, states: Iterable<BudgetState>): void {
    const before = [...this.#minutes.values()].at(-1)?.ofKeys;
    const ofKeys = new Map<string, SpendSample>();
    const keys = new Map<string, string>();
    const budgets = new Set<string>();
    const bySize = [...sampledByName(states)].sort(([, a], [, b]) => a.length - b.length);
    for (const [name, sampled] of bySize) {
      if (ofKeys.size + sampled.length > INSTANCES_MAX) break;
      budgets.add(name);
      for (const { key: made, sample } of sampled) {
        const key = this.#keys.get(made) ?? made;
        const last = before?.get(key);
        keys.set(key, key);
        ofKeys.set(key, last !== undefined && isSame(last, sample) ? last : sample);
      }
    }
    this.#keys = keys;
    this.#minutes.set(minute, { ofKeys, budgets });
    for (const oldest of this.#minutes.keys()) {
      if (this.#minutes.size <= SAMPLES_MAX) break;
      this.#minutes.delete(oldest);
    }
  }
}

interface Sampled {
  readonly key: string;
  readonly sample: SpendSample;
}

/** Of a budget with more instances than may be sampled there is one more than that. */
function sampledByName(states: Iterable<BudgetState>): ReadonlyMap<string, Sampled[]> {
  const byName = new Map<string, Sampled[]>();
  for (const state of states) {
    const { name, measure, isBeyondMax, settled, observed, windowStartMs } = state;
    // Spans tell of each of those values, and of none that they were too many.
    if (!isComparable(measure) || isBeyondMax === true) continue;
    let sampled = byName.get(name);
    if (sampled === undefined) byName.set(name, (sampled = []));
    if (sampled.length > INSTANCES_MAX) continue;
    sampled.push({ key: instanceKey(state), sample: { settled, observed, windowStartMs } });
  }
  return byName;
}

function isSame(one: SpendSample, other: SpendSample): boolean {
  return one.settled === other.settled && one.observed === other.observed && one.windowStartMs === other.windowStartMs;
}
