/** The oldest supported version of each library, and the oldest and newest Node, as test/formats/oldest/package-lock.json has them. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { giveName } from "../support/made-once.ts";

const WANTED = join(import.meta.dirname, "oldest");
const CACHE = join(import.meta.dirname, "..", "..", "node_modules", ".cache");
const QUIET = ["--no-audit", "--no-fund", "--loglevel", "error"];

/** A folder whose `node_modules` holds them. Installed by npm once for a lockfile: a minute, most of it the registry's. */
export function oldestFolder(): string {
  const hash = createHash("sha256")
    .update(readFileSync(join(WANTED, "package-lock.json")))
    .digest("hex");
  const made = join(CACHE, `tollgate-oldest-${hash.slice(0, 16)}`);
  if (existsSync(made)) return made;
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "tollgate-oldest-new-"));
  cpSync(WANTED, folder, { recursive: true });
  // They were never meant to stand beside one another, which is what peers would ask for.
  execFileSync("npm", ["ci", "--legacy-peer-deps", ...QUIET], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  giveName(folder, made);
  return made;
}
