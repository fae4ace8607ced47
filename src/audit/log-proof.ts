import { type Checkpoint, hashOfLeaf, type Leaf } from "./checkpoint.ts";
import { consistencyProof, type Hash, inclusionProof, rootOf } from "./merkle.ts";

export interface LogProof {
  readonly size: number;
  readonly root: string;
  readonly leaf?: (string | number | boolean)[];
  readonly proof: string[];
}

/** More leaves are not gone through for one question. */
const LEAVES_MAX = 1_000_000;

/** A proof in the tree of the first `size` leaves of a log; `undefined` when there is no such tree or leaf. */
export async function logProof(
  checkpoints: AsyncIterable<Checkpoint>,
  asked: { readonly size: number; readonly leaf?: number | undefined; readonly first?: number | undefined },
): Promise<LogProof | undefined> {
  const { size, leaf, first } = asked;
  const hashes: Hash[] = [];
  let found: Leaf | undefined;
  for await (const { leaves } of checkpoints) {
    for (const one of leaves) {
      if (hashes.length === leaf) found = one;
      if (hashes.length < size) hashes.push(hashOfLeaf(one));
    }
    if (hashes.length >= Math.min(size, LEAVES_MAX)) break;
  }
  if (hashes.length !== size) return undefined;
  const root = rootOf(hashes).toString("hex");
  if (leaf !== undefined) {
    if (found === undefined || leaf >= size) return undefined;
    return { size, root, leaf: [...found], proof: inclusionProof(hashes, leaf).map(hexOf) };
  }
  if (first === undefined || first > size) return undefined;
  return { size, root, proof: consistencyProof(hashes, first).map(hexOf) };
}

function hexOf(hash: Hash): string {
  return hash.toString("hex");
}
