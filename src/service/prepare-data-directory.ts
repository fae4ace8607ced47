/**
 * Looks at the data directory before anything is started in it, so that one that can't be used is told at once, whole and with
 * what to do, and not by whichever part comes upon it first.
 */
import { accessSync, closeSync, constants, mkdirSync, openSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigInvalid, type ConfigProblem } from "../config/problem.ts";
import type { DataDirectory } from "./data-directory.ts";

/** The ledger's lock is SQLite's, which opens nothing where the directory's path has more than 492 bytes (measured, Node 24). */
const PATH_BYTES_MAX = 480;

/** What a code means to who chose the directory. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user has no right to it: change its owner or mode",
  EPERM: "this user has no right to it: change its owner or mode",
  EROFS: "it is mounted read-only: mount it to be written",
  EEXIST: "there is a link to nothing in its place: remove it",
  ENOENT: "nobody can make anything there",
  ENAMETOOLONG: "a name in its path is too long",
};
/** A full disk is no reason to stay away: what needs room says so, and goes on when there is some. */
const FULL: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

/** Makes the directory if it is missing. @throws ConfigInvalid with everything that keeps the processor from using it */
export function prepareDataDirectory(data: DataDirectory): void {
  const { root } = data;
  const problem = problemOfPath(root) ?? problemOfMaking(root) ?? problemOfWriting(root);
  if (problem !== undefined) {
    const message = `the data directory can't be used: ${problem}; or choose another with --data-dir or TOLLGATE_DATA_DIR`;
    throw new ConfigInvalid([at(root, message)]);
  }
  const byFolder = Map.groupBy(partsOf(data), (file) => dirname(file));
  const problems = [...byFolder].flatMap(([folder, files]) => {
    const ofFolder = folder === root ? [] : problemsOf(folder, true);
    return ofFolder.length > 0 ? ofFolder : files.flatMap((file) => problemsOf(file));
  });
  if (problems.length > 0) throw new ConfigInvalid(problems);
}

const at = (file: string, message: string): ConfigProblem => ({ file, line: 0, column: 0, path: "", message });

/** All that is kept there; what tells the command line where the processor is is made anew by each. */
function partsOf({ root: _root, endpoints: _endpoints, audit, ...parts }: DataDirectory): readonly string[] {
  return [...Object.values(parts), ...Object.values(audit)];
}

function problemOfPath(root: string): string | undefined {
  const bytes = Buffer.byteLength(root);
  if (bytes > PATH_BYTES_MAX) return `its path has ${bytes} bytes, and ${PATH_BYTES_MAX} are the most`;
  return root.includes("\\") ? "the embedded engine opens no path with a backslash" : undefined;
}

/** One directory after the other: Node's recursive call never returns where a file system, as /proc, lets nobody make one. */
function problemOfMaking(root: string): string | undefined {
  try {
    const missing: string[] = [];
    let existing = root;
    while (statSync(existing, { throwIfNoEntry: false }) === undefined) {
      missing.unshift(existing);
      existing = dirname(existing);
    }
    if (!statSync(existing).isDirectory()) return `\`${existing}\` is no directory: move it away`;
    for (const path of missing) makeDirectory(path);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may have been faster.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}

function problemOfWriting(root: string): string | undefined {
  const probe = join(root, `.probe-${process.pid}`);
  try {
    closeSync(openSync(probe, "w", 0o600));
    rmSync(probe, { force: true });
    return undefined;
  } catch (error) {
    return FULL.has((error as NodeJS.ErrnoException).code) ? undefined : reasonOf(error);
  }
}

/** What is not there is made later. Whoever may not write a file, as a key that is only read, is told when it has to be. */
function problemsOf(path: string, isFolder = false): readonly ConfigProblem[] {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return [];
    if (isFolder && !found.isDirectory()) return [at(path, "is no directory: move it away")];
    accessSync(path, found.isDirectory() ? constants.R_OK | constants.W_OK | constants.X_OK : constants.R_OK);
    return [];
  } catch (error) {
    return [at(path, `can't be used: ${reasonOf(error)}`)];
  }
}

function reasonOf(error: unknown): string {
  const { code = "", message } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? message;
}
