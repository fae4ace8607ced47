/** From so many undelivered blocks on the other side is behind, and blocks are made larger instead of more: each is a file. */
export const BACKLOG_BLOCKS = 256;
/** Before that, once blocks do not stay in memory: such a part of the longest time. */
const EARLY_SHARE = 1 / 4;

/** How long the next block is held open for more rows. `isBeyondKept`: it will be read from its file to be delivered. */
export function lingerMs(options: {
  readonly blocks: number;
  readonly isBeyondKept: boolean;
  readonly max: number;
}): number {
  if (options.blocks >= BACKLOG_BLOCKS) return options.max;
  return options.isBeyondKept ? options.max * EARLY_SHARE : 0;
}
