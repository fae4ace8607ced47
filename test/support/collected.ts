/** What a processor keeps in memory, its garbage left out: how much of that lies about is V8's choice, and an idle process may keep it for ever. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** For the processor's environment. */
export const COLLECTS = {
  NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, "agents/collects.mjs")).href}`,
};

/** Asks a processor that was started with `COLLECTS` to take its garbage before it does anything else. */
export function collectIn(pid: number): void {
  process.kill(pid, "SIGUSR2");
}
