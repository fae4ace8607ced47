/** A thread that reads blocks of an export: what its lines say goes back in columns, with the buffer that they came in. */
import { parentPort } from "node:worker_threads";
import { BlockScan } from "./block-scan.ts";
import { buffersOf } from "./evidence-rows.ts";
import type { BlockCopy } from "./scan-thread.ts";

const scan = new BlockScan();

parentPort?.on("message", ({ buffer, length }: BlockCopy) => {
  const rows = scan.scan(Buffer.from(buffer, 0, length));
  parentPort?.postMessage({ rows, buffer }, [...buffersOf(rows), buffer]);
});
