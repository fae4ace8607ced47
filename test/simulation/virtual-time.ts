/** The only time there is: a queue of things to come, in order of their instant, then of their making. */
export class VirtualTime {
  #nowMs: number;
  #made = 0;
  readonly #heap: Entry[] = [];

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Returns the function that cancels it. An instant that has passed is now. */
  at(atMs: number, fn: () => void): () => void {
    const entry: Entry = { atMs: Math.max(atMs, this.#nowMs), order: this.#made, fn };
    this.#made += 1;
    this.#push(entry);
    return () => (entry.fn = undefined);
  }

  after(ms: number, fn: () => void): () => void {
    return this.at(this.#nowMs + ms, fn);
  }

  /** Moves on to the next thing that comes before `untilMs`, or to `untilMs` and gives nothing. */
  next(untilMs: number): (() => void) | undefined {
    for (let entry = this.#heap[0]; entry !== undefined && entry.atMs <= untilMs; entry = this.#heap[0]) {
      this.#pop();
      if (entry.fn === undefined) continue;
      this.#nowMs = entry.atMs;
      return entry.fn;
    }
    this.#nowMs = untilMs;
    return undefined;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || !comesBefore(entry, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let childAt = at * 2 + 1;
      let child = heap[childAt];
      const right = heap[childAt + 1];
      if (child === undefined) break;
      if (right !== undefined && comesBefore(right, child)) {
        child = right;
        childAt += 1;
      }
      if (!comesBefore(child, last)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
  }
}

interface Entry {
  readonly atMs: number;
  readonly order: number;
  fn: (() => void) | undefined;
}

function comesBefore(left: Entry, right: Entry): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}
