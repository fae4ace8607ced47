/**
 * Compares what is there of one chain with what was linked and signed. A record by itself proves nothing, because whoever can
 * write to the database can compute hashes too: what counts are the links that follow on it and the checkpoints that were signed.
 */
import { NO_LINK } from "@tollgate/instrumentation/audit";
import type { ChainEvidence, EvidenceLink, EvidenceRecord, Place, Truth } from "./chain-evidence.ts";
import type { SignedLeaf } from "./checkpoint-check.ts";
import type { Findings } from "./finding.ts";
import { hashAt } from "./record-check.ts";

export interface Window {
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Records that arrived before it may be gone by retention; `undefined`: none may. */
  readonly retainedFromMs: number | undefined;
  /** What was signed until then has to be there: nothing older waits on its way to the database. */
  readonly storedToMs: number;
  /** What later links have overtaken since then may still come. */
  readonly settledToMs: number;
}

export interface ChainVerdict {
  readonly isOpen: boolean;
  readonly expired: number;
  /** Places that no checkpoint covers. */
  readonly unsigned: number;
}

export interface ChainTask {
  readonly chain: string;
  readonly evidence: ChainEvidence;
  /** Of this chain, in the order in which they were signed. */
  readonly leaves: readonly SignedLeaf[];
  readonly window: Window;
  /** When the newest trusted checkpoint was signed; 0 without one. */
  readonly signedUpToMs: number;
  readonly findings: Findings;
}

/** What was stored so long before the newest checkpoint has to be in one. */
export const SIGNED_WITHIN_MS = 900_000;

const NOTHING: Place = { seq: 0, links: [], whole: [], broken: [], truth: undefined };

/** Looks at each place, whatever is wrong with them; adds what it finds. */
export function checkChain(task: ChainTask): ChainVerdict {
  return new ChainCheck(task).run();
}

/** The last place that leaves have; 0 without one. */
export function highestOf(leaves: readonly SignedLeaf[]): number {
  return leaves.reduce((highest, { leaf }) => Math.max(highest, leaf[1]), 0);
}

class ChainCheck {
  readonly #task: ChainTask;
  /** In their order. */
  readonly #places: readonly Place[];
  /** Places whose record stands elsewhere. */
  readonly #moved = new Set<number>();
  /** The last place of which anything is believed. */
  #end = 0;
  #expired = 0;
  /** Where something is, or was changed; not where only a record of another place stands. */
  #known: readonly Place[] = [];

  constructor(task: ChainTask) {
    this.#task = task;
    this.#places = inOrder(task.evidence.places);
  }

  run(): ChainVerdict {
    for (let index = this.#places.length - 1; index >= 0; index -= 1) this.#believe(this.#places[index] ?? NOTHING);
    for (const place of this.#places) if (place.broken.length > 0) this.#checkBroken(place);
    for (const place of this.#places) this.#checkPlace(place);
    this.#known = this.#places.filter(({ seq, truth }) => truth !== undefined || seq < this.#end);
    this.#checkOrder();
    this.#checkLeaves();
    return { isOpen: this.#checkEnd(), expired: this.#expired, unsigned: this.#unsigned() };
  }

  #place(seq: number): Place {
    return this.#task.evidence.places.get(seq) ?? NOTHING;
  }

  /** Where several claim a place: the one that was signed, else the one that the next place follows on, else the first that came. */
  #believe(place: Place): void {
    const { seq, links, whole } = place;
    const only = links[0] ?? whole[0];
    if (only !== undefined && links.length < 2 && whole.every(({ hash }) => hash === only.hash)) {
      place.truth = only;
      this.#end = Math.max(this.#end, seq);
      return;
    }
    const candidates: readonly Truth[] = [...links, ...whole];
    const signed = this.#task.leaves.find(({ leaf }) => leaf[1] === seq)?.leaf[2];
    const next = this.#place(seq + 1).truth?.prev;
    const found =
      candidates.find(({ hash }) => hash === signed) ??
      candidates.find(({ hash }) => hash === next) ??
      links.toSorted((a, b) => a.receivedMs - b.receivedMs)[0] ??
      whole[0];
    if (found === undefined) return;
    place.truth = found;
    this.#end = Math.max(this.#end, seq);
  }

  #checkBroken({ seq, whole, broken, truth }: Place): void {
    for (const record of broken) {
      const home = this.#homeOf(record);
      const where = this.#where(seq, record);
      if (home !== undefined && home !== seq) {
        this.#moved.add(home);
        this.#add("reordered", `it is the record of place ${home}`, where);
      } else if (whole.some(({ hash }) => hash === truth?.hash)) {
        this.#add("inserted", "another record has its place, and it is not what its own hash covers", where);
      } else this.#add("changed", record.checked.problem, where);
    }
  }

  /** The place at which a record is what was linked; its own when that is so but for what is beside the hash. */
  #homeOf({ line, checked }: EvidenceRecord): number | undefined {
    for (const seq of this.#placesOfSpan(line[2])) {
      const link = this.#place(seq).links.find(({ spanId }) => spanId === line[2]);
      if (link === undefined) continue;
      if (hashAt(line, String(seq), link.prev) === link.hash) return seq;
      if (seq === checked.seq) return seq;
    }
    return undefined;
  }

  #spans: Map<string, number[]> | undefined;

  #placesOfSpan(spanId: string): readonly number[] {
    if (this.#spans === undefined) {
      this.#spans = new Map();
      for (const { seq, links } of this.#places) {
        for (const link of links) {
          const list = this.#spans.get(link.spanId) ?? [];
          list.push(seq);
          this.#spans.set(link.spanId, list);
        }
      }
    }
    return this.#spans.get(spanId) ?? [];
  }

  #checkPlace({ seq, links, whole, broken, truth }: Place): void {
    let isWhole = false;
    for (const { hash, spanId } of whole) {
      if (hash === truth?.hash && !isWhole) isWhole = true;
      else if (hash === truth?.hash) this.#add("inserted", "it is there twice", { from: seq, span_id: spanId });
      else this.#addOther(seq, hash, spanId);
    }
    const link = links.find(({ hash }) => hash === truth?.hash);
    const isThere = isWhole || broken.length > 0;
    if (isThere || link === undefined || this.#moved.has(seq) || !this.#isInWindow(link)) return;
    const { retainedFromMs } = this.#task.window;
    if (retainedFromMs !== undefined && link.receivedMs < retainedFromMs) this.#expired += 1;
    else this.#add("dropped", "its link is there, its record is not", { ...ids(link), from: seq });
  }

  /** A record that is consistent in itself, at a place that is another one's. */
  #addOther(seq: number, hash: string, spanId: string): void {
    const next = this.#place(seq + 1);
    const isFollowed = [...next.links, ...next.whole].some(({ prev }) => prev === hash);
    if (isFollowed)
      this.#add("forked", "two records claim this place, and records follow on both", { from: seq, span_id: spanId });
    else this.#add("inserted", "another record has its place", { from: seq, span_id: spanId });
  }

  #checkOrder(): void {
    let before: Place | undefined;
    for (const place of this.#known) {
      const { seq, truth } = place;
      if (before === undefined) this.#checkFirst(place);
      else if (seq > before.seq + 1) this.#addGap(before.seq + 1, seq - 1);
      else if (truth !== undefined && before.truth !== undefined && before.truth.hash !== truth.prev)
        this.#add("changed", "the record after it follows on another one", { from: before.seq });
      before = place;
    }
  }

  #checkFirst({ seq, links, truth }: Place): void {
    if (seq === 1) {
      if (truth !== undefined && truth.prev !== NO_LINK)
        this.#add("changed", "the first record follows on something", { from: 1 });
      return;
    }
    // A link from before the window comes along, if there is one.
    if (links.length === 0 || links.some((link) => this.#isInWindow(link))) this.#addGap(1, seq - 1);
  }

  /** Places of which nothing is there. They may still come, unless more was signed already. */
  #addGap(from: number, to: number): void {
    const [next] = this.#place(to + 1).links;
    const isSigned = this.#task.leaves.some(({ leaf }) => leaf[1] >= from);
    if (!isSigned && next !== undefined && next.receivedMs >= this.#task.window.settledToMs) return;
    this.#add("dropped", "nothing is there, not even their links", { from, to });
  }

  #checkLeaves(): void {
    for (const { leaf, number } of this.#task.leaves) {
      const [, seq, hash] = leaf;
      const { truth } = this.#place(seq);
      if (truth === undefined || truth.hash === hash) continue;
      this.#add("changed", `checkpoint ${number} has signed another hash: it, or one before it, was rewritten`, {
        from: seq,
      });
      return;
    }
  }

  /** True for a chain whose end is open. */
  #checkEnd(): boolean {
    const { seq: last, links } = this.#known.at(-1) ?? NOTHING;
    const [lastLink] = links;
    if (lastLink !== undefined && lastLink.endMs >= this.#task.window.untilMs) return false;
    const signed = highestOf(this.#task.leaves.filter(({ atMs }) => atMs <= this.#task.window.storedToMs));
    if (signed > last) {
      this.#add("truncated", "a checkpoint has signed more than is there", { from: last + 1, to: signed });
      return false;
    }
    return lastLink?.isClosed !== true;
  }

  #unsigned(): number {
    const { leaves, signedUpToMs } = this.#task;
    const signed = highestOf(leaves);
    const beyond = this.#known.filter(({ seq }) => seq > signed);
    // Not for a chain whose only checkpoint may lie before the window.
    const due =
      leaves.length === 0 && (this.#places[0]?.seq ?? 0) > 1
        ? []
        : beyond.filter((place) => isDue(place, signedUpToMs));
    const [first] = due;
    if (first !== undefined) {
      this.#add("inserted", "no checkpoint covers it, though later ones were signed", {
        from: first.seq,
        to: due.at(-1)?.seq ?? first.seq,
      });
    }
    return beyond.length;
  }

  #isInWindow({ endMs }: { readonly endMs: number }): boolean {
    return endMs >= this.#task.window.sinceMs && endMs < this.#task.window.untilMs;
  }

  #where(seq: number, { line }: EvidenceRecord): { from: number; trace_id: string; span_id: string } {
    return { from: seq, trace_id: line[1], span_id: line[2] };
  }

  #add(...[kind, detail, where]: Parameters<Findings["add"]>): void {
    const { chain, evidence, findings } = this.#task;
    findings.add(kind, detail, { chain, agent: evidence.agent, ...where });
  }
}

function isDue({ links }: Place, signedUpToMs: number): boolean {
  const [link] = links;
  return link !== undefined && link.receivedMs + SIGNED_WITHIN_MS < signedUpToMs;
}

/** They come in order more often than not. */
function inOrder(places: ReadonlyMap<number, Place>): readonly Place[] {
  const list = [...places.values()].filter(({ seq }) => Number.isSafeInteger(seq));
  const isSorted = list.every(({ seq }, index) => index === 0 || (list[index - 1]?.seq ?? 0) < seq);
  return isSorted ? list : list.sort((a, b) => a.seq - b.seq);
}

function ids({ traceId, spanId }: EvidenceLink): { readonly trace_id: string; readonly span_id: string } {
  return { trace_id: traceId, span_id: spanId };
}
