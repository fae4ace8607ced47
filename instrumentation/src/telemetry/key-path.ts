/**
 * The keys of which something was said, in the order in which it was first said. Spans of one kind say the same things in the same
 * order, so they go along the same path and share the list at its end: nothing is made, compared or searched for to say what others
 * have said before. As the engine does with the members of objects.
 */
export class KeyPath {
  readonly key: string;
  readonly size: number;
  readonly before: KeyPath | undefined;
  /** Where it went on the last time: nearly always there. */
  #next: KeyPath | undefined;
  #others: Map<string, KeyPath> | undefined;
  #keys: readonly string[] | undefined;

  /** Of a span that has said nothing. */
  static readonly start = new KeyPath("", undefined);

  private constructor(key: string, before: KeyPath | undefined) {
    this.key = key;
    this.before = before;
    this.size = before === undefined ? 0 : before.size + 1;
  }

  /** Where `key` leads if it is what nearly always comes next, and so is none of the keys before; else `undefined`. */
  usual(key: string): KeyPath | undefined {
    const next = this.#next;
    return next !== undefined && next.key === key ? next : undefined;
  }

  /** Where a key leads that is none of those before. */
  with(key: string): KeyPath {
    const known = this.usual(key) ?? this.#others?.get(key);
    if (known !== undefined) {
      this.#next = known;
      return known;
    }
    const next = new KeyPath(key, this);
    // Who says something else each time shares nothing.
    if (paths >= PATHS_MAX) return next;
    paths += 1;
    this.#next = next;
    (this.#others ??= new Map()).set(key, next);
    return next;
  }

  /** Frozen, and the same one for all that came here. */
  get keys(): readonly string[] {
    return (this.#keys ??= Object.freeze(keysUpTo(this)));
  }
}

/** At which place of the list at the end of a path a key stands; -1: at none. */
export function placeOf(key: string, path: KeyPath): number {
  // From the end: what is said twice is mostly said soon again.
  for (let at = path; at.before !== undefined; at = at.before) if (at.key === key) return at.size - 1;
  return -1;
}

function keysUpTo(path: KeyPath): string[] {
  const keys: string[] = [];
  for (let at = path; at.before !== undefined; at = at.before) keys.push(at.key);
  return keys.toReversed();
}

/** All that are kept. A process takes a few hundred; labels that apps make up could make any number. */
const PATHS_MAX = 8_192;
let paths = 0;
