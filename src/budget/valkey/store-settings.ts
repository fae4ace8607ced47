/** What is asked of the server before anything is trusted to it: its version, and settings that would lose grants. */
import { LedgerError } from "../ledger-error.ts";
import type { StoreConnection } from "./store-link.ts";

/** A setting with which the store may forget what it has acknowledged. */
export interface WeakSetting {
  readonly setting: string;
  readonly value: string;
  readonly risk: string;
}

const REDIS_MAJOR_MIN = 7;
const VALKEY_MIN = [7, 2] as const;

const WANTED: readonly (WeakSetting & { readonly isGood: (value: string) => boolean })[] = [
  {
    setting: "appendonly",
    value: "yes",
    risk: "a restart forgets all grants since the last RDB file",
    isGood: (value) => value === "yes",
  },
  {
    setting: "appendfsync",
    value: "always",
    risk: "a power loss forgets grants that were acknowledged; with `no`, a crash of the machine many",
    isGood: (value) => value === "always",
  },
  {
    setting: "maxmemory-policy",
    value: "noeviction",
    risk: "a full store may throw the ledger away",
    isGood: (value) => value === "noeviction",
  },
];

/** Throws `ledger_unavailable` for a server that is too old. */
export function checkVersion(info: string): void {
  const valkey = field(info, "valkey_version");
  const version = valkey ?? field(info, "redis_version") ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isEnough =
    valkey === undefined
      ? major >= REDIS_MAJOR_MIN
      : major > VALKEY_MIN[0] || (major === VALKEY_MIN[0] && minor >= VALKEY_MIN[1]);
  if (isEnough) return;
  const message = `the ledger's store: needs Valkey 7.2 or Redis 7, this is ${valkey === undefined ? "Redis" : "Valkey"} ${version}`;
  throw new LedgerError("ledger_unavailable", message);
}

/** Those that are weak; a server that forbids `CONFIG` can't be checked, and that is said like a weakness. */
export async function weakSettings(link: StoreConnection): Promise<readonly WeakSetting[]> {
  const weak: WeakSetting[] = [];
  for (const { setting, risk, isGood } of WANTED) {
    const value = await readSetting(link, setting);
    if (value === undefined)
      weak.push({ setting, value: "unknown", risk: `it cannot be read here: if it is weak, ${risk}` });
    else if (!isGood(value)) weak.push({ setting, value, risk });
  }
  return weak;
}

async function readSetting(link: StoreConnection, setting: string): Promise<string | undefined> {
  try {
    const reply = await link.command(["CONFIG", "GET", setting]);
    const value = Array.isArray(reply) ? (reply[1] as unknown) : (reply as Readonly<Record<string, unknown>>)[setting];
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1];
}
