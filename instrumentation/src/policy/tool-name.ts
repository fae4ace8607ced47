/**
 * Names of tools, before any pattern sees them. What a person can't tell apart, a rule must not tell apart either.
 *
 * Folded (two spellings are one name): Unicode NFKC, case. Rejected (the call is denied): invisible characters
 * (controls with newline and tab, zero width, bidirectional marks, fillers, unassigned and private code points), a space at
 * either end, marks stacked on ASCII, Latin mixed with another script or its digits (but Chinese, Japanese and Korean), phonetic
 * look-alikes of Latin letters, look-alikes of `-` `_` `/` `:` and `|`.
 * Not found: a name wholly in another script that looks Latin. No pattern in Latin matches it, so only `default: allow` lets it by.
 */
import { foldCase } from "./glob.ts";

export const TOOL_NAME_LENGTH_MAX = 256;

export type ToolNameOutcome =
  | { readonly ok: true; readonly folded: string }
  | { readonly ok: false; readonly reason: string };

const SIMPLE = /^[a-z0-9_.:/-]+$/;
/** The same with capitals: Unicode has no second spelling of these either. */
const CAPITAL = /^[A-Za-z0-9_.:/-]+$/;
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
const MARK_ON_ASCII = /[\p{ASCII}]\p{M}/u;
const PHONETIC = /[\u0250-\u02af\u1d00-\u1dbf\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f]/u;
const LATIN = /\p{Script=Latin}/u;
/** Each other script has letters or digits that look like Latin ones, but those that are commonly written together with it. */
const OTHER_SCRIPT =
  /[^\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Hangul}]/u;
const OTHER_DIGIT = /[^\P{Nd}0-9]/u;
/** Dashes and ties (U+203F), minus, slashes, colons and bars that are not those of ASCII. */
const MARK_LIKE_ASCII =
  /[^\P{Pd}-]|[^\P{Pc}_]|[\u2212\u2043\u02cd\u02d7\u2044\u2215\u2571\u27cb\u29f8\u02d0\u02f8\u05c3\u2236\ua789\u01c0-\u01c3\u2223]/u;

/** The name as rules see it, or why it can't be one. Never throws. */
export function foldToolName(name: unknown): ToolNameOutcome {
  if (typeof name !== "string") return refuse("the name of a tool must be a text");
  if (name.length > 0 && name.length <= TOOL_NAME_LENGTH_MAX) {
    if (SIMPLE.test(name)) return { ok: true, folded: name };
    if (CAPITAL.test(name)) return { ok: true, folded: name.toLowerCase() };
  }
  if (name === "") return refuse("the name of the tool is empty");
  if (name.length > TOOL_NAME_LENGTH_MAX)
    return refuse(`the name of the tool is longer than ${TOOL_NAME_LENGTH_MAX} characters`);
  if (!name.isWellFormed() || INVISIBLE.test(name)) return refuse("the name of the tool has invisible characters");
  const folded = foldCase(name);
  if (folded.length > TOOL_NAME_LENGTH_MAX)
    return refuse(`the name of the tool is longer than ${TOOL_NAME_LENGTH_MAX} characters`);
  if (folded.trim() !== folded) return refuse("the name of the tool begins or ends with a space");
  if (INVISIBLE.test(folded) || MARK_ON_ASCII.test(folded))
    return refuse("the name of the tool has invisible characters");
  const isMixed = LATIN.test(folded) && (OTHER_SCRIPT.test(folded) || OTHER_DIGIT.test(folded));
  if (isMixed || PHONETIC.test(folded) || MARK_LIKE_ASCII.test(folded)) {
    return refuse("the name of the tool has characters that look like others");
  }
  return { ok: true, folded };
}

function refuse(reason: string): ToolNameOutcome {
  return { ok: false, reason };
}
