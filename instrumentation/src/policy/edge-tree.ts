/**
 * Literal beginnings (or ends) of patterns as a tree that looks only at the characters in which they differ: a search costs a few
 * steps, whatever their number and length, and finds some that the name does not begin (end) with, so that each is still
 * to be tried. Pure; memory grows with the number of edges.
 */

/** Over UTF-16 code units: from the first to the last or the other way round. */
type Direction = "forward" | "backward";

interface Node<T> {
  /** Of one edge that goes through here, in the order of the walk: those below share it up to here. */
  readonly edge: readonly number[];
  readonly length: number;
  readonly items: T[];
  /** By the unit that comes next, less `base`. */
  readonly children: (Node<T> | undefined)[];
  base: number;
}

/** Edges are told apart by the ASCII in front of anything else. */
const ASCII = /^[\0-\x7f]*/;

export class EdgeTree<T> {
  readonly #isForward: boolean;
  readonly #root: Node<T> = nodeOf([], 0);

  constructor(direction: Direction) {
    this.#isForward = direction === "forward";
  }

  add(edge: string, item: T): void {
    const walked = this.#isForward ? edge : Array.from(edge).toReversed().join("");
    const units = Array.from(ASCII.exec(walked)?.[0] ?? "", (character) => character.charCodeAt(0));
    let node = this.#root;
    for (;;) {
      const unit = units[node.length];
      if (unit === undefined) break;
      const child = childOf(node, unit) ?? nodeOf<T>(units, units.length);
      const shared = sharedLength(units, child);
      const next = shared === child.length ? child : nodeOf<T>(units, shared);
      if (next !== child) setChild(next, child.edge[shared] ?? 0, child);
      setChild(node, unit, next);
      node = next;
    }
    node.items.push(item);
  }

  /** Adds to `into` the items of every edge that the name begins (ends) with, and maybe others. */
  search(name: string, into: T[]): void {
    const { length } = name;
    let node: Node<T> | undefined = this.#root;
    while (node !== undefined && node.length <= length) {
      const { items, children } = node;
      for (let index = 0; index < items.length; index += 1) into.push(items[index] as T);
      if (children.length === 0 || node.length === length) return;
      node = childOf(node, name.charCodeAt(this.#isForward ? node.length : length - 1 - node.length));
    }
  }
}

function childOf<T>({ children, base }: Node<T>, unit: number): Node<T> | undefined {
  const at = unit - base;
  return at >= 0 && at < children.length ? children[at] : undefined;
}

function setChild<T>(node: Node<T>, unit: number, child: Node<T>): void {
  const { children } = node;
  if (children.length === 0) node.base = unit;
  for (; node.base > unit; node.base -= 1) children.unshift(undefined);
  while (children.length <= unit - node.base) children.push(undefined);
  children[unit - node.base] = child;
}

function nodeOf<T>(edge: readonly number[], length: number): Node<T> {
  return { edge, length, items: [], children: [], base: 0 };
}

function sharedLength<T>(units: readonly number[], { edge, length }: Node<T>): number {
  let shared = 0;
  while (shared < length && shared < units.length && units[shared] === edge[shared]) shared += 1;
  return shared;
}
