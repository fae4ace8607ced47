/**
 * A map that remembers what was used lately, and at most `max` entries. Two generations: what is asked for moves to the younger
 * one, and when that has half of them, the older one is forgotten as a whole. So it keeps at least the last half used, and
 * costs no order of its own.
 */
export class RecentMap<Key, Value extends NonNullable<unknown>> {
  readonly #half: number;
  #recent = new Map<Key, Value>();
  #before = new Map<Key, Value>();

  constructor(max: number) {
    this.#half = Math.max(1, Math.floor(max / 2));
  }

  get size(): number {
    return this.#recent.size + this.#before.size;
  }

  get(key: Key): Value | undefined {
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const before = this.#before.get(key);
    if (before === undefined) return undefined;
    this.#before.delete(key);
    this.set(key, before);
    return before;
  }

  set(key: Key, value: Value): void {
    if (this.#recent.size >= this.#half && !this.#recent.has(key)) {
      this.#before = this.#recent;
      this.#recent = new Map();
    } else {
      this.#before.delete(key);
    }
    this.#recent.set(key, value);
  }

  /** The value of a key, made and kept when there is none. */
  getOr(key: Key, make: () => Value): Value {
    const known = this.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.set(key, made);
    return made;
  }
}
