import { readdirSync } from "node:fs";
import { join } from "node:path";

/** A queue on disk with blocks in it, and no exporter to send them. */
export interface LeftQueue {
  readonly directory: string;
  readonly blocks: number;
}

const QUEUE = /^spool-(?:logs-)?otlp/;

/**
 * Finds what an exporter left that has been renamed or taken out of the config: its spans would wait for ever, and nobody
 * know. Nothing is deleted. `inUse`: directories of exporters that are configured.
 */
export function leftQueues(options: {
  readonly root: string;
  readonly inUse: ReadonlySet<string>;
}): readonly LeftQueue[] {
  const { root, inUse } = options;
  return namesIn(root)
    .filter((name) => QUEUE.test(name) && !inUse.has(join(root, name)))
    .map((name) => {
      const directory = join(root, name);
      return { directory, blocks: namesIn(directory).filter((file) => file.endsWith(".block")).length };
    })
    .filter(({ blocks }) => blocks > 0);
}

/** None when it is not there, or is no directory. */
function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch {
    return [];
  }
}
