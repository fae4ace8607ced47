/**
 * The chains of all processes, as far as they have arrived. Bounded: of the chains that were silent for longest, complete
 * ones first, everything is forgotten; should more of them come, the database is asked. What it says is a finding only after a grace,
 * because links overtake each other.
 */
import { ChainState, type ChainHead, type Hole, type LinkFate, type StoredChain } from "./chain-state.ts";
import type { Link } from "./link.ts";

/** A hole that has been open for longer than the grace. */
export interface OpenHole extends Hole {
  readonly chain: string;
  readonly agent: string;
}

export interface HeadOfChain extends ChainHead {
  readonly chain: string;
  /** The process ended cleanly, and everything is there. */
  readonly isClosed: boolean;
}

interface Entry {
  readonly state: ChainState;
  agent: string;
  /** When its oldest hole opened; `undefined` without one. */
  holeSinceMs: number | undefined;
  /** Its head at the last checkpoint. */
  checkpointed: number;
}

export interface StoredBook {
  readonly chains: readonly (StoredChain & {
    readonly chain: string;
    readonly agent: string;
    readonly hole_since_ms: number | null;
    readonly checkpointed: number;
  })[];
}

export interface BookCounts {
  readonly chains: number;
  readonly open: number;
  readonly holes: number;
}

const CHAINS_MAX = 10_000;

export class ChainBook {
  /** Least recently heard of first. */
  readonly #chains = new Map<string, Entry>();
  readonly #chainsMax: number;

  constructor({ chainsMax = CHAINS_MAX }: { readonly chainsMax?: number } = {}) {
    this.#chainsMax = chainsMax;
  }

  /** Takes in a link that is stored. */
  note(link: Link, { agent, nowMs }: { readonly agent: string; readonly nowMs: number }): LinkFate {
    let entry = this.#chains.get(link.chain);
    if (entry === undefined) {
      entry = { state: new ChainState(), agent, holeSinceMs: undefined, checkpointed: 0 };
      this.#makeRoom();
    } else this.#chains.delete(link.chain);
    this.#chains.set(link.chain, entry);
    if (entry.agent === "") entry.agent = agent;
    const fate = entry.state.note(link);
    if (fate === "ahead") entry.holeSinceMs ??= nowMs;
    else if (entry.holeSinceMs !== undefined && entry.state.holes().length === 0) entry.holeSinceMs = undefined;
    return fate;
  }

  /** Holes that opened before `beforeMs`; the database should be asked before anybody is told. */
  holesBefore(beforeMs: number): readonly OpenHole[] {
    const found: OpenHole[] = [];
    for (const [chain, { agent, state, holeSinceMs }] of this.#chains) {
      if (holeSinceMs === undefined || holeSinceMs > beforeMs) continue;
      for (const hole of state.holes()) found.push({ ...hole, chain, agent });
    }
    return found;
  }

  /** What is still missing of a chain will not be waited for. Returns the holes. */
  giveUp(chain: string): readonly Hole[] {
    const entry = this.#chains.get(chain);
    if (entry === undefined) return [];
    const holes = entry.state.holes();
    entry.state.giveUpHoles();
    entry.holeSinceMs = undefined;
    return holes;
  }

  /** Heads that have moved since the last checkpoint, at most `max`. */
  movedHeads(max: number): readonly HeadOfChain[] {
    const moved: HeadOfChain[] = [];
    for (const [chain, { state, checkpointed }] of this.#chains) {
      const head = state.head();
      if (head === undefined || head.seq <= checkpointed) continue;
      moved.push({ ...head, chain, isClosed: state.isComplete });
      if (moved.length >= max) break;
    }
    return moved;
  }

  checkpointed(heads: readonly HeadOfChain[]): void {
    for (const { chain, seq } of heads) {
      const entry = this.#chains.get(chain);
      if (entry !== undefined) entry.checkpointed = seq;
    }
  }

  /** The newest place known of a chain; 0 for one that is not known. */
  lastSeq(chain: string): number {
    return this.#chains.get(chain)?.state.lastSeq ?? 0;
  }

  counts(): BookCounts {
    let open = 0;
    let holes = 0;
    for (const { state, holeSinceMs } of this.#chains.values()) {
      if (!state.isComplete) open += 1;
      if (holeSinceMs !== undefined) holes += state.holes().length;
    }
    return { chains: this.#chains.size, open, holes };
  }

  store(): StoredBook {
    const chains = [...this.#chains].map(([chain, { state, agent, holeSinceMs, checkpointed }]) => ({
      chain,
      agent,
      hole_since_ms: holeSinceMs ?? null,
      checkpointed,
      ...state.store(),
    }));
    return { chains };
  }

  restore({ chains }: StoredBook): void {
    for (const { chain, agent, hole_since_ms: since, checkpointed, ...stored } of chains) {
      const state = ChainState.restore(stored);
      this.#chains.set(chain, { state, agent, holeSinceMs: since ?? undefined, checkpointed });
    }
  }

  /** What is forgotten has been checkpointed, if one of the oldest has. */
  #makeRoom(): void {
    if (this.#chains.size < this.#chainsMax) return;
    let tried = 0;
    let oldest: string | undefined;
    for (const [chain, { state, checkpointed }] of this.#chains) {
      oldest ??= chain;
      tried += 1;
      if (state.isComplete && (state.head()?.seq ?? 0) <= checkpointed) {
        this.#chains.delete(chain);
        return;
      }
      if (tried >= 100) break;
    }
    if (oldest !== undefined) this.#chains.delete(oldest);
  }
}
