/**
 * A checkpoint: the signed root of the log at one moment. The log's leaves are heads of chains: chain, place, hash, how many
 * links before it never came, and whether the chain was closed. The form is described in docs/audit.md.
 */
import { createHash } from "node:crypto";
import type { HeadOfChain } from "./chain-book.ts";
import { Frontier, type Hash, leafHash } from "./merkle.ts";

const CHECKPOINT_FORM = "tollgate-checkpoint-1";
const LEAF_FORM = "tollgate-leaf-1";
/** `previous` of the first checkpoint of a log. */
export const NO_CHECKPOINT = "0".repeat(64);

/** A head of a chain as it is written: `[chain, seq, hash, missing, closed]`. */
export type Leaf = readonly [chain: string, seq: number, hash: string, missing: number, isClosed: boolean];

/** What is signed. */
export interface CheckpointBody {
  /** 32 lower-case hex digits: one log for each data directory. */
  readonly log: string;
  /** From 1. */
  readonly number: number;
  /** Leaves in the tree, with those of this checkpoint. */
  readonly size: number;
  readonly root: string;
  /** ISO 8601. */
  readonly time: string;
  /** SHA-256 of the signed text of the checkpoint before it. */
  readonly previous: string;
  /** Id of the key. */
  readonly key: string;
}

export interface Checkpoint extends CheckpointBody {
  /** Ed25519 over `checkpointText`, base64. */
  readonly signature: string;
  /** What this checkpoint adds to the tree. */
  readonly leaves: readonly Leaf[];
  /** The tree's right edge with these leaves in it (hex): what the next ones are appended to. */
  readonly frontier: readonly string[];
}

export function checkpointText(body: CheckpointBody): string {
  const { log, number, size, root, time, previous, key } = body;
  return JSON.stringify([CHECKPOINT_FORM, log, number, size, root, time, previous, key]);
}

export function checkpointHash(body: CheckpointBody): string {
  return createHash("sha256").update(checkpointText(body)).digest("hex");
}

export function leafOf({ chain, seq, hash, missing, isClosed }: HeadOfChain): Leaf {
  return [chain, seq, hash, missing, isClosed];
}

export function hashOfLeaf(leaf: Leaf): Hash {
  return leafHash(JSON.stringify([LEAF_FORM, ...leaf]));
}

/** The tree as a checkpoint left it. Throws `RangeError` for a frontier that does not fit its size. */
export function frontierOf({ size, frontier }: Pick<Checkpoint, "size" | "frontier">): Frontier {
  return new Frontier(
    size,
    frontier.map((hex) => Buffer.from(hex, "hex")),
  );
}
