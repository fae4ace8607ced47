/** Room for a block of an export and for what its lines say, in memory that threads share: used again and again, and copied by none. */
import { EvidenceRows, memoryBytes } from "./evidence-rows.ts";

/** A slot as threads give it to one another. */
export interface SlotMemory {
  readonly block: SharedArrayBuffer;
  readonly columns: SharedArrayBuffer;
}

export class ExportSlot {
  readonly memory: SlotMemory;
  readonly room: Buffer;
  readonly rows: EvidenceRows;

  constructor(memory: SlotMemory) {
    this.memory = memory;
    this.room = Buffer.from(memory.block);
    this.rows = new EvidenceRows(memory.columns);
  }

  /** For blocks of so many bytes. */
  static of(bytes: number): ExportSlot {
    return new ExportSlot({
      block: new SharedArrayBuffer(bytes),
      columns: new SharedArrayBuffer(memoryBytes(bytes)),
    });
  }
}
