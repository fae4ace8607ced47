/**
 * What a read-only user is held to, beside the engine's own `readonly` setting and the constraints of
 * {@link READER_PROFILE}. Both can be lifted from within a statement (measured, chDB 26.7): by `SETTINGS x = DEFAULT`, and
 * by `SETTINGS profile = 'default'`. SYSTEM statements and temporary tables pass the engine's `readonly` as well.
 */
import { EngineError } from "./engine-error.ts";
import { isNamed, tokenise, type Token } from "./lexer.ts";

const FIRST_WORDS = new Set(["SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS"]);

/** Whether a statement that begins with `firstWord` (upper case) only reads. */
export function isReading(firstWord: string): boolean {
  return FIRST_WORDS.has(firstWord);
}

/**
 * Refuses statements that write, and those that would lift a limit.
 * @throws EngineError READONLY
 */
export function requireReadOnly(text: string): void {
  let previous: Token | undefined;
  let beforePrevious: Token | undefined;
  let isFirst = true;
  let hasSettings = false;
  for (const token of tokenise(text)) {
    if (isFirst && token.text !== "(") {
      if (token.kind !== "word" || !FIRST_WORDS.has(token.text)) throw readOnlyError(token.text);
      isFirst = false;
    }
    if (token.kind === "word") {
      if (token.text === "DEFAULT" && previous?.text === "=") throw readOnlyError("a setting = DEFAULT");
      if (token.text === "INTO" && previous?.text === "INSERT") throw readOnlyError("INSERT");
      hasSettings ||= token.text === "SETTINGS";
    }
    // `profile = …` where a setting may stand: first after SETTINGS, or after a comma further on.
    const mayBeSetting = beforePrevious?.text === "SETTINGS" || (hasSettings && beforePrevious?.text === ",");
    if (token.text === "=" && mayBeSetting && previous !== undefined && isNamed(text, previous, "PROFILE")) {
      throw readOnlyError("the setting `profile`");
    }
    beforePrevious = previous;
    previous = token;
  }
}

/** The error for something that a read-only user may not do. */
export function readOnlyError(what: string): EngineError {
  return new EngineError({ code: 164, name: "READONLY", detail: `${what}: this user may only read` });
}
