/**
 * Policy documents (`kind: policy`): read from plain data with every problem named, nothing half applied.
 * Unknown keys are refused; snake_case and camelCase both are read.
 */
import { compileCondition } from "./condition.ts";
import { compileGlob, GlobError } from "./glob.ts";

export type Effect = "allow" | "deny" | "require_approval" | "forbid";
export const EFFECTS: readonly Effect[] = ["forbid", "deny", "require_approval", "allow"];
export type DefaultEffect = "allow" | "deny" | "require_approval";

export interface PolicyRule {
  readonly name: string;
  readonly effect: Effect;
  /** Globs over tool names. */
  readonly tools: readonly string[];
  /** CEL; absent: always. */
  readonly when?: string;
  /** Why, for the one who is refused. */
  readonly reason?: string;
}

/** A policy as `parsePolicy` gives it: complete, every pattern and condition proved to compile. */
export interface PolicyDocument {
  readonly name: string;
  /** "" when the document has none: then the digest of its content stands in for it. */
  readonly version: string;
  /** Globs over agent names; empty: every agent. */
  readonly agents: readonly string[];
  readonly default: DefaultEffect;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly require_approval: readonly string[];
  readonly forbid: readonly string[];
  readonly rules: readonly PolicyRule[];
}

export interface PolicyProblem {
  /** `rules[0].when`; "" for the document. */
  readonly path: string;
  readonly message: string;
}

export type PolicyParse =
  | { readonly ok: true; readonly policy: PolicyDocument }
  | { readonly ok: false; readonly problems: readonly PolicyProblem[] };

const LIST_MAX = 10_000;
const NAME_LENGTH_MAX = 256;
const LISTS = ["allow", "deny", "require_approval", "forbid"] as const;
const DOCUMENT_KEYS: ReadonlySet<string> = new Set(["kind", "name", "version", "agents", "default", "rules", ...LISTS]);
const RULE_KEYS: ReadonlySet<string> = new Set(["name", "effect", "tools", "when", "reason"]);

/** Reads a policy document. Never throws. */
export function parsePolicy(document: unknown): PolicyParse {
  const reader = new DocumentReader();
  const record = reader.record(document, "", DOCUMENT_KEYS);
  if (record === undefined) return { ok: false, problems: reader.problems };
  if (record["kind"] !== undefined && record["kind"] !== "policy") reader.problem("kind", "must be `policy`");
  const policy: PolicyDocument = {
    name: reader.name(record["name"], "name"),
    version: reader.version(record["version"]),
    agents: reader.globs(record["agents"], "agents"),
    default: reader.defaultEffect(record["default"]),
    allow: reader.globs(record["allow"], "allow"),
    deny: reader.globs(record["deny"], "deny"),
    require_approval: reader.globs(record["require_approval"], "require_approval"),
    forbid: reader.globs(record["forbid"], "forbid"),
    rules: reader.rules(record["rules"]),
  };
  return reader.problems.length === 0 ? { ok: true, policy } : { ok: false, problems: reader.problems };
}

class DocumentReader {
  readonly problems: PolicyProblem[] = [];

  problem(path: string, message: string): void {
    this.problems.push({ path, message });
  }

  /** The own members by their snake_case names. A member that is `undefined` counts as absent. */
  record(value: unknown, path: string, known: ReadonlySet<string>): Readonly<Record<string, unknown>> | undefined {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.problem(path, "must be a mapping");
      return undefined;
    }
    const record: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const place = path === "" ? key : `${path}.${key}`;
      if (!known.has(name)) this.problem(place, "is not a known key");
      else if (name in record) this.problem(place, `says \`${name}\` twice`);
      else record[name] = member;
    }
    return record;
  }

  name(value: unknown, path: string): string {
    if (typeof value === "string" && value.trim() !== "" && value.length <= NAME_LENGTH_MAX) return value;
    this.problem(path, value === undefined ? "is missing" : `must be a text of 1 to ${NAME_LENGTH_MAX} characters`);
    return "";
  }

  version(value: unknown): string {
    if (value === undefined) return "";
    if (typeof value === "number" && Number.isFinite(value)) return String(value);
    return this.name(value, "version");
  }

  defaultEffect(value: unknown): DefaultEffect {
    if (value === "allow" || value === "deny" || value === "require_approval") return value;
    if (value !== undefined) this.problem("default", "must be `deny`, `allow` or `require_approval`");
    return "deny";
  }

  globs(value: unknown, path: string): readonly string[] {
    return this.list(value, path).flatMap((item, index) => {
      const place = `${path}[${index}]`;
      if (typeof item !== "string") {
        this.problem(place, "must be a pattern in text");
        return [];
      }
      try {
        compileGlob(item);
        return [item];
      } catch (error) {
        if (!(error instanceof GlobError)) throw error;
        this.problem(place, error.message);
        return [];
      }
    });
  }

  rules(value: unknown): readonly PolicyRule[] {
    const names = new Set<string>();
    return this.list(value, "rules").flatMap((item, index) => {
      const path = `rules[${index}]`;
      const record = this.record(item, path, RULE_KEYS);
      if (record === undefined) return [];
      const name = this.name(record["name"], `${path}.name`);
      if (name !== "" && names.has(name)) this.problem(`${path}.name`, `\`${name}\` is the name of another rule`);
      names.add(name);
      const effect = EFFECTS.find((known) => known === record["effect"]);
      if (effect === undefined)
        this.problem(`${path}.effect`, "must be `allow`, `deny`, `require_approval` or `forbid`");
      const tools = record["tools"] === undefined ? ["*"] : this.globs(record["tools"], `${path}.tools`);
      const when = this.condition(record["when"], `${path}.when`);
      const reason = record["reason"] === undefined ? undefined : this.name(record["reason"], `${path}.reason`);
      return [
        {
          name,
          effect: effect ?? "deny",
          tools,
          ...(when === undefined ? {} : { when }),
          ...(reason === undefined ? {} : { reason }),
        },
      ];
    });
  }

  condition(value: unknown, path: string): string | undefined {
    if (value === undefined) return undefined;
    if (typeof value !== "string" || value.trim() === "") {
      this.problem(path, "must be a condition in text");
      return undefined;
    }
    const compiled = compileCondition(value);
    if (!compiled.ok) this.problem(path, `${compiled.message} (at ${compiled.line}:${compiled.column})`);
    return value;
  }

  list(value: unknown, path: string): readonly unknown[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.problem(path, "must be a list");
      return [];
    }
    if (value.length <= LIST_MAX) return value;
    this.problem(path, `has more than ${LIST_MAX} entries`);
    return [];
  }
}
