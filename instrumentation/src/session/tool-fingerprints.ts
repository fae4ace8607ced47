/**
 * What servers of MCP say of their tools, by fingerprint: a description or a schema that is another one than when the agent was first
 * offered the tool is a change that nobody reviewed (a "rug pull"). Which was the first is the agent's past, over all its
 * processes (agent-past.ts); a `fingerprint` in the tool's document is a person's word, and beats it.
 */
import { canonicalArguments } from "../policy/canonical-json.ts";

const TOOLS_MAX = 10_000;
/** The parts of a tool that a model reads, or that say what it takes and gives. */
const PARTS = ["description", "title", "inputSchema", "outputSchema", "annotations"] as const;

interface Seen {
  readonly first: string;
  latest: string;
}

/** SHA-256 of a tool's description and schemas in canonical form; "" when they have none: they are too long. */
export function toolFingerprint(tool: Readonly<Record<string, unknown>>): string {
  const parts = PARTS.flatMap((name) => (tool[name] === undefined ? [] : [[name, tool[name]] as const]));
  const canonical = canonicalArguments(Object.fromEntries(parts));
  return canonical.ok ? canonical.arguments.digest : "";
}

/** A tool as its server describes it. */
export interface OfferedTool {
  readonly name: string;
  /** By which it was described first in this process. */
  readonly fingerprint: string;
}

export class ToolFingerprints {
  readonly #seen = new Map<string, Seen>();

  /** A server lists its tools. Returns them. */
  observe(server: string, tools: unknown): readonly OfferedTool[] {
    if (!Array.isArray(tools)) return [];
    const offered: OfferedTool[] = [];
    for (const tool of tools as readonly unknown[]) {
      if (typeof tool !== "object" || tool === null || !("name" in tool) || typeof tool.name !== "string") continue;
      const fingerprint = toolFingerprint(tool as Readonly<Record<string, unknown>>);
      const key = `${server}\n${tool.name}`;
      const seen = this.#seen.get(key);
      if (seen !== undefined) seen.latest = fingerprint;
      else if (this.#seen.size < TOOLS_MAX) this.#seen.set(key, { first: fingerprint, latest: fingerprint });
      offered.push({ name: tool.name, fingerprint: seen?.first ?? fingerprint });
    }
    return offered;
  }

  /** How the server described it first in this process; `undefined`: it did not. */
  firstOf(server: string, tool: string): string | undefined {
    return this.#seen.get(`${server}\n${tool}`)?.first;
  }

  /**
   * The fingerprint that the server gave last, and whether it is another than `trusted`: the declared one, or how the agent
   * was offered the tool first. What can't be told is changed: a description without a fingerprint, and one of a tool too many.
   */
  stateOf(
    { server, tool }: { readonly server: string; readonly tool: string },
    trusted: string | undefined,
  ): { readonly fingerprint: string; readonly isChanged: boolean } {
    const seen = this.#seen.get(`${server}\n${tool}`);
    if (seen === undefined) return { fingerprint: "", isChanged: server !== "" && this.#seen.size >= TOOLS_MAX };
    return { fingerprint: seen.latest, isChanged: seen.latest === "" || seen.latest !== (trusted ?? seen.first) };
  }
}
