/** What is made once for several test files, in a folder that a hash of what it is made from names. */
import { existsSync, renameSync, rmSync } from "node:fs";

/** Gives what was made in `folder` its name. Another worker may have been quicker: then it is that one's. */
export function giveName(folder: string, name: string): void {
  try {
    renameSync(folder, name);
  } catch (error) {
    if (!existsSync(name)) throw error;
    rmSync(folder, { recursive: true });
  }
}
