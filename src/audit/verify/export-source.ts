/** Where the bytes of an export come from. Read into memory that is there: a new piece for each read makes the collector follow half a gigabyte. */
import type { FileHandle } from "node:fs/promises";

export interface ExportSource {
  /** Fills the beginning of `room`; says how much of it, 0 at the end. Rejects when the source does. */
  read(room: Buffer): Promise<number>;
}

export function fileSource(file: FileHandle): ExportSource {
  return {
    read: async (room) => {
      const { bytesRead } = await file.read(room, 0, room.length);
      return bytesRead;
    },
  };
}

export function chunkSource(chunks: AsyncIterable<Uint8Array>): ExportSource {
  const iterator = chunks[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  return {
    read: async (room) => {
      while (rest.length === 0) {
        const next = await iterator.next();
        if (next.done === true) return 0;
        rest = next.value;
      }
      const taken = rest.subarray(0, room.length);
      room.set(taken);
      rest = rest.subarray(taken.length);
      return taken.length;
    },
  };
}
