/**
 * A small file that says: these blocks go in one shipment, under this token. It is on disk before the shipment is sent, so that
 * after a crash the very same shipment is sent again. Blocks are removed only after the shipment has arrived: once one of them
 * is gone, all of them have.
 */
import { z } from "zod";

const mergeFile = z.strictObject({
  version: z.literal(1),
  token: z.string(),
  blocks: z.array(z.string()),
});

export interface Merge {
  readonly token: string;
  /** The names of the blocks' files, in the order in which their rows are sent. */
  readonly blocks: readonly string[];
}

export function encodeMerge({ token, blocks }: Merge): Buffer {
  return Buffer.from(JSON.stringify({ version: 1, token, blocks }));
}

/** `undefined`: not a file that this program wrote. */
export function decodeMerge(bytes: Uint8Array): Merge | undefined {
  try {
    const parsed = mergeFile.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
