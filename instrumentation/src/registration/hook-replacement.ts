/**
 * `process.execve`: another program in the place of this one. No handler of `exit` runs then, so the last words are said before; and what
 * comes is a child in all but its process id.
 */
import { processEnvironment } from "../config/config.ts";
import type { StartedChild } from "./hook-children.ts";

export interface ReplacementHook {
  readonly handOver: () => void;
  /** The variables to add to its environment. */
  readonly added: (child: StartedChild) => Readonly<Record<string, string>> | undefined;
}

/** Not on Windows, nor on older versions of Node. */
export function hookReplacement(hook: ReplacementHook): void {
  const execve = process.execve?.bind(process);
  if (execve === undefined) return;
  process.execve = (file, args = [], env) => {
    const given = Object.entries(env ?? processEnvironment()).filter(([, value]) => value !== undefined);
    const known = Object.fromEntries(given);
    hook.handOver();
    return execve(file, args, { ...known, ...hook.added({ file, args, env: known }) });
  };
}
