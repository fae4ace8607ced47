/**
 * The verdict on a chain in which nothing is wrong, without an object for each of its places: they come one after the other, each
 * follows on the one before, each record that has to be there is, and what was signed is what is there. Says nothing of any other
 * chain: that is judged in full (`chain-check.ts`). What is said here is said there, which a property holds.
 */
import { NO_LINK } from "@tollgate/instrumentation/audit";
import { type ChainTask, type ChainVerdict, highestOf, SIGNED_WITHIN_MS } from "./chain-check.ts";
import { IS_CLOSED, IS_LINK, IS_RECORD, ROW_WORDS } from "./evidence-rows.ts";
import { PAGE_PLACES, type PlacePage } from "./place-page.ts";

/** `undefined` where it is to be judged in full. */
export function wholeVerdict(task: ChainTask): ChainVerdict | undefined {
  const { pages } = task.evidence;
  return pages === undefined || pages.length === 0 ? undefined : new WholeChain(task, pages).verdict();
}

class WholeChain {
  readonly #task: ChainTask;
  readonly #pages: readonly PlacePage[];
  /** The place up to which it was signed. */
  readonly #signed: number;
  #first = 0;
  #last = 0;
  #expired = 0;
  #unsigned = 0;

  constructor(task: ChainTask, pages: readonly PlacePage[]) {
    this.#task = task;
    this.#pages = pages;
    this.#signed = highestOf(task.leaves);
  }

  verdict(): ChainVerdict | undefined {
    if (!this.#isInOrder() || !this.#isAsSigned()) return undefined;
    const { leaves, window } = this.#task;
    if (highestOf(leaves.filter(({ atMs }) => atMs <= window.storedToMs)) > this.#last) return undefined;
    return { isOpen: this.#isOpen(), expired: this.#expired, unsigned: this.#unsigned };
  }

  #isInOrder(): boolean {
    let before: { readonly page: PlacePage; readonly at: number } | undefined;
    for (const page of this.#pages) {
      for (let at = 0; at < PAGE_PLACES; at += 1) {
        if (page.kinds[at] === 0) continue;
        const seq = page.seq + at;
        const isNext =
          before === undefined
            ? this.#begins(page, at)
            : seq === this.#last + 1 && page.followsOn(at, before.page.words, before.at * ROW_WORDS);
        if (!isNext || !this.#isThere(page, at)) return false;
        before = { page, at };
        this.#last = seq;
      }
    }
    return before !== undefined;
  }

  /** A chain begins at its first place, or with a link from before the window. */
  #begins(page: PlacePage, at: number): boolean {
    this.#first = page.seq + at;
    if (this.#first === 1) return page.prev(at) === NO_LINK;
    return this.#first > 1 && ((page.kinds[at] ?? 0) & IS_LINK) !== 0 && !this.#isInWindow(page, at);
  }

  /** Whether what has to be known of a place is. */
  #isThere(page: PlacePage, at: number): boolean {
    const { leaves, window, signedUpToMs } = this.#task;
    const kind = page.kinds[at] ?? 0;
    const isLinked = (kind & IS_LINK) !== 0;
    const receivedMs = page.receivedMs[at] ?? 0;
    if ((kind & IS_RECORD) === 0 && this.#isInWindow(page, at)) {
      if (window.retainedFromMs === undefined || receivedMs >= window.retainedFromMs) return false;
      this.#expired += 1;
    }
    if (page.seq + at <= this.#signed) return true;
    this.#unsigned += 1;
    const mayBeBefore = leaves.length === 0 && this.#first > 1;
    return mayBeBefore || !isLinked || receivedMs + SIGNED_WITHIN_MS >= signedUpToMs;
  }

  #isInWindow(page: PlacePage, at: number): boolean {
    const { sinceMs, untilMs } = this.#task.window;
    const endMs = page.endsMs[at] ?? 0;
    return endMs >= sinceMs && endMs < untilMs;
  }

  #isAsSigned(): boolean {
    for (const { leaf } of this.#task.leaves) {
      const [, seq, hash] = leaf;
      if (seq < this.#first || seq > this.#last) continue;
      const at = seq % PAGE_PLACES;
      const page = this.#pages[(seq - at - (this.#pages[0]?.seq ?? 0)) / PAGE_PLACES];
      if (page?.hash(at) !== hash) return false;
    }
    return true;
  }

  #isOpen(): boolean {
    const page = this.#pages.at(-1);
    const at = this.#last % PAGE_PLACES;
    const kind = page?.kinds[at] ?? 0;
    if ((kind & IS_LINK) === 0) return true;
    return (page?.endsMs[at] ?? 0) < this.#task.window.untilMs && (kind & IS_CLOSED) === 0;
  }
}
