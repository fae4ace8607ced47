/** Lines of an export, read by the thread of the test and in one block. */
import { BlockScan } from "../../src/audit/verify/block-scan.ts";
import { EvidenceRows } from "../../src/audit/verify/evidence-rows.ts";
import type { Verifier } from "../../src/audit/verify/verifier.ts";

export function readLines(verifier: Verifier, lines: readonly string[]): void {
  const block = Buffer.from(lines.join("\n"));
  verifier.take(block, scanned(block));
}

/** What is read of a block in short. */
export function scanned(block: Buffer): EvidenceRows {
  const rows = EvidenceRows.of(block.length);
  new BlockScan().scan(block, rows);
  return rows;
}
