/**
 * Variables that somebody meant for us and wrote another way: a budget under a name that nobody reads holds nothing. Names of one's own, which a
 * tollgate.yaml may refer to, are left alone unless they are nearly one of ours.
 */
import type { Environment } from "./config.ts";

const PREFIX = "TOLLGATE_";
/** What an agent process reads, without the prefix. A test holds it against the table in README.md. */
export const AGENT_SETTINGS: readonly string[] = [
  "AGENT",
  "API_KEY",
  "APPROVAL_WAIT_MS",
  "BAGGAGE",
  "BUDGET",
  "CACHE_DIR",
  "CHILDREN",
  "CONTENT",
  "CONTENT_BYTES_MAX",
  "CONTENT_KEY",
  "CONTENT_PATTERNS",
  "ENDPOINT",
  "FAIL_MODE",
  "FALLBACK",
  "LOG",
  "POLICY",
  "PROVIDERS",
  "RESERVE",
  "SPOOL_BYTES_MAX",
  "SPOOL_DIR",
  "UNKNOWN_EGRESS",
  "WAIT_MS",
];
/** Of the processor, the command line and `doctor`. */
const OTHERS: readonly string[] = ["AGENT_KEY", "API", "DATA_DIR", "DOCTOR", "HASH_KEY", "METRICS_TOKEN", "TOKEN"];
/** Of a short name fewer letters may differ. */
const SHORT = 5;

/** One text for each variable that is nearly a setting and none. */
export function misspelt(env: Environment): readonly string[] {
  return Object.keys(env).flatMap((name) => {
    const plain = name.trim().toUpperCase().replaceAll("-", "_");
    if (!plain.startsWith(PREFIX)) return [];
    const rest = plain.slice(PREFIX.length);
    const meant = name === plain && isKnown(rest) ? undefined : meantBy(rest);
    return meant === undefined ? [] : [`\`${name}\` is no setting and is not read: is \`${PREFIX}${meant}\` meant?`];
  });
}

function isKnown(name: string): boolean {
  return AGENT_SETTINGS.includes(name) || OTHERS.includes(name);
}

function meantBy(name: string): string | undefined {
  if (isKnown(name)) return name;
  const near = AGENT_SETTINGS.find((setting) => isNear(name, setting));
  if (near !== undefined) return near;
  const begun = AGENT_SETTINGS.filter((setting) => name.startsWith(`${setting}_`));
  return begun.toSorted((left, right) => right.length - left.length)[0];
}

function isNear(name: string, setting: string): boolean {
  const most = Math.min(name.length, setting.length) < SHORT ? 1 : 2;
  return Math.abs(name.length - setting.length) <= most && distance(name, setting) <= most;
}

/** Letters that are missing, too many or others. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 0; at < one.length; at++) {
    const next = [at + 1];
    for (let column = 0; column < other.length; column++) {
      const replaced = (row[column] ?? 0) + (one[at] === other[column] ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
