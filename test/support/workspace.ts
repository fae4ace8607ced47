/**
 * A workspace for a test, whose engine has its tables already: making them takes longer than all else of a first start. That they are
 * made is what the tests of the migrations and of the command line are for.
 */
import { execFile as execFileWithCallback } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import {
  createWorkspace as createEmptyWorkspace,
  type Workspace,
  type WorkspaceOptions,
} from "../../src/demo/processor-process.ts";
import { EmbeddedEngine } from "../../src/storage/embedded/engine.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { MIGRATIONS_DIR, readMigrations } from "../../src/storage/migration-files.ts";
import { giveName } from "./made-once.ts";

const execFile = promisify(execFileWithCallback);
const ROOT = join(import.meta.dirname, "../..");
const CACHE = join(ROOT, "node_modules/.cache");
/** Where the engine's files are in a processor's data. */
const ENGINE = join("clickhouse", "engine");

let migrated: Promise<string> | undefined;

export async function createWorkspace(options: WorkspaceOptions): Promise<Workspace> {
  migrated ??= migratedEngine();
  const workspace = await createEmptyWorkspace(options);
  await copyEngine(await migrated, join(workspace.dataDir, ENGINE));
  return workspace;
}

/** By the system's own `cp`: for these hundreds of small files Node's takes six times the CPU. */
async function copyEngine(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await execFile("cp", ["-a", from, to]);
}

/** The engine's files after all migrations: made once for these migrations and this engine. */
async function migratedEngine(): Promise<string> {
  const migrations = await readMigrations(MIGRATIONS_DIR);
  const hash = createHash("sha256").update(await readFile(join(ROOT, "package-lock.json")));
  for (const { name, checksum } of migrations) hash.update(`${name} ${checksum} `);
  const made = join(CACHE, `tollgate-engine-${hash.digest("hex").slice(0, 16)}`);
  if (await isThere(made)) return made;
  await mkdir(CACHE, { recursive: true });
  const dataDir = await mkdtemp(join(CACHE, "tollgate-engine-new-"));
  const engine = new EmbeddedEngine({ dataDir });
  try {
    const { url } = await engine.start();
    await migrate({ url, database: "tollgate" });
  } finally {
    await engine.stop();
  }
  giveName(join(dataDir, "engine"), made);
  await rm(dataDir, { recursive: true, force: true });
  return made;
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
