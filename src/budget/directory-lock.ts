/**
 * One process at a time per directory, by a lock that the kernel holds and lets go of however the process ends. Node has no
 * call for such a lock, but its SQLite takes one: an empty database held in an exclusive transaction. A file with a process
 * id in it would be neither safe (ids come again, and differ between containers) nor free after kill -9.
 */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { LedgerError } from "./ledger-error.ts";

const LOCK_FILE = "lock";

/** Takes the lock or throws `ledger_locked`. Returns the function that lets it go. */
export function lockDirectory(dir: string): () => void {
  const path = join(dir, LOCK_FILE);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw new LedgerError("ledger_locked", `another process holds the ledger in ${dir}`, { cause: error });
  }
  return () => database.close();
}
