/**
 * The keys of a thing's attributes, in their order, shared by all that have the same ones: spans of one instrumentation
 * differ in their values, hardly ever in their keys. A shape is a path in a tree of keys, so the reader follows the path
 * of the span before and only compares bytes; what follows from keys alone (where a key stands, its place in a column's
 * dictionary) is worked out once a shape. The tree is bounded: when it has grown too heavy, a new one is begun. Behind a shape that
 * has led to many others, senders make keys up: of what is new there, little is kept, or the tree would be full of what never comes again.
 */
import type { AttributeKey } from "../attribute-key.ts";
import type { AttributeValue } from "../span.ts";
import { type ByteSource, isLiteralAt, type Literal, literal, literalOf } from "./byte-source.ts";

/** What a tree may weigh: a key and its node count 4 and a quarter of the key's bytes, an entry of an index 1. About 12 MB. */
const WEIGHT_MAX = 262_144;
const NODE_WEIGHT = 4;
/** Of one shape, so many with one key more are kept; beyond, each 16th that is new takes the place of the oldest: what comes again and again comes in. */
const CHILDREN_MAX = 128;
const ADMITTED_EVERY = 16;
/** Of a shape that is not kept: trees are renewed all the same. */
const LOOSE_WEIGHT = 1;
/** Lists of a key that are kept, the latest ones, and the bytes of one. */
const KEPT_MAX = 4;
const KEPT_BYTES_MAX = 160;
/** Where a key stands that is not there. */
export const ABSENT = -1;
const UNKNOWN = -2;

/** A list or map under the last key of a shape, with the whole attribute as it is on the wire. */
export interface KeptList {
  readonly wire: Literal;
  readonly value: AttributeValue;
}

export class AttributeShape {
  readonly size: number;
  readonly parent: AttributeShape | undefined;
  /** The last key of the path; "" for the root. */
  readonly key: string;
  /** `key` as it is on the wire, in memory of its own; of a shape that is kept. */
  readonly wireKey: Literal;
  /** The shape that came after this one last time. */
  next: AttributeShape | undefined = undefined;
  /** What follows from these keys, each memo at its own place. */
  readonly memos: (object | undefined)[] = [];
  readonly #tree: ShapeTree;
  /** It is its parent's child, so that others come to it. Else it is one thing's own, and goes with it. */
  readonly #isInTree: boolean;
  #kept: KeptList[] | undefined;
  /** All that were kept so far; the next one takes the place of the oldest. */
  #keptCount = 0;
  #children: Map<string, AttributeShape> | undefined;
  /** Since one was admitted in place of another. */
  #turnedAway = 0;
  #keys: readonly string[] | undefined;
  #index: ReadonlyMap<string, number> | undefined;
  /** The same by the numbers of those keys that have one, for as many as were asked for. */
  readonly #places: number[] = [];

  constructor(tree: ShapeTree, last?: { readonly parent: AttributeShape; readonly key: string }) {
    this.#tree = tree;
    this.parent = last?.parent;
    this.size = last === undefined ? 0 : last.parent.size + 1;
    this.key = last?.key ?? "";
    this.#isInTree = last === undefined || last.parent.#admits();
    this.wireKey = this.#isInTree ? tree.literalOf(this.key) : NO_LITERAL;
  }

  /** All keys, in their order. */
  get keys(): readonly string[] {
    if (this.#keys === undefined) {
      this.#keys = this.#pathKeys();
      this.#weigh(this.size / 4);
    }
    return this.#keys;
  }

  /** Where a key stands; `undefined` when it is not there. */
  indexOf(key: string): number | undefined {
    return this.#index === undefined ? this.#lookUp(key) : this.#index.get(key);
  }

  /** The same of a key that has a number; `ABSENT` when it is not there. */
  placeOf(key: AttributeKey): number {
    const place = this.#places[key.number] ?? UNKNOWN;
    return place === UNKNOWN ? this.#findPlace(key) : place;
  }

  /** The shape with one key more that has been seen already; `undefined` when it was not, or the key is in this shape. */
  child(key: string): AttributeShape | undefined {
    const { next } = this;
    if (next !== undefined && next.key === key) return next;
    const child = this.#children?.get(key);
    if (child !== undefined) this.next = child;
    return child;
  }

  /** The shape with one key more. The caller has made sure that the key is not in this shape. */
  with(key: string): AttributeShape {
    const known = this.child(key);
    if (known !== undefined) return known;
    const made = new AttributeShape(this.#tree, { parent: this, key });
    if (!made.#isInTree) {
      this.#tree.weigh(LOOSE_WEIGHT);
      return made;
    }
    this.#tree.weigh(NODE_WEIGHT + made.wireKey.bytes.length / 4);
    const { next } = this;
    if (next !== undefined) (this.#children ??= new Map([[next.key, next]])).set(key, made);
    this.next = made;
    return made;
  }

  /** A list that came here before as the very bytes at `at`: most are one of a few (`["stop"]`), and need not be read again. */
  keptAt(source: ByteSource, at: number): KeptList | undefined {
    if (this.#kept === undefined) return undefined;
    for (const kept of this.#kept) if (isLiteralAt(source, at, kept.wire)) return kept;
    return undefined;
  }

  /** Keeps the list that `wire`, an attribute with the last key of this shape, stands for. Copies the bytes. */
  keep(wire: Uint8Array, value: AttributeValue): void {
    if (wire.length > KEPT_BYTES_MAX || !this.#isInTree) return;
    const kept = (this.#kept ??= []);
    if (kept.length < KEPT_MAX) this.#tree.weigh(NODE_WEIGHT + KEPT_BYTES_MAX / 4);
    kept[this.#keptCount % KEPT_MAX] = { wire: literalOf(Uint8Array.from(wire)), value };
    this.#keptCount += 1;
  }

  /** Where each key stands, made afresh. */
  places(): Map<string, number> {
    const places = new Map<string, number>();
    for (const [place, key] of this.#pathKeys().entries()) places.set(key, place);
    return places;
  }

  /** Spares the shape making its index: `places` must be what `places()` gives, and not change any more. */
  adoptPlaces(places: ReadonlyMap<string, number>): void {
    if (this.#index !== undefined) return;
    this.#weigh(this.size);
    this.#index = places;
  }

  /** Whether one more with one key more is kept; makes room for it. */
  #admits(): boolean {
    const children = this.#children;
    if (!this.#isInTree || children === undefined || children.size < CHILDREN_MAX) return this.#isInTree;
    this.#turnedAway = (this.#turnedAway + 1) % ADMITTED_EVERY;
    if (this.#turnedAway > 0) return false;
    for (const oldest of children.keys()) return children.delete(oldest);
    return true;
  }

  /** Apart from `indexOf`, which is asked for every key of every span and stays small for it. */
  #lookUp(key: string): number | undefined {
    const { parent } = this;
    if (!this.#isInTree && parent !== undefined && parent.#index !== undefined) {
      // Nobody else asks it: one key more is no reason for an index of its own.
      return key === this.key ? this.size - 1 : parent.indexOf(key);
    }
    this.#index = this.#buildIndex();
    return this.#index.get(key);
  }

  #findPlace({ name, number }: AttributeKey): number {
    const places = this.#places;
    if (number >= places.length) this.#weigh((number + 1 - places.length) / 4);
    // No holes: those are looked for in prototypes.
    while (places.length <= number) places.push(UNKNOWN);
    return (places[number] = this.indexOf(name) ?? ABSENT);
  }

  #pathKeys(): readonly string[] {
    const keys: string[] = [this.key];
    for (let shape = this.parent; shape !== undefined; shape = shape.parent) keys.push(shape.key);
    // The root's key is none.
    keys.pop();
    return keys.reverse();
  }

  #weigh(weight: number): void {
    if (this.#isInTree) this.#tree.weigh(weight);
  }

  #buildIndex(): ReadonlyMap<string, number> {
    this.#weigh(this.size);
    return this.places();
  }
}

const NO_LITERAL = literal("");

class ShapeTree {
  /** By key: behind a key that no two spans share the same ones come again, on nodes of their own. */
  readonly #literals = new Map<string, Literal>();
  readonly root = new AttributeShape(this);
  #weight = 0;

  get isFull(): boolean {
    return this.#weight > WEIGHT_MAX;
  }

  weigh(weight: number): void {
    this.#weight += weight;
  }

  literalOf(key: string): Literal {
    let made = this.#literals.get(key);
    if (made === undefined) this.#literals.set(key, (made = literal(key)));
    return made;
  }
}

let tree = new ShapeTree();

/** The shape without keys, from which every path begins. */
export function emptyShape(): AttributeShape {
  if (tree.isFull) tree = new ShapeTree();
  return tree.root;
}
