/**
 * The Merkle tree of Certificate Transparency (RFC 6962, section 2.1; RFC 9162, section 2.1): a log of leaves that can be shown to hold a
 * leaf (inclusion) and to have only grown (consistency). SHA-256; leaf and node are told apart by their first byte.
 */
import { createHash } from "node:crypto";

export type Hash = Buffer;

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

export function leafHash(leaf: string | Uint8Array): Hash {
  return createHash("sha256").update(LEAF).update(leaf).digest();
}

export function nodeHash(left: Hash, right: Hash): Hash {
  return createHash("sha256").update(NODE).update(left).update(right).digest();
}

/** Root of a tree of nothing. */
export function emptyRoot(): Hash {
  return createHash("sha256").digest();
}

/**
 * The right edge of a tree: the roots of its perfect subtrees, largest first. All that is needed to append and to know the
 * root; as many hashes as `size` has ones in binary.
 */
export class Frontier {
  #size: number;
  readonly #roots: Hash[];

  constructor(size = 0, roots: readonly Hash[] = []) {
    if (!Number.isSafeInteger(size) || size < 0 || roots.length !== onesOf(size)) {
      throw new RangeError(`a tree of ${size} leaves has not ${roots.length} perfect subtrees`);
    }
    this.#size = size;
    this.#roots = [...roots];
  }

  get size(): number {
    return this.#size;
  }

  get roots(): readonly Hash[] {
    return this.#roots;
  }

  append(leaf: Hash): void {
    let node = leaf;
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = this.#roots.pop();
      if (left === undefined) throw new RangeError("the frontier is not whole");
      node = nodeHash(left, node);
    }
    this.#roots.push(node);
    this.#size += 1;
  }

  root(): Hash {
    let root: Hash | undefined;
    for (let index = this.#roots.length - 1; index >= 0; index -= 1) {
      const left = this.#roots[index];
      if (left !== undefined) root = root === undefined ? left : nodeHash(left, root);
    }
    return root ?? emptyRoot();
  }
}

export function rootOf(leaves: readonly Hash[]): Hash {
  const frontier = new Frontier();
  for (const leaf of leaves) frontier.append(leaf);
  return frontier.root();
}

/** PATH(m, D[n]) of RFC 6962, section 2.1.1: that leaf `index` is in the tree of `leaves`. */
export function inclusionProof(leaves: readonly Hash[], index: number): readonly Hash[] {
  if (index < 0 || index >= leaves.length) throw new RangeError(`no leaf ${index} in a tree of ${leaves.length}`);
  if (leaves.length === 1) return [];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...inclusionProof(left, index), rootOf(right)]
    : [...inclusionProof(right, index - split), rootOf(left)];
}

/** PROOF(m, D[n]) of RFC 6962, section 2.1.2: that the tree of `leaves` began with its first `size`. */
export function consistencyProof(leaves: readonly Hash[], size: number): readonly Hash[] {
  if (size < 1 || size > leaves.length) throw new RangeError(`no tree of ${size} in one of ${leaves.length}`);
  return subProof(leaves, size, true);
}

function subProof(leaves: readonly Hash[], size: number, isWhole: boolean): readonly Hash[] {
  if (size === leaves.length) return isWhole ? [] : [rootOf(leaves)];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return size <= split
    ? [...subProof(left, size, isWhole), rootOf(right)]
    : [...subProof(right, size - split, false), rootOf(left)];
}

export interface Inclusion {
  readonly leaf: Hash;
  readonly index: number;
  readonly size: number;
  readonly root: Hash;
  readonly proof: readonly Hash[];
}

/** RFC 9162, section 2.1.3.2. */
export function isIncluded({ leaf, index, size, root, proof }: Inclusion): boolean {
  if (index < 0 || index >= size) return false;
  let [place, last] = [BigInt(index), BigInt(size - 1)];
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0n) return false;
    if ((place & 1n) === 1n || place === last) {
      hash = nodeHash(sibling, hash);
      while ((place & 1n) === 0n && place !== 0n) [place, last] = [place >> 1n, last >> 1n];
    } else hash = nodeHash(hash, sibling);
    [place, last] = [place >> 1n, last >> 1n];
  }
  return last === 0n && hash.equals(root);
}

export interface Consistency {
  readonly first: { readonly size: number; readonly root: Hash };
  readonly second: { readonly size: number; readonly root: Hash };
  readonly proof: readonly Hash[];
}

/** RFC 9162, section 2.1.4.2. */
export function isConsistent({ first, second, proof }: Consistency): boolean {
  if (first.size < 1 || first.size > second.size) return false;
  if (first.size === second.size) return proof.length === 0 && first.root.equals(second.root);
  const path = onesOf(first.size) === 1 ? [first.root, ...proof] : [...proof];
  const [start, ...rest] = path;
  if (start === undefined) return false;
  let [place, last] = [BigInt(first.size - 1), BigInt(second.size - 1)];
  while ((place & 1n) === 1n) [place, last] = [place >> 1n, last >> 1n];
  let [old, now] = [start, start];
  for (const node of rest) {
    if (last === 0n) return false;
    if ((place & 1n) === 1n || place === last) {
      old = nodeHash(node, old);
      now = nodeHash(node, now);
      while ((place & 1n) === 0n && place !== 0n) [place, last] = [place >> 1n, last >> 1n];
    } else now = nodeHash(now, node);
    [place, last] = [place >> 1n, last >> 1n];
  }
  return last === 0n && old.equals(first.root) && now.equals(second.root);
}

/** The largest power of two below `size`. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

function onesOf(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}
