/**
 * Whom an act of a person means: `agent=shop-*,team=x` (every term has to match), a bare word for an agent, or `all`. Keys
 * are label keys, values are globs of glob.ts. Who means an agent means all that it started (agent-chain.ts). Pure: the
 * processor and the gate match by the same code.
 */
import { valuesOf } from "./agent-chain.ts";
import { compileGlob, GlobError } from "./glob.ts";

export interface Selector {
  /** Spelled in one way: terms sorted by key, `agent=` written out. Two selectors are the same when this is. */
  readonly text: string;
  /** Label keys that it looks at. */
  readonly keys: readonly string[];
  /** A label that is not there matches nothing, not even `*`. Never throws. */
  readonly matches: (labels: Readonly<Record<string, string>>) => boolean;
}

export type SelectorParse =
  | { readonly ok: true; readonly selector: Selector }
  | { readonly ok: false; readonly problem: string };

export const SELECTOR_LENGTH_MAX = 512;
const TERMS_MAX = 16;
const ALL = "all";
const KEY = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;

/** Reads a selector. What it can't read is refused with the reason, in the user's words: it must not stop the wrong ones. */
export function parseSelector(text: string): SelectorParse {
  const trimmed = text.trim();
  if (trimmed === "") return refused("a selector must not be empty: write `all` for everything");
  if (trimmed.length > SELECTOR_LENGTH_MAX) return refused(`a selector has at most ${SELECTOR_LENGTH_MAX} characters`);
  if (trimmed === ALL) return { ok: true, selector: { text: ALL, keys: [], matches: () => true } };
  const parts = splitTerms(trimmed);
  if (parts.length > TERMS_MAX) return refused(`a selector has at most ${TERMS_MAX} terms`);
  const terms = new Map<string, { readonly pattern: string; readonly matches: (value: string) => boolean }>();
  for (const part of parts) {
    const equals = part.indexOf("=");
    const key = equals < 0 ? "agent" : part.slice(0, equals).trim();
    const pattern = part.slice(equals + 1).trim();
    if (!KEY.test(key)) return refused(`\`${key}\` is no label key, in \`${part.trim()}\``);
    if (terms.has(key)) return refused(`\`${key}\` is there twice: use one pattern like \`${key}={a,b}\``);
    try {
      terms.set(key, { pattern, matches: compileGlob(pattern) });
    } catch (error) {
      if (!(error instanceof GlobError)) throw error;
      return refused(`${key}: ${error.message}`);
    }
  }
  const sorted = [...terms].toSorted(([left], [right]) => (left < right ? -1 : 1));
  return {
    ok: true,
    selector: {
      text: sorted.map(([key, { pattern }]) => `${key}=${pattern}`).join(","),
      keys: sorted.map(([key]) => key),
      matches: (labels) => sorted.every(([key, { matches }]) => valuesOf(labels, key).some((value) => matches(value))),
    },
  };
}

/** The selector of exactly those labels: `all` for none. `patterns`: keys whose value is a pattern already, the others are literal. */
export function selectorText(labels: Readonly<Record<string, string>>, patterns: ReadonlySet<string>): string {
  const terms = Object.entries(labels).map(([key, value]) => {
    return `${key}=${patterns.has(key) ? value : value.replaceAll(/[^A-Za-z0-9_]/gu, "\\$&")}`;
  });
  return terms.length === 0 ? ALL : terms.join(",");
}

function refused(problem: string): SelectorParse {
  return { ok: false, problem };
}

/** At commas, but not at those inside braces or after a backslash. */
function splitTerms(text: string): readonly string[] {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "\\") {
      part += text.slice(at, at + 2);
      at += 1;
      continue;
    }
    if (character === "{") depth += 1;
    if (character === "}") depth -= 1;
    if (character === "," && depth <= 0) {
      parts.push(part);
      part = "";
    } else {
      part += character;
    }
  }
  return [...parts, part];
}
