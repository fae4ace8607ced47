/**
 * Which of many rules name a tool: by the literal beginning or end of their patterns, so that a name that was never seen before
 * is tried against a few of them only. Pure; finds what trying all would find, in the same order.
 */
import { compileFolded, globEdges } from "./glob.ts";

type Matches = (folded: string) => boolean;

interface Entry {
  /** Position of its rule. */
  readonly at: number;
  readonly matches: Matches;
}

/** Edges are cut to one of these: few lengths are few look-ups. Longest first. */
const LENGTHS = [12, 6, 3, 1] as const;

interface Shelf {
  readonly length: number;
  readonly entries: Map<string, Entry[]>;
}

export class RuleIndex {
  readonly #byFirst: Shelf[] = [];
  readonly #byLast: Shelf[] = [];
  /** Patterns that begin and end with anything. */
  readonly #open: Entry[] = [];

  /** The patterns of each rule. Throws `GlobError`. */
  constructor(rules: readonly (readonly string[])[]) {
    for (const [at, patterns] of rules.entries()) for (const pattern of patterns) this.#file(pattern, at);
  }

  /** Positions of the rules that name a tool, ascending. The name is folded. */
  find(name: string): readonly number[] {
    const found: number[] = [];
    for (const { length, entries } of this.#byFirst) {
      if (name.length < length) continue;
      const bucket = entries.get(name.slice(0, length));
      if (bucket !== undefined) take(bucket, name, found);
    }
    for (const { length, entries } of this.#byLast) {
      if (name.length < length) continue;
      const bucket = entries.get(name.slice(-length));
      if (bucket !== undefined) take(bucket, name, found);
    }
    if (this.#open.length > 0) take(this.#open, name, found);
    if (found.length < 2) return found;
    found.sort((a, b) => a - b);
    return found.filter((at, index) => at !== found[index - 1]);
  }

  #file(pattern: string, at: number): void {
    const entry: Entry = { at, matches: compileFolded(pattern) };
    const places = new Set<string>();
    for (const { first, last } of globEdges(pattern)) {
      const isFirst = first.length >= last.length;
      const edge = isFirst ? first : last;
      const length = LENGTHS.find((each) => each <= edge.length);
      const text = length === undefined ? "" : isFirst ? edge.slice(0, length) : edge.slice(-length);
      // Alternatives of one pattern may share a place.
      const place = `${isFirst} ${text}`;
      if (places.has(place)) continue;
      places.add(place);
      if (length === undefined) this.#open.push(entry);
      else shelve(isFirst ? this.#byFirst : this.#byLast, text, entry);
    }
  }
}

function shelve(shelves: Shelf[], text: string, entry: Entry): void {
  let shelf = shelves.find(({ length }) => length === text.length);
  if (shelf === undefined) shelves.push((shelf = { length: text.length, entries: new Map() }));
  const bucket = shelf.entries.get(text);
  if (bucket === undefined) shelf.entries.set(text, [entry]);
  else bucket.push(entry);
}

function take(entries: readonly Entry[], name: string, found: number[]): void {
  for (const { at, matches } of entries) if (matches(name)) found.push(at);
}
