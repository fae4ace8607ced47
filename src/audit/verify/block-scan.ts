/** Reads a block of an export: what its lines say, and which of them are to be read in full. */
import { type EvidenceRows, LINE_BYTES_MIN } from "./evidence-rows.ts";
import { LinkScan } from "./link-scan.ts";
import { RecordScan } from "./record-scan.ts";

const NEW_LINE = 0x0a;
const RETURN = 0x0d;

export class BlockScan {
  readonly #links = new LinkScan();
  readonly #records = new RecordScan();

  /** `rows` say nothing afterwards but what this block does. */
  scan(block: Buffer, rows: EvidenceRows): void {
    rows.clear();
    let from = 0;
    while (from < block.length) {
      const next = block.indexOf(NEW_LINE, from);
      const end = next < 0 ? block.length : next;
      const to = end > from && block[end - 1] === RETURN ? end - 1 : end;
      if (to > from) this.#scanLine(block, { from, to }, rows);
      from = end + 1;
    }
  }

  #scanLine(block: Buffer, line: { readonly from: number; readonly to: number }, rows: EvidenceRows): void {
    const mayBeRow = line.to - line.from >= LINE_BYTES_MIN;
    if (mayBeRow && (this.#links.scan(block, line, rows) || this.#records.scan(block, line, rows))) return;
    rows.addInFull(line.from, line.to);
  }
}
