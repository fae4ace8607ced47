/**
 * Policy documents (`kind: policy`): read from plain data with every problem named, nothing half applied.
 * Unknown keys are refused; snake_case and camelCase both are read.
 */
import { compileCondition } from "./condition.ts";
import { compileGlob, GlobError } from "./glob.ts";
import { DEFAULT_LABEL_ORDER } from "./label.ts";
import type { LabelOrder } from "./label.ts";

export type Effect = "allow" | "deny" | "require_approval" | "forbid";
export const EFFECTS: readonly Effect[] = ["forbid", "deny", "require_approval", "allow"];
export type DefaultEffect = "allow" | "deny" | "require_approval";

export interface PolicyRule {
  readonly name: string;
  readonly effect: Effect;
  /** Globs over tool names. */
  readonly tools: readonly string[];
  /** Globs over environments; absent: in all of them. */
  readonly environments?: readonly string[];
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
  /** Globs over agent names; empty: every agent. Who means an agent means all that act on its behalf. */
  readonly agents: readonly string[];
  /** Globs over teams; empty: every team. */
  readonly teams: readonly string[];
  /** Globs over environments; empty: every one. A call that does not say where it is made is made in all of them. */
  readonly environments: readonly string[];
  /** False: it only says what it would decide (shadow mode). */
  readonly enforce: boolean;
  /** The share of sessions that it decides for (`25%`); for the others it only says what it would decide. */
  readonly share: string;
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
const ALL_SESSIONS = "100%";
const SHARE = /^\d{1,3}(?:\.\d{1,4})?%$/;
const LISTS = ["allow", "deny", "require_approval", "forbid"] as const;
const DOCUMENT_KEYS: ReadonlySet<string> = new Set(
  ["kind", "name", "version", "agents", "teams", "environments", "enforce", "share", "default", "rules"].concat(LISTS),
);
const RULE_KEYS: ReadonlySet<string> = new Set(["name", "effect", "tools", "environments", "when", "reason"]);

export interface ParseOptions {
  /** What `label("…")` may name. @default public < internal < confidential < restricted */
  readonly labels?: LabelOrder;
}

/** Reads a policy document. Never throws. */
export function parsePolicy(document: unknown, { labels = DEFAULT_LABEL_ORDER }: ParseOptions = {}): PolicyParse {
  const reader = new DocumentReader(labels);
  const record = reader.record(document, "", DOCUMENT_KEYS);
  if (record === undefined) return { ok: false, problems: reader.problems };
  if (record["kind"] !== undefined && record["kind"] !== "policy") reader.problem("kind", "must be `policy`");
  const policy: PolicyDocument = {
    name: reader.name(record["name"], "name"),
    version: reader.version(record["version"]),
    agents: reader.globs(record["agents"], "agents"),
    teams: reader.globs(record["teams"], "teams"),
    environments: reader.globs(record["environments"], "environments"),
    enforce: reader.enforce(record["enforce"]),
    share: reader.share(record["share"]),
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
  readonly #labels: LabelOrder;

  constructor(labels: LabelOrder) {
    this.#labels = labels;
  }

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

  enforce(value: unknown): boolean {
    if (typeof value === "boolean" || value === undefined) return value ?? true;
    this.problem("enforce", "must be `true` or `false`");
    return true;
  }

  share(value: unknown): string {
    if (value === undefined) return ALL_SESSIONS;
    if (typeof value === "string" && SHARE.test(value) && Number.parseFloat(value) <= 100) return value;
    this.problem("share", "must be a share of sessions from `0%` to `100%`");
    return ALL_SESSIONS;
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
      const environments =
        record["environments"] === undefined ? undefined : this.globs(record["environments"], `${path}.environments`);
      const when = this.condition(record["when"], `${path}.when`);
      const reason = record["reason"] === undefined ? undefined : this.name(record["reason"], `${path}.reason`);
      return [
        {
          name,
          effect: effect ?? "deny",
          tools,
          ...(environments === undefined ? {} : { environments }),
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
    const compiled = compileCondition(value, this.#labels);
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
