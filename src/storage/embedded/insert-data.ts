/**
 * Insert data on its way into a file. What arrives comes in pieces of 64 KiB with memory of their own, outside of the heap; V8 makes
 * a full collection for each 64 MiB of them that it does not know to be free, of a heap in which little else happens. So each
 * is copied into one buffer, which is written again and again, and its memory given back at once.
 */
import { writeFile } from "node:fs/promises";

/** What is written at once. */
const WRITE_BYTES = 1024 * 1024;

/** Writes it to a new file that nobody else may read. The pieces of `source` are nobody's afterwards: their memory may be gone. */
export async function writeInsertData(path: string, source: AsyncIterable<Buffer>): Promise<void> {
  await writeFile(path, inLargePieces(source), { flag: "wx", mode: 0o600 });
}

/** Each piece holds until the next is asked for. */
async function* inLargePieces(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  const piece = Buffer.allocUnsafeSlow(WRITE_BYTES);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const copied = chunk.copy(piece, filled, at);
      at += copied;
      filled += copied;
      if (filled < WRITE_BYTES) continue;
      yield piece;
      filled = 0;
    }
    giveBack(chunk);
  }
  if (filled > 0) yield piece.subarray(0, filled);
  return undefined;
}

/** Memory that it shares, as small buffers and parts of a larger one do, stays. */
function giveBack({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}
