/**
 * The count equation of a component that hands each batch on and answers what the next one answered. It holds however that ends:
 * the next one never should throw, but where it does the sender is told to send again, so that those items are refused.
 */
import type { FlowStats } from "./flow.ts";
import type { Outcome, Rejection } from "./outcome.ts";

/** How a batch went through. */
export interface Passage {
  /** With all rejections: this component's own and those from further down. */
  readonly outcome: Outcome;
  /** Items that end here, by reason. Of a batch that is not taken they count for nothing. */
  readonly dropped?: ReadonlyMap<string, number>;
}

export class PassingFlow {
  readonly #counts = { received: 0, stored: 0, refused: 0, inFlight: 0 };
  readonly #dropped: Record<string, number> = {};

  stats(): FlowStats {
    return { ...this.#counts, recovered: 0, dropped: { ...this.#dropped } };
  }

  /** Items that came and end here, apart from any batch. */
  drop(count: number, reason: string): void {
    this.#counts.received += count;
    if (count > 0) this.#addDropped(count, reason);
  }

  /** Counts `count` items as in flight until `passage` has ended, and then by its outcome; rejects when that does. */
  async pass(count: number, passage: () => Promise<Passage>): Promise<Outcome> {
    this.#counts.received += count;
    this.#counts.inFlight += count;
    let ended: Passage | undefined;
    try {
      ended = await passage();
      return ended.outcome;
    } finally {
      this.#counts.inFlight -= count;
      this.#end(count, ended);
    }
  }

  #end(count: number, ended: Passage | undefined): void {
    if (ended?.outcome.kind !== "success") {
      this.#counts.refused += count;
      return;
    }
    const refused = countOf(ended.outcome.rejected);
    let dropped = 0;
    for (const [reason, each] of ended.dropped ?? []) {
      dropped += each;
      this.#addDropped(each, reason);
    }
    this.#counts.refused += refused;
    this.#counts.stored += count - refused - dropped;
  }

  #addDropped(count: number, reason: string): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + count;
  }
}

/** Items that were rejected one by one. */
export function countOf(rejected: readonly Rejection[]): number {
  return rejected.reduce((sum, item) => sum + item.count, 0);
}
