/**
 * How many records a tool's result tells of: a list's length, or a count that databases and their drivers give. Reads plain data
 * only, without calling anything of it; `0`: it tells none.
 */
const COUNTS: ReadonlySet<string> = new Set(
  ["row count", "rows affected", "affected rows", "changes", "matched count", "modified count", "deleted count"]
    .concat(["inserted count", "upserted count", "num rows", "updated", "deleted", "inserted", "affected"])
    .flatMap((words) => [words.replaceAll(" ", ""), words.replaceAll(" ", "_")]),
);
/** Lists of records in arguments and in results. */
export const RECORD_LISTS: ReadonlySet<string> = new Set([
  "rows",
  "records",
  "items",
  "results",
  "documents",
  "docs",
  "hits",
  "entries",
  "ids",
  "keys",
  "values",
  "data",
]);
const TEXT_LENGTH_MAX = 65_536;
/** A result in a message, in a text: MCP. */
const DEPTH_MAX = 4;
const PARTS_MAX = 64;

export function recordsOf(result: unknown, depth = 0): number {
  if (depth > DEPTH_MAX) return 0;
  if (typeof result === "string") return recordsOfText(result, depth);
  if (typeof result !== "object" || result === null) return 0;
  if (Array.isArray(result)) return result.length;
  let most = 0;
  for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(result)).slice(0, PARTS_MAX)) {
    const name = key.toLowerCase();
    if (typeof value === "number" && COUNTS.has(name) && value > most) most = value;
    else if (Array.isArray(value) && RECORD_LISTS.has(name)) most = Math.max(most, value.length);
    else if (name === "content") most = Math.max(most, recordsOfContent(value, depth));
    else if (name === "structuredcontent") most = Math.max(most, recordsOf(value, depth + 1));
  }
  return most;
}

/** Texts of an MCP result; what stands in several adds up. */
function recordsOfContent(content: unknown, depth: number): number {
  if (!Array.isArray(content)) return 0;
  return content.slice(0, PARTS_MAX).reduce((sum: number, part: unknown) => {
    if (typeof part !== "object" || part === null) return sum;
    const text: unknown = Object.getOwnPropertyDescriptor(part, "text")?.value;
    return typeof text === "string" ? sum + recordsOfText(text, depth) : sum;
  }, 0);
}

function recordsOfText(text: string, depth: number): number {
  if (text.length > TEXT_LENGTH_MAX || !/^\s{0,64}[[{]/.test(text)) return 0;
  try {
    return recordsOf(JSON.parse(text), depth + 1);
  } catch {
    return 0;
  }
}
