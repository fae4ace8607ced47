/** A thread that reads blocks of an export: what their lines say is in the columns of their slot, the rest is said. */
import { parentPort } from "node:worker_threads";
import { BlockScan } from "./block-scan.ts";
import { ExportSlot } from "./export-slot.ts";
import type { BlockTask } from "./scan-thread.ts";

const scan = new BlockScan();

parentPort?.on("message", ({ memory, length }: BlockTask) => {
  const { room, rows } = new ExportSlot(memory);
  scan.scan(room.subarray(0, length), rows);
  parentPort?.postMessage(rows.notes);
});
