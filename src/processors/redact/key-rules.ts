/**
 * What a key alone decides. Each key is judged once and remembered, so that a span costs one look-up an attribute and values
 * are read only where there is something to do with them.
 */
import { compileGlob } from "@tollgate/instrumentation/policy";
import { CALL_NAMES } from "@tollgate/instrumentation/audit";
import { ATTR_ERROR_TYPE, ATTR_SERVICE_NAME } from "@tollgate/instrumentation/semconv";
import { isContentKey } from "../../pdata/content-keys.ts";
import { isGovernanceKey } from "../../pdata/governance-keys.ts";

export type KeyVerdict =
  | "keep"
  /** Its value is looked through by detectors and patterns. */
  | "scan"
  /** The text of an error: credentials are looked for in any case. */
  | "scan_error"
  | "drop_content"
  | "hash_content"
  | "drop"
  | "hash";

export interface KeyRulesOptions {
  readonly content: "drop" | "hash" | "keep";
  readonly keys: readonly string[];
  readonly hash_keys: readonly string[];
  readonly allowed_keys?: readonly string[] | undefined;
  readonly ignored_keys: readonly string[];
  /** Whether values are looked through. */
  readonly scans: boolean;
}

/** Names by which calls are found, beside the keys of governance: stored as they are, whatever the configuration. */
const PROTECTED: ReadonlySet<string> = new Set([...CALL_NAMES, ATTR_ERROR_TYPE, ATTR_SERVICE_NAME]);
const ERROR_TEXTS: ReadonlySet<string> = new Set([
  "error.message",
  "exception.message",
  "exception.stacktrace",
  "langfuse.observation.status_message",
]);

const KEYS_MAX = 4_096;
const KEY_LENGTH_MAX = 256;

export class KeyRules {
  readonly #known = new Map<string, KeyVerdict>();
  readonly #options: KeyRulesOptions;
  readonly #isDropped: (key: string) => boolean;
  readonly #isHashed: (key: string) => boolean;
  readonly #isIgnored: (key: string) => boolean;
  readonly #isAllowed: (key: string) => boolean;

  constructor(options: KeyRulesOptions) {
    this.#options = options;
    this.#isDropped = anyGlob(options.keys);
    this.#isHashed = anyGlob(options.hash_keys);
    this.#isIgnored = anyGlob(options.ignored_keys);
    this.#isAllowed = options.allowed_keys === undefined ? () => true : anyGlob(options.allowed_keys);
  }

  verdict(key: string): KeyVerdict {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const verdict = this.#judge(key);
    if (key.length <= KEY_LENGTH_MAX) {
      if (this.#known.size >= KEYS_MAX) this.#known.clear();
      this.#known.set(key, verdict);
    }
    return verdict;
  }

  /** What becomes of content under a key that is content by where it stands. */
  contentVerdict(key: string): KeyVerdict {
    if (this.#isIgnored(key)) return "keep";
    const { content } = this.#options;
    if (content === "keep") return this.verdict(key);
    return content === "hash" ? "hash_content" : "drop_content";
  }

  #judge(key: string): KeyVerdict {
    if (isProtectedKey(key) || this.#isIgnored(key)) return "keep";
    const isContent = isContentKey(key);
    // A rule that names the key wins over the setting for all content.
    if (this.#isDropped(key)) return isContent ? "drop_content" : "drop";
    if (this.#isHashed(key)) return isContent ? "hash_content" : "hash";
    if (isContent && this.#options.content !== "keep") return this.contentVerdict(key);
    if (!this.#isAllowed(key)) return "drop";
    if (ERROR_TEXTS.has(key)) return "scan_error";
    return this.#options.scans ? "scan" : "keep";
  }
}

/** True for what no rule touches. */
export function isProtectedKey(key: string): boolean {
  return PROTECTED.has(key) || isGovernanceKey(key);
}

function anyGlob(patterns: readonly string[]): (key: string) => boolean {
  const globs = patterns.map((pattern) => compileGlob(pattern));
  return (key) => globs.some((matches) => matches(key));
}
