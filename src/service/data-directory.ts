/**
 * What lives in the data directory (`--data-dir`, TOLLGATE_DATA_DIR, `./.tollgate`). The token and the endpoints file are
 * readable by their owner only: they let the command line on the same machine in.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const DEFAULT_DATA_DIR = "./.tollgate";

export interface DataDirectory {
  readonly root: string;
  readonly ledger: string;
  readonly spool: string;
  readonly spoolLogs: string;
  readonly clickhouse: string;
  /** Who is killed and paused. */
  readonly stops: string;
  /** What was issued to people and agents: hashes only. */
  readonly credentials: string;
  /** What people were asked to approve, with the arguments of the calls. */
  readonly approvals: string;
  /** Documents that somebody applied in place of the files. */
  readonly applied: string;
  /** Who changed what governs the fleet. */
  readonly changes: string;
  /** What went wrong, and who followed it up. */
  readonly incidents: string;
  /** What sessions have read and done. */
  readonly sessions: string;
  /** How far agents went. */
  readonly pasts: string;
  /** Agents that were found running wild lately. */
  readonly runaways: string;
  /** Keys, checkpoints and what has arrived of each audit chain. */
  readonly audit: { readonly keys: string; readonly checkpoints: string; readonly chains: string };
  readonly token: string;
  /** Key of the hashes that the redact processor makes. */
  readonly hashKey: string;
  readonly endpoints: string;
}

/** The paths; nothing is made. `root` is relative to the working directory. */
export function dataDirectory(root: string = DEFAULT_DATA_DIR): DataDirectory {
  const absolute = resolve(root);
  return {
    root: absolute,
    ledger: join(absolute, "ledger"),
    spool: join(absolute, "spool"),
    spoolLogs: join(absolute, "spool-logs"),
    clickhouse: join(absolute, "clickhouse"),
    stops: join(absolute, "kill", "stops.json"),
    credentials: join(absolute, "identity", "credentials.json"),
    approvals: join(absolute, "approvals", "approvals.log"),
    applied: join(absolute, "governance", "applied.json"),
    changes: join(absolute, "changes", "changes.log"),
    incidents: join(absolute, "incidents", "incidents.log"),
    sessions: join(absolute, "sessions", "sessions.log"),
    pasts: join(absolute, "sessions", "pasts.log"),
    runaways: join(absolute, "runaways.json"),
    audit: {
      keys: join(absolute, "audit", "keys.json"),
      checkpoints: join(absolute, "audit", "checkpoints.ndjson"),
      chains: join(absolute, "audit", "chains.json"),
    },
    token: join(absolute, "token"),
    hashKey: join(absolute, "hash-key"),
    endpoints: join(absolute, "endpoints.json"),
  };
}

/** What a running processor tells the command line on the same machine. */
export interface EndpointsFile {
  readonly otlp_http: string;
  readonly otlp_grpc: string | null;
  readonly api: string;
  readonly clickhouse: string;
  readonly pid: number;
  readonly database: string;
  readonly readonly_username: string;
  readonly readonly_password: string;
}

const TEXT_KEYS = ["otlp_http", "api", "clickhouse", "database", "readonly_username", "readonly_password"] as const;

export function writeEndpoints(data: DataDirectory, endpoints: EndpointsFile): void {
  writeAtomically(data.endpoints, `${JSON.stringify(endpoints, undefined, 2)}\n`, 0o600);
}

export function removeEndpoints(data: DataDirectory): void {
  rmSync(data.endpoints, { force: true });
}

/** `undefined` when no processor runs here, or the file is of another form. */
export function readEndpoints(data: DataDirectory): EndpointsFile | undefined {
  const text = readIfThere(data.endpoints);
  if (text === undefined) return undefined;
  try {
    const parsed = JSON.parse(text) as Partial<EndpointsFile> | null;
    return TEXT_KEYS.every((key) => typeof parsed?.[key] === "string") ? (parsed as EndpointsFile) : undefined;
  } catch {
    return undefined;
  }
}

/** The people's token; `undefined` before the first start. */
export function readToken(data: DataDirectory): string | undefined {
  return readIfThere(data.token)?.trim();
}

/** The token of this data directory, made at the first start. */
export function ensureToken(data: DataDirectory): { readonly token: string; readonly isNew: boolean } {
  const known = readOwn(data.token);
  if (known !== undefined && known !== "") return { token: known, isNew: false };
  const token = `tg_${randomBytes(24).toString("base64url")}`;
  writeAtomically(data.token, `${token}\n`, 0o600);
  return { token, isNew: true };
}

/** The key of keyed hashes; `undefined` before the first start. */
export function readHashKey(data: DataDirectory): string | undefined {
  const key = readIfThere(data.hashKey)?.trim();
  return key === "" ? undefined : key;
}

/**
 * The key of this data directory, made at the first start. Lost, hashes of before can't be searched for any more, so another is
 * made only where there was none. Throws for one that is there and can't be read, or is empty.
 */
export function ensureHashKey(data: DataDirectory): string {
  const known = readOwn(data.hashKey);
  if (known === "") {
    throw new Error(`${data.hashKey} is empty: restore it, or remove it, and hashes of before are not found any more`);
  }
  if (known !== undefined) return known;
  const key = randomBytes(32).toString("hex");
  writeAtomically(data.hashKey, `${key}\n`, 0o600);
  return key;
}

/** A reader sees the old file or the whole new one, also after a power cut. */
export function writeAtomically(file: string, text: string, mode: number): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const handle = openSync(temporary, "w", mode);
    try {
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** What this processor wrote for itself. Throws where it is and can't be read: to make it anew would lose it. */
function readOwn(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`cannot read ${file}`, { cause: error });
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
