import type { BlockStore, LeftFiles } from "./block-store.ts";
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
