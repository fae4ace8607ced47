/**
 * What servers of MCP say of their tools, by fingerprint: a description or a schema that changes after the tool was first
 * seen is a change that nobody reviewed (a "rug pull"). The first word is kept for the life of the process; a `fingerprint`
 * in the tool's document holds across processes.
 */
import { canonicalArguments } from "../policy/canonical-json.ts";

const TOOLS_MAX = 10_000;
/** The parts of a tool that a model reads, or that say what it takes and gives. */
const PARTS = ["description", "title", "inputSchema", "outputSchema", "annotations"] as const;

interface Seen {
  readonly first: string;
  latest: string;
}

/** SHA-256 of a tool's description and schemas in canonical form; "" when they have none. */
export function toolFingerprint(tool: Readonly<Record<string, unknown>>): string {
  const parts = PARTS.flatMap((name) => (tool[name] === undefined ? [] : [[name, tool[name]] as const]));
  const canonical = canonicalArguments(Object.fromEntries(parts));
  return canonical.ok ? canonical.arguments.digest : "";
}

export class ToolFingerprints {
  readonly #seen = new Map<string, Seen>();

  /** A server lists its tools. Returns the names of those that it describes otherwise than at first. */
  observe(server: string, tools: unknown): readonly string[] {
    if (!Array.isArray(tools)) return [];
    const changed: string[] = [];
    for (const tool of tools as readonly unknown[]) {
      if (typeof tool !== "object" || tool === null || !("name" in tool) || typeof tool.name !== "string") continue;
      const fingerprint = toolFingerprint(tool as Readonly<Record<string, unknown>>);
      const key = `${server}\n${tool.name}`;
      const seen = this.#seen.get(key);
      if (seen === undefined) {
        if (this.#seen.size < TOOLS_MAX) this.#seen.set(key, { first: fingerprint, latest: fingerprint });
        continue;
      }
      if (seen.latest !== fingerprint) changed.push(tool.name);
      seen.latest = fingerprint;
    }
    return changed;
  }

  /** The fingerprint that the server gave last, and whether it is another than `declared`, or than the first one. */
  stateOf(
    { server, tool }: { readonly server: string; readonly tool: string },
    declared: string | undefined,
  ): { readonly fingerprint: string; readonly isChanged: boolean } {
    const seen = this.#seen.get(`${server}\n${tool}`);
    if (seen === undefined) return { fingerprint: "", isChanged: false };
    return { fingerprint: seen.latest, isChanged: seen.latest !== (declared ?? seen.first) };
  }
}
