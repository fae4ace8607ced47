import type { StoredBlock } from "./block-store.ts";

/** Blocks that follow one another and go in one shipment: the same ones until all of them have arrived. */
export interface BlockGroup {
  readonly token: string;
  readonly blocks: readonly StoredBlock[];
  readonly rowCount: number;
  /** The file that says which they are; none for a block by itself. */
  readonly mergeName: string | undefined;
  /** An earlier process may have sent it, and it may be so long ago that the other side has forgotten the token. */
  readonly isInDoubt: boolean;
  /** A block of it went bad: the token stands for other bytes than can be sent now. */
  readonly isBroken: boolean;
}

export interface GroupLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

/** Each is a file to be read. */
const BLOCKS_MAX = 1_000;

/** How many of the oldest blocks go in one shipment: at least one. */
export function groupSize(blocks: readonly StoredBlock[], limits: GroupLimits): number {
  let rows = 0;
  let bytes = 0;
  let count = 0;
  for (const block of blocks) {
    rows += block.rowCount;
    bytes += block.bytes;
    if (count > 0 && (rows > limits.rowsMax || bytes > limits.bytesMax || count === BLOCKS_MAX)) break;
    count += 1;
  }
  return count;
}

export function rowsOf(blocks: readonly StoredBlock[]): number {
  return blocks.reduce((sum, block) => sum + block.rowCount, 0);
}

export function newGroup(group: Pick<BlockGroup, "token" | "blocks"> & { readonly mergeName?: string }): BlockGroup {
  const { token, blocks, mergeName } = group;
  return { token, blocks, rowCount: rowsOf(blocks), mergeName, isInDoubt: false, isBroken: false };
}
