/**
 * Which of many rules name a tool: by the literal beginning or end of their patterns, so that a name that was never seen before
 * is tried against those only that it begins or ends like. Pure; finds what trying all would find, in the same order.
 */
import { EdgeTree } from "./edge-tree.ts";
import { compileFolded, globEdges } from "./glob.ts";

interface Entry {
  /** Position of its rule. */
  readonly at: number;
  readonly matches: (folded: string) => boolean;
}

export const NO_RULE = -1;
export const MANY_RULES = -2;
const NONE: readonly never[] = Object.freeze([]);

export class RuleIndex {
  readonly #byFirst = new EdgeTree<Entry>("forward");
  readonly #byLast = new EdgeTree<Entry>("backward");
  /** Of one search; kept, as most searches find one or none. */
  readonly #near: Entry[] = [];

  /** The patterns of each rule. Throws `GlobError`. */
  constructor(rules: readonly (readonly string[])[]) {
    for (const [at, patterns] of rules.entries()) for (const pattern of patterns) this.#file(pattern, at);
  }

  /** Positions of the rules that name a tool, ascending. The name is folded. */
  find(name: string): readonly number[] {
    const only = this.findOnly(name);
    if (only === NO_RULE) return NONE;
    if (only !== MANY_RULES) return [only];
    const found = new Set<number>();
    for (const { at, matches } of this.#near) if (matches(name)) found.add(at);
    return [...found].sort((a, b) => a - b);
  }

  /** The position of the one rule that names a tool, else `NO_RULE` or `MANY_RULES`: mostly that is all there is to say, and makes no list. */
  findOnly(name: string): number {
    const near = this.#near;
    near.length = 0;
    this.#byFirst.search(name, near);
    this.#byLast.search(name, near);
    let only = NO_RULE;
    for (let index = 0; index < near.length; index += 1) {
      const { at, matches } = near[index] as Entry;
      if (at === only || !matches(name)) continue;
      if (only !== NO_RULE) return MANY_RULES;
      only = at;
    }
    return only;
  }

  #file(pattern: string, at: number): void {
    const entry: Entry = { at, matches: compileFolded(pattern) };
    // Alternatives of one pattern may share a place.
    const places = new Set<string>();
    for (const { first, last } of globEdges(pattern)) {
      const isFirst = first.length >= last.length;
      const edge = isFirst ? first : last;
      const place = `${isFirst} ${edge}`;
      if (places.has(place)) continue;
      places.add(place);
      (isFirst ? this.#byFirst : this.#byLast).add(edge, entry);
    }
  }
}
