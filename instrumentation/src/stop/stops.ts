/**
 * What people have stopped, as this process knows it: always the whole list, so that a lost, doubled or late message
 * changes nothing. Empty for nearly all processes nearly always, and then asking costs one comparison.
 */
import type { Clock } from "../lease/clock.ts";
import { parseSelector } from "../policy/selector.ts";
import type { StopAct, StopList } from "../protocol.ts";

type Labels = Readonly<Record<string, string>>;

interface KnownAct {
  readonly act: StopAct;
  readonly matches: (labels: Labels) => boolean;
}

export class Stops {
  readonly #clock: Clock;
  #list: StopList = { epoch: "", revision: -1, acts: [] };
  #acts: readonly KnownAct[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#acts.length === 0;
  }

  /** False for a list that is older than, or the same as, what is known. */
  apply(list: StopList): boolean {
    if (list.epoch === this.#list.epoch && list.revision <= this.#list.revision) return false;
    this.#list = list;
    this.#acts = list.acts.map((act) => {
      const parsed = parseSelector(act.selector);
      // One that a newer processor understands and this does not: the processor itself refuses the money then.
      return { act, matches: parsed.ok ? parsed.selector.matches : () => false };
    });
    for (const listener of Array.from(this.#listeners)) listener();
    return true;
  }

  /** The act that stops a call with any of these sets of labels: a kill before a pause, then the oldest. */
  find(...labels: readonly Labels[]): StopAct | undefined {
    if (this.isEmpty) return undefined;
    const found = this.#acts.filter(({ matches }) => labels.some((set) => matches(set)));
    return (found.find(({ act }) => act.act === "kill") ?? found[0])?.act;
  }

  /** Resolves at the next change, after `waitMs`, or when `signal` aborts. Holds the process open: a call waits. */
  changed(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal?.aborted === true) return Promise.resolve();
    const done = (): void => {
      timer.cancel();
      this.#listeners.delete(done);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = this.#clock.after(waitMs, done, { holdsProcess: true });
    this.#listeners.add(done);
    signal?.addEventListener("abort", done, { once: true });
    return promise;
  }
}
