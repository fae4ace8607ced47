import { type BlockGroup, newGroup } from "./block-group.ts";
import type { BlockStore, LeftFiles, StoredBlock } from "./block-store.ts";
import type { Merge } from "./merge-file.ts";

/** A shipment that an earlier process made, and may have sent. */
export interface OpenMerge {
  /** The file's name. */
  readonly name: string;
  readonly merge: Merge;
}

/** What to make of the merges that an earlier process wrote: those that had arrived are cleared away. One is open at most. */
export async function recoverMerges(
  store: BlockStore,
  left: LeftFiles,
): Promise<{ readonly sent: ReadonlySet<string>; readonly open: OpenMerge | undefined }> {
  const sent = new Set<string>();
  let open: OpenMerge | undefined;
  for (const name of left.merges) {
    const merge = await store.readMerge(name);
    const gone = merge?.blocks.filter((block) => !left.blocks.includes(block)) ?? [];
    // A block that went bad was moved, not removed: it says nothing about the others.
    const isSent = gone.some((block) => !left.setAside.some((file) => file.startsWith(block)));
    if (merge !== undefined && !isSent) {
      open = { name, merge };
      continue;
    }
    for (const block of merge?.blocks.filter((each) => left.blocks.includes(each)) ?? []) {
      await store.remove({ name: block, bytes: await store.sizeOf(block) });
      sent.add(block);
    }
    await store.removeMerge(name);
  }
  return { sent, open };
}

/**
 * What to send first: the open merge, as far as its blocks can still be read; else the oldest block, which may have been sent by
 * itself, under its own token.
 */
export function groupAgain(left: readonly StoredBlock[], open: OpenMerge | undefined): BlockGroup | undefined {
  const [oldest] = left;
  if (open === undefined) {
    return oldest && { ...newGroup({ token: oldest.token, blocks: [oldest] }), isInDoubt: true };
  }
  const { name, merge } = open;
  const blocks = left.filter((block) => merge.blocks.includes(block.name));
  if (blocks.length === 0) return undefined;
  const isBroken = blocks.length < merge.blocks.length;
  return { ...newGroup({ token: merge.token, blocks, mergeName: name }), isInDoubt: true, isBroken };
}
