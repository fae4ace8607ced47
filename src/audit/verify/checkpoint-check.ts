/** Whether the checkpoints of an export are those that were signed, one after the other, over one growing tree. */
import { type Checkpoint, checkpointHash, checkpointText, frontierOf, hashOfLeaf, type Leaf } from "../checkpoint.ts";
import { Frontier } from "../merkle.ts";
import { isSigned } from "../signing-keys.ts";
import type { Findings } from "./finding.ts";

/** A line of an export; `leaves` as JSON text. */
export type CheckpointLine = readonly [
  line: "checkpoint",
  log: string,
  number: number,
  size: number,
  root: string,
  time: string,
  previous: string,
  key: string,
  signature: string,
  leaves: string,
  frontier: readonly string[],
];

/** A head that is known from elsewhere: the processor's own memory, an anchor. */
export interface KnownHead {
  readonly log: string;
  readonly number: number;
  readonly hash: string;
  readonly time: string;
}

export interface SignedLeaf {
  readonly leaf: Leaf;
  readonly number: number;
  readonly atMs: number;
  /** When the checkpoint before it was signed; 0 for the first. */
  readonly sinceMs: number;
}

export function checkpointOf(line: CheckpointLine): Checkpoint {
  const [, log, number, size, root, time, previous, key, signature, leaves, frontier] = line;
  const body = { log, number, size, root, time, previous, key, signature };
  return { ...body, leaves: JSON.parse(leaves) as Leaf[], frontier };
}

interface CheckpointTask {
  readonly checkpoints: readonly Checkpoint[];
  /** By id: raw keys in base64. */
  readonly keys: ReadonlyMap<string, string>;
  readonly heads: readonly KnownHead[];
  readonly findings: Findings;
}

/** The leaves that a trusted signature covers. */
export function checkCheckpoints({ checkpoints, keys, heads, findings }: CheckpointTask): readonly SignedLeaf[] {
  const logs = new Map<string, Checkpoint[]>();
  for (const checkpoint of checkpoints) {
    const list = logs.get(checkpoint.log) ?? [];
    list.push(checkpoint);
    logs.set(checkpoint.log, list);
  }
  const leaves: SignedLeaf[] = [];
  for (const list of logs.values()) {
    list.sort((a, b) => a.number - b.number);
    leaves.push(...checkLog(list, keys, findings));
  }
  checkHeads({ logs, heads, findings });
  return leaves;
}

function checkLog(list: readonly Checkpoint[], keys: CheckpointTask["keys"], findings: Findings): SignedLeaf[] {
  const leaves: SignedLeaf[] = [];
  let before: Checkpoint | undefined;
  let isGood = true;
  for (const checkpoint of list) {
    const name = `checkpoint ${checkpoint.number}`;
    const key = keys.get(checkpoint.key);
    const isBeforeGood = isGood;
    isGood = false;
    if (before?.number === checkpoint.number) {
      if (checkpointHash(before) !== checkpointHash(checkpoint))
        findings.add("checkpoint_replaced", `${name} is there twice, and not the same`);
      continue;
    }
    if (before !== undefined && checkpoint.number !== before.number + 1)
      findings.add(
        "checkpoint_dropped",
        `${before.number + 1} to ${checkpoint.number - 1} of the log ${checkpoint.log}`,
      );
    if (key === undefined) {
      findings.add("wrong_key", `${name} is signed by the key ${checkpoint.key}, which is none of those trusted`);
    } else if (!isSigned(checkpointText(checkpoint), { signature: checkpoint.signature, key })) {
      findings.add("checkpoint_replaced", `${name} does not bear the signature of the key ${checkpoint.key}`);
    } else {
      // What follows on a bad one is judged by itself.
      const problem = treeProblem(checkpoint, isBeforeGood ? before : undefined);
      isGood = problem === "";
      if (problem !== "") findings.add("checkpoint_replaced", `${name}: ${problem}`);
      else if ((before !== undefined && isBeforeGood) || checkpoint.number === 1) {
        const atMs = Date.parse(checkpoint.time);
        const sinceMs = before === undefined ? 0 : Date.parse(before.time);
        for (const leaf of checkpoint.leaves) leaves.push({ leaf, number: checkpoint.number, atMs, sinceMs });
      }
    }
    before = checkpoint;
  }
  return leaves;
}

function treeProblem(checkpoint: Checkpoint, before: Checkpoint | undefined): string {
  try {
    const own = frontierOf(checkpoint);
    if (own.root().toString("hex") !== checkpoint.root) return "its tree is not the one that was signed";
    const isFirst = checkpoint.number === 1;
    if (before === undefined && !isFirst) return "";
    if (before !== undefined && before.number !== checkpoint.number - 1) return "";
    if (before !== undefined && checkpointHash(before) !== checkpoint.previous)
      return "the one before it is another one";
    const tree = before === undefined ? new Frontier() : frontierOf(before);
    for (const leaf of checkpoint.leaves) tree.append(hashOfLeaf(leaf));
    const isGrown = tree.size === checkpoint.size && tree.root().toString("hex") === checkpoint.root;
    return isGrown ? "" : "its leaves are not those that were signed";
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return "its tree is of no valid form";
    throw error;
  }
}

function checkHeads(
  task: Pick<CheckpointTask, "heads" | "findings"> & { readonly logs: ReadonlyMap<string, Checkpoint[]> },
): void {
  const { logs, heads, findings } = task;
  for (const { log, number, hash } of heads) {
    const list = logs.get(log) ?? [];
    const found = list.find((checkpoint) => checkpoint.number === number);
    if (found !== undefined) {
      if (checkpointHash(found) !== hash)
        findings.add("checkpoint_replaced", `checkpoint ${number} is not the one that was made known elsewhere`);
    } else if (list.length > 0 && number > (list.at(-1)?.number ?? 0)) {
      findings.add("checkpoint_dropped", `${(list.at(-1)?.number ?? 0) + 1} to ${number} of the log ${log}`);
    }
  }
}
