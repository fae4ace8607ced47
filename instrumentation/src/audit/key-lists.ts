/**
 * What is worked out of a list of keys, remembered for the lists that were seen last: records of one kind have the same keys in the same
 * order, and working it out each time would cost more than all else about a record.
 */
export class KeyLists<T> {
  readonly #make: (keys: readonly string[]) => T;
  readonly #known: Known<T>[] = [];

  constructor(make: (keys: readonly string[]) => T) {
    this.#make = make;
  }

  of(keys: readonly string[]): T {
    const at = this.#find(keys);
    const found = this.#known[at];
    if (found === undefined) {
      const made = this.#make(keys);
      if (this.#known.length >= LISTS_MAX) this.#known.pop();
      // A list that can't change is found again without looking into it.
      this.#known.unshift({ keys: Object.isFrozen(keys) ? keys : [...keys], made });
      return made;
    }
    if (at > 0) {
      // Forward by one: what is seen often comes to stand first.
      const before = this.#known[at - 1];
      if (before !== undefined) [this.#known[at - 1], this.#known[at]] = [found, before];
    }
    return found.made;
  }

  #find(keys: readonly string[]): number {
    const known = this.#known;
    for (let at = 0; at < known.length; at += 1) if (isSame((known[at] as Known<T>).keys, keys)) return at;
    return -1;
  }
}

interface Known<T> {
  readonly keys: readonly string[];
  readonly made: T;
}

const LISTS_MAX = 64;

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  // From the end: the last attributes tell records apart.
  for (let index = a.length - 1; index >= 0; index -= 1) if (a[index] !== b[index]) return false;
  return true;
}
