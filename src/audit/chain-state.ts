/**
 * What has arrived of one chain: runs of links that follow on each other, and the holes between them. Pure. Batches overtake
 * each other and come twice, so a hole is nothing by itself: it is a finding when it has stayed open for long (chain-book.ts).
 */
import { NO_LINK } from "@tollgate/instrumentation/audit";
import type { Link } from "./link.ts";

/** What a link was to its chain. `ahead`: links before it are missing so far. `forked`: two links claim one place or one past. */
export type LinkFate = "extends" | "ahead" | "late" | "resent" | "forked" | "beyond_bounds";

/** Links `from` to `to`, each with the hash of the one before. */
interface Run {
  from: number;
  to: number;
  /** `prev` of the first, `hash` of the last. */
  prev: string;
  hash: string;
}

export interface Hole {
  readonly from: number;
  readonly to: number;
}

/** The newest link up to which everything is there, or known to be missing. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
  /** Links before it that never came. */
  readonly missing: number;
}

/** As it is stored. */
export interface StoredChain {
  readonly runs: readonly (readonly [from: number, to: number, prev: string, hash: string])[];
  readonly given_up: number;
  readonly closed_at: number;
  readonly forked: boolean;
}

const RUNS_MAX = 256;
/** Hashes of the newest links, to tell a link that comes twice from another one at its place. */
const RECENT_MAX = 64;
const HASH_DIGITS = 12;

export class ChainState {
  #runs: Run[] = [];
  /** Holes before this link are known, and have been told. */
  #givenUpTo = 0;
  #closedAt = 0;
  #isForked = false;
  readonly #recentSeqs = new Float64Array(RECENT_MAX);
  readonly #recentHashes = new Float64Array(RECENT_MAX);

  static restore(stored: StoredChain): ChainState {
    const state = new ChainState();
    state.#runs = stored.runs.map(([from, to, prev, hash]) => ({ from, to, prev, hash }));
    state.#givenUpTo = stored.given_up;
    state.#closedAt = stored.closed_at;
    state.#isForked = stored.forked;
    return state;
  }

  store(): StoredChain {
    const runs = this.#runs.map(({ from, to, prev, hash }) => [from, to, prev, hash] as const);
    return { runs, given_up: this.#givenUpTo, closed_at: this.#closedAt, forked: this.#isForked };
  }

  get isForked(): boolean {
    return this.#isForked;
  }

  /** The newest link closes the chain, and nothing is missing. */
  get isComplete(): boolean {
    const last = this.#runs.at(-1);
    return last !== undefined && this.#closedAt === last.to && this.holes().length === 0;
  }

  get lastSeq(): number {
    return this.#runs.at(-1)?.to ?? 0;
  }

  /** Holes that nobody was told of. */
  holes(): readonly Hole[] {
    const holes: Hole[] = [];
    let next = 1;
    for (const { from, to } of this.#runs) {
      if (from > next && from > this.#givenUpTo) holes.push({ from: next, to: from - 1 });
      next = to + 1;
    }
    return holes;
  }

  /** `undefined` while the first links are missing. */
  head(): ChainHead | undefined {
    let head: ChainHead | undefined;
    let next = 1;
    let missing = 0;
    for (const { from, to, hash } of this.#runs) {
      if (from > next && from > this.#givenUpTo) break;
      missing += from - next;
      next = to + 1;
      head = { seq: to, hash, missing };
    }
    return head;
  }

  /** Waits no longer for what is missing now. */
  giveUpHoles(): void {
    this.#givenUpTo = this.#runs.at(-1)?.from ?? 0;
  }

  note(link: Link): LinkFate {
    const fate = this.#place(link);
    if (fate === "forked") this.#isForked = true;
    if (fate === "extends" || fate === "ahead" || fate === "late") {
      if (link.isClosed && link.seq > this.#closedAt) this.#closedAt = link.seq;
      const slot = link.seq % RECENT_MAX;
      this.#recentSeqs[slot] = link.seq;
      this.#recentHashes[slot] = shortHash(link.hash);
    }
    return fate;
  }

  #place(link: Link): LinkFate {
    const { seq, prev, hash } = link;
    const at = this.#firstRunEndingFrom(seq - 1);
    const left = this.#runs[at];
    if (left !== undefined && left.from <= seq && seq <= left.to) return this.#again(link);
    const isAfterLeft = left !== undefined && left.to === seq - 1;
    const rightAt = isAfterLeft ? at + 1 : at;
    const right = this.#runs[rightAt];
    if (right !== undefined && right.from <= seq) return this.#again(link);
    if (seq === 1 && prev !== NO_LINK) return "forked";
    if (isAfterLeft && left.hash !== prev) return "forked";
    const isBeforeRight = right !== undefined && right.from === seq + 1;
    if (isBeforeRight && right.prev !== hash) return "forked";
    const isLast = right === undefined;
    if (isAfterLeft) {
      left.to = seq;
      left.hash = hash;
      if (isBeforeRight) this.#join(left, rightAt);
      return isLast ? "extends" : "late";
    }
    if (isBeforeRight) {
      right.from = seq;
      right.prev = prev;
      return "late";
    }
    if (this.#runs.length >= RUNS_MAX) return "beyond_bounds";
    this.#runs.splice(rightAt, 0, { from: seq, to: seq, prev, hash });
    if (!isLast) return "late";
    return seq === 1 ? "extends" : "ahead";
  }

  #join(left: Run, rightAt: number): void {
    const [right] = this.#runs.splice(rightAt, 1);
    if (right === undefined) return;
    left.to = right.to;
    left.hash = right.hash;
  }

  /** Index of the first run that ends at `seq` or later. */
  #firstRunEndingFrom(seq: number): number {
    // Nearly every link follows on the newest.
    const last = this.#runs.length - 1;
    if (last < 0 || (this.#runs[last]?.to ?? 0) < seq) return last + 1;
    let index = last;
    while (index > 0 && (this.#runs[index - 1]?.to ?? 0) >= seq) index -= 1;
    return index;
  }

  /** What is too long ago to remember counts as the same: `audit verify` compares what is stored. */
  #again({ seq, hash }: Link): LinkFate {
    const slot = seq % RECENT_MAX;
    if (this.#recentSeqs[slot] !== seq) return "resent";
    return this.#recentHashes[slot] === shortHash(hash) ? "resent" : "forked";
  }
}

/** 48 bits of a hash. */
function shortHash(hash: string): number {
  return Number.parseInt(hash.slice(0, HASH_DIGITS), 16);
}
