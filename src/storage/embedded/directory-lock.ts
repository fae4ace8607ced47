/**
 * One engine process per data directory, held by a file with the holder's process id and start time. The start time tells
 * a living holder from another process that was given the same id after a kill -9.
 */
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Thrown when another living process holds the directory. */
export class DirectoryLockedError extends Error {
  override readonly name = "DirectoryLockedError";
  readonly code = "storage_directory_locked";
}

/**
 * Takes the lock at `path`, waiting up to `waitMs` for a holder that is just ending.
 * @returns a function that gives the lock back
 * @throws DirectoryLockedError
 */
export async function lockDirectory(path: string, waitMs: number): Promise<() => void> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const holder = tryLock(path);
    if (holder === undefined) return () => rmSync(path, { force: true });
    if (performance.now() >= deadline) {
      throw new DirectoryLockedError(
        `\`${path}\` is held by the running process ${holder}: stop it, or use another data directory`,
      );
    }
    await delay(50);
  }
}

/** Undefined if the lock is ours now, else the id of its living holder. */
function tryLock(path: string): number | undefined {
  const claim = `${path}.${process.pid}`;
  writeFileSync(claim, JSON.stringify({ pid: process.pid, started: startTimeOf(process.pid) }));
  try {
    // A link to a finished file: nobody can see a lock without its content.
    linkSync(claim, path);
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const holder = livingHolder(path);
    if (holder !== undefined) return holder;
    rmSync(path, { force: true });
    return tryLock(path);
  } finally {
    rmSync(claim, { force: true });
  }
}

function livingHolder(path: string): number | undefined {
  try {
    const { pid, started } = JSON.parse(readFileSync(path, "utf8")) as { pid?: unknown; started?: unknown };
    if (typeof pid !== "number" || pid === process.pid) return undefined;
    process.kill(pid, 0);
    return startTimeOf(pid) === started ? pid : undefined;
  } catch (error) {
    // EPERM: it lives, but is somebody else's. Anything else: gone, or a file that nobody wrote to its end.
    return (error as NodeJS.ErrnoException).code === "EPERM" ? -1 : undefined;
  }
}

/** Field 22 of /proc/PID/stat; null where there is no /proc, so that there the process id alone decides. */
function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
