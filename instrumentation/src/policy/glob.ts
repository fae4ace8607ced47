/**
 * Globs for names: tools, agents, labels, models. Braces, classes and `?` are read by micromatch's parser; the matching is done here,
 * because a name is no path and a regular expression made from a glob can be made to backtrack for seconds.
 *
 * - `*` (any number) matches every character, any number of them, also `/`, a leading `.`, and newlines.
 * - `?` matches exactly one code point, whatever it is.
 * - `[abc]`, `[a-z]`, `[!a]`, `[^a]`: one code point of letters, digits, `_`, `-` and space.
 * - `{a,b}`: alternatives, may be nested. A range (`{1..3}`) is refused.
 * - `\` takes the next character literally. Everything else, `.` `/` `+` `(` `|` `$` `@` included, is literal.
 * - A leading `!` and extended globs (`!(a)`, `+(a)`, …) are refused: a negation in a list of denials reads as its opposite.
 *
 * Pattern and text are compared after Unicode NFKC and case folding. Time: linear in the text for each run of literals,
 * text × pattern at worst; there is no backtracking over more than one star.
 */
import type Micromatch from "micromatch";
import { loadPackage } from "../own-package.ts";

export const GLOB_LENGTH_MAX = 256;
const BRACES_MAX = 3;
const COMMAS_MAX = 12;

/** A pattern that is not accepted; the message says why, in the user's words. */
export class GlobError extends Error {
  override readonly name = "GlobError";
}

/**
 * Compiles a glob once. Throws `GlobError` for an empty, too long, unbalanced or unsupported pattern.
 * The function that it returns never throws.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const matches = compileFolded(pattern);
  return (text) => matches(foldCase(text));
}

/** Like `compileGlob` for text that went through `foldCase` already: one fold serves many patterns. */
export function compileFolded(pattern: string): (folded: string) => boolean {
  const alternatives = parseAlternatives(pattern).map(compileRuns);
  const [first] = alternatives;
  if (alternatives.length === 1 && first !== undefined) return first;
  return (text) => alternatives.some((matches) => matches(text));
}

/** How all that one alternative of a pattern matches begins and ends. */
export interface GlobEdges {
  readonly first: string;
  readonly last: string;
}

/** Of each alternative: "" where a star or a wildcard stands. In folded text. Throws `GlobError`. */
export function globEdges(pattern: string): readonly GlobEdges[] {
  return parseAlternatives(pattern).map((runs) => {
    const [first = [], last = []] = [runs[0], runs.at(-1)];
    const wildFirst = first.findIndex((unit) => typeof unit !== "string");
    const wildLast = last.findLastIndex((unit) => typeof unit !== "string");
    return {
      first: first.slice(0, wildFirst < 0 ? first.length : wildFirst).join(""),
      last: last.slice(wildLast + 1).join(""),
    };
  });
}

/** Longer than any pattern: only a star matches it. */
const FILLING = "\u{1d800}".repeat(GLOB_LENGTH_MAX + 1);
const EXAMPLES_MAX = 512;

/**
 * Texts that stand for all that a pattern matches: another pattern matches all of them only if it matches whatever this one
 * does. Each star is once nothing and once a filling that no literal has. Throws `GlobError`.
 */
export function globExamples(pattern: string): readonly string[] {
  const examples: string[] = [];
  for (const runs of parseAlternatives(pattern)) {
    for (const filling of runs.length > 1 ? ["", FILLING] : [""]) {
      for (const choice of [0, 1]) {
        examples.push(runs.map((run) => run.map((unit) => exampleOf(unit, choice)).join("")).join(filling));
      }
    }
  }
  return [...new Set(examples)].slice(0, EXAMPLES_MAX);
}

/** `a` to `z` and the like: the first or the last character of a class; a filling for any character. */
function exampleOf(unit: Unit, choice: number): string {
  if (typeof unit === "string") return unit;
  if (unit === undefined) return FILLING.slice(0, 2);
  const members = Array.from("abcdefghijklmnopqrstuvwxyz0123456789_- ~").filter((character) => unit.test(character));
  return members.at(choice === 0 ? 0 : -1) ?? "";
}

function parseAlternatives(pattern: string): readonly (readonly (readonly Unit[])[])[] {
  if (pattern.length === 0) throw new GlobError("a pattern must not be empty");
  if (pattern.length > GLOB_LENGTH_MAX) throw new GlobError(`a pattern has at most ${GLOB_LENGTH_MAX} characters`);
  const folded = foldCase(pattern);
  refuseUnsupported(pattern, folded);
  return expandBraces(pattern, shield(folded)).map((text) => parseAlternative(pattern, text));
}

const PLAIN = /^[a-z0-9_.:/ -]*$/;

/**
 * NFKC and case folding, so that spellings of one name compare equal: `Ｄｅｌｅｔｅ`, `DELETE` and `delete`; `ß` and `SS`;
 * the dotless `ı` and `i`; every sigma.
 */
export function foldCase(text: string): string {
  if (PLAIN.test(text)) return text;
  return text
    .normalize("NFKC")
    .toUpperCase()
    .toLowerCase()
    .replaceAll("ς", "σ")
    .replaceAll("\u0307", "")
    .normalize("NFKC");
}

/** Characters that mean something to micromatch but nothing to us are swapped for private ones while its parser runs. */
const SHIELDED = "*?[]{},\\/.!+@()|^$\"'`~#&;<>=%:-\n\r";
const SHIELD_BASE = 0xe000;
const SHIELD = /[\ue000-\ue0ff]/g;

function shieldOf(character: string): string {
  const index = SHIELDED.indexOf(character);
  return index < 0 ? character : String.fromCharCode(SHIELD_BASE + index);
}

function unshield(text: string): string {
  return text.replace(SHIELD, (character) => SHIELDED.charAt(character.charCodeAt(0) - SHIELD_BASE));
}

function refuseUnsupported(pattern: string, folded: string): void {
  const quoted = JSON.stringify(pattern);
  if (/[\ue000-\uf8ff]/.test(folded)) throw new GlobError(`private-use characters in pattern ${quoted}`);
  if (folded.startsWith("!"))
    throw new GlobError(`a pattern can't be negated: ${quoted} (write \`\\!\` for the character)`);
  if (/(?<!\\)[@!+*?]\(/.test(folded)) throw new GlobError(`extended globs are not supported: ${quoted}`);
  if (/\{[^{}]*\.\.[^{}]*\}/.test(folded)) throw new GlobError(`ranges in braces are not supported: ${quoted}`);
  if (/(?:^|[^\\])(?:\\\\)*\\$/.test(folded)) throw new GlobError(`a pattern can't end in a lone backslash: ${quoted}`);
}

/** Leaves only what has a meaning in our syntax: stars, question marks, well-formed brackets, braces with their commas. */
function shield(pattern: string): string {
  let result = "";
  let depth = 0;
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern.charAt(at);
    if (character === "\\") {
      at += 1;
      result += shieldOf(pattern.charAt(at));
    } else if (character === "[") {
      const bracket = /^\[[!^]?([\p{L}\p{N}_ -]+)\]/u.exec(pattern.slice(at));
      if (bracket === null)
        throw new GlobError(`unclosed or unsupported brackets in pattern ${JSON.stringify(pattern)}`);
      result += bracket[0].replace("[!", "[^");
      at += bracket[0].length - 1;
    } else if (character === "{" || character === "}") {
      depth += character === "{" ? 1 : -1;
      if (depth < 0) throw new GlobError(`unbalanced braces in pattern ${JSON.stringify(pattern)}`);
      result += character;
    } else if (character === "*" || character === "?" || (character === "," && depth > 0)) {
      result += character;
    } else {
      result += shieldOf(character);
    }
  }
  if (depth !== 0) throw new GlobError(`unbalanced braces in pattern ${JSON.stringify(pattern)}`);
  return result;
}

function expandBraces(pattern: string, shielded: string): string[] {
  const opening = shielded.split("{").length - 1;
  if (opening === 0) return [shielded];
  if (opening > BRACES_MAX || shielded.split(",").length - 1 > COMMAS_MAX) {
    throw new GlobError(`at most ${BRACES_MAX} pairs of braces and ${COMMAS_MAX} commas: ${JSON.stringify(pattern)}`);
  }
  const expanded = parser().braces(shielded, { expand: true });
  if (expanded.some((text) => /[{}]/.test(text))) {
    throw new GlobError(`braces need at least two alternatives: ${JSON.stringify(pattern)}`);
  }
  return expanded;
}

let loaded: typeof Micromatch | undefined;

/** Loaded with the first pattern that needs it: few do. */
function parser(): typeof Micromatch {
  loaded ??= loadPackage("micromatch") as typeof Micromatch;
  return loaded;
}

interface GlobToken {
  readonly type: string;
  readonly value: string;
}

/** One position of a pattern: a literal code point, a class of them, or any (`undefined`). */
type Unit = string | RegExp | undefined;

const PARSE_OPTIONS = {
  dot: true,
  bash: true,
  noextglob: true,
  nonegate: true,
  nobrace: true,
  fastpaths: false,
  literalBrackets: false,
} as const;

/** The literals, wildcards and classes between the stars of one alternative. */
function parseAlternative(pattern: string, shielded: string): readonly (readonly Unit[])[] {
  // Stars and literals, as nearly all patterns are, need no parser: a process that is told for the first time whom to stop has none.
  if (!/[?[]/.test(shielded)) return shielded.split(/\*+/).map((literal) => Array.from(unshield(literal)));
  const states: unknown = parser().parse(shielded, PARSE_OPTIONS);
  const [state] = states as readonly { readonly tokens: readonly GlobToken[] }[];
  const runs: Unit[][] = [[]];
  for (const token of state?.tokens ?? []) {
    const run = runs.at(-1) ?? [];
    if (token.type === "star" || token.type === "globstar") runs.push([]);
    else if (token.type === "qmark") run.push(...Array.from(token.value, () => undefined));
    else if (token.type === "bracket") run.push(compileClass(pattern, token.value));
    else if (token.type === "text") run.push(...Array.from(unshield(token.value)));
    else if (token.type !== "bos" && token.type !== "maybe_slash") {
      throw new GlobError(`\`${unshield(token.value)}\` has no meaning in pattern ${JSON.stringify(pattern)}`);
    }
  }
  return runs;
}

function compileRuns(runs: readonly (readonly Unit[])[]): (text: string) => boolean {
  const literals = runs.map((run) => (run.every((unit) => typeof unit === "string") ? run.join("") : undefined));
  if (literals.every((literal) => literal !== undefined)) return matchLiterals(literals);
  return (text) => matchRuns(runs, Array.from(text));
}

/** micromatch adds `/` to a negated class, because it thinks of paths; here `[!a]` matches it too. */
function compileClass(pattern: string, source: string): RegExp {
  try {
    return new RegExp(`^${source.replace("/]", "]")}$`, "u");
  } catch {
    throw new GlobError(`\`${source}\` is no valid class in pattern ${JSON.stringify(pattern)}`);
  }
}

/** Literal runs with stars between them: first at the start, last at the end, the others leftmost in order. */
function matchLiterals(literals: readonly string[]): (text: string) => boolean {
  const first = literals[0] ?? "";
  if (literals.length === 1) return (text) => text === first;
  const last = literals.at(-1) ?? "";
  const middle = literals.slice(1, -1).filter((literal) => literal !== "");
  if (middle.length === 0 && last === "") return (text) => text.startsWith(first);
  if (middle.length === 0 && first === "") return (text) => text.endsWith(last);
  const shortest = first.length + last.length;
  return (text) => {
    if (text.length < shortest || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const literal of middle) {
      const found = text.indexOf(literal, at);
      if (found < 0) return false;
      at = found + literal.length;
    }
    return at <= text.length - last.length;
  };
}

/** The same for runs with `?` and classes, over code points. Leftmost is enough: a star takes whatever lies between. */
function matchRuns(runs: readonly (readonly Unit[])[], text: readonly string[]): boolean {
  const first = runs[0] ?? [];
  const last = runs.at(-1) ?? [];
  if (runs.length === 1) return text.length === first.length && runMatches(first, text, 0);
  const end = text.length - last.length;
  if (end < first.length || !runMatches(first, text, 0) || !runMatches(last, text, end)) return false;
  let at = first.length;
  for (const run of runs.slice(1, -1)) {
    while (at + run.length <= end && !runMatches(run, text, at)) at += 1;
    if (at + run.length > end) return false;
    at += run.length;
  }
  return true;
}

function runMatches(run: readonly Unit[], text: readonly string[], at: number): boolean {
  return run.every((unit, index) => {
    const character = text[at + index] ?? "";
    if (unit === undefined) return true;
    return typeof unit === "string" ? unit === character : unit.test(character);
  });
}
