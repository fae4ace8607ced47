import { execFileSync } from "node:child_process";

/** The children of a processor: its engine, unless it is just down. */
export function enginesOf(pid: number): readonly number[] {
  try {
    const text = execFileSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
    return text.trim().split(/\s+/).map(Number);
  } catch {
    // `ps` says so when there is none.
    return [];
  }
}

/** Kills the engine whenever it comes back. */
export function killEngines(pid: number): void {
  for (const engine of enginesOf(pid)) {
    try {
      process.kill(engine, "SIGKILL");
    } catch {
      // It went by itself meanwhile.
    }
  }
}
