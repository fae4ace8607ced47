/** A thread of shards.ts: verifies the lines that it is sent. */
import { parentPort, workerData } from "node:worker_threads";
import type { ShardAnswer, ShardMessage, ShardTask } from "./shards.ts";
import { Verifier } from "./verifier.ts";

const verifier = new Verifier(workerData as ShardTask);

function answer(said: ShardAnswer): void {
  parentPort?.postMessage(said);
}

parentPort?.on("message", (message: ShardMessage) => {
  if (message === "end") {
    answer({ report: verifier.finish() });
    return;
  }
  for (const line of Buffer.from(message.lines.buffer).toString().split("\n")) verifier.add(line);
  answer("taken");
});
