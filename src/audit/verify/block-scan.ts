/** Reads a block of an export: what its lines say, and which of them are to be read in full. */
import { EvidenceRows } from "./evidence-rows.ts";
import { eachLine } from "./export-blocks.ts";
import { LinkScan } from "./link-scan.ts";
import { RecordScan } from "./record-scan.ts";

export class BlockScan {
  readonly #links = new LinkScan();
  readonly #records = new RecordScan();

  scan(block: Buffer): EvidenceRows {
    const rows = new EvidenceRows(block.length);
    eachLine(block, (from, to) => {
      const line = { from, to };
      rows.makeRoom();
      if (this.#links.scan(block, line, rows) || this.#records.scan(block, line, rows)) return;
      rows.addInFull(from, to);
    });
    return rows;
  }
}
