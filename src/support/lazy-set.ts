/**
 * A set that takes no room until something is in it, and none again once it is empty: for objects that come by the hundred
 * thousand and mostly hold nothing. In order of insertion, like `Set`.
 */
export class LazySet<T> {
  #set: Set<T> | undefined;

  get size(): number {
    return this.#set?.size ?? 0;
  }

  has(value: T): boolean {
    return this.#set?.has(value) ?? false;
  }

  add(value: T): void {
    this.#set ??= new Set();
    this.#set.add(value);
  }

  delete(value: T): void {
    if (this.#set?.delete(value) === true && this.#set.size === 0) this.#set = undefined;
  }

  clear(): void {
    this.#set = undefined;
  }

  *[Symbol.iterator](): Generator<T> {
    if (this.#set !== undefined) yield* this.#set;
  }
}
