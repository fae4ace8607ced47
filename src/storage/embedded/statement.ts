/**
 * Reads just enough of a statement to serve it over HTTP: where an INSERT's data begins, which FORMAT was asked for,
 * and whether more than one statement was sent. The tokens follow ClickHouse's own lexer (strings, quoted identifiers,
 * heredocs, comments), so that a keyword inside a string never counts as one.
 *
 * Text is handled as latin1: one character is one byte, so offsets hold for the raw bytes that follow.
 * Limit: this is a lexer, not a parser; what it lets through the engine parses again.
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Parsers/Lexer.cpp
 */
import { EngineError } from "./engine-error.ts";

type TokenKind = "word" | "quoted" | "string" | "punctuation";

interface Token {
  readonly kind: TokenKind;
  /** Upper case for words, verbatim otherwise. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** What a request's statement is, with byte offsets into the text given. */
export type Statement =
  | { readonly kind: "empty" }
  /** INSERT whose data follows in `format`, from `dataStart` on; `settingsStart` is where `FROM INFILE` may be put. */
  | {
      readonly kind: "insert-data";
      readonly format: string;
      readonly settingsStart: number;
      readonly formatStart: number;
      readonly dataStart: number;
    }
  /** Anything else; `end` is the end of its last token, before any `;`. */
  | { readonly kind: "plain"; readonly firstWord: string; readonly format: string | undefined; readonly end: number };

const READ_ONLY_FIRST_WORDS = new Set(["SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS"]);

/**
 * Classifies the one statement in `text`.
 * @throws EngineError SYNTAX_ERROR for a second statement; BAD_ARGUMENTS for `INTO OUTFILE` and `FROM INFILE`, which
 *   chDB would run as clickhouse-local does, on this machine's files.
 */
export function readStatement(text: string): Statement {
  const tokens = tokenise(text);
  const first = tokens.next();
  if (first.done) return { kind: "empty" };
  if (first.value.text === "INSERT" && first.value.kind === "word") {
    const insert = readInsert(text, tokens);
    if (insert !== undefined) return insert;
  }
  return readPlain(text);
}

/**
 * Refuses what a read-only user must not send. The engine's own `readonly` setting refuses writes as well, but chDB
 * lets `SETTINGS readonly = DEFAULT` and `SET readonly = DEFAULT` lift it (measured, 26.7), and does not hold SYSTEM.
 * @throws EngineError READONLY
 */
export function requireReadOnly(text: string): void {
  let previous: Token | undefined;
  let isFirst = true;
  for (const token of tokenise(text)) {
    if (isFirst && token.text !== "(") {
      if (token.kind !== "word" || !READ_ONLY_FIRST_WORDS.has(token.text)) throw readOnlyError(token.text);
      isFirst = false;
    }
    if (token.kind === "word") {
      if (token.text === "DEFAULT" && previous?.text === "=") throw readOnlyError("a setting = DEFAULT");
      if (token.text === "INTO" && previous?.text === "INSERT") throw readOnlyError("INSERT");
    }
    previous = token;
  }
}

function readOnlyError(what: string): EngineError {
  return new EngineError({ code: 164, name: "READONLY", detail: `${what}: this user may only read` });
}

/** Undefined when it is an INSERT without data of its own (INSERT SELECT), or is cut off. */
function readInsert(text: string, tokens: Iterator<Token>): Statement | undefined {
  let depth = 0;
  let settingsStart = -1;
  let position = 0; // of the words INTO [TABLE|FUNCTION] target, which may themselves be named like keywords
  let previous = "";
  for (let next = tokens.next(); !next.done; next = tokens.next()) {
    const token = next.value;
    if (token.text === "(" && token.kind === "punctuation") depth += 1;
    else if (token.text === ")" && token.kind === "punctuation") depth -= 1;
    else if (token.text === ";" && token.kind === "punctuation") return undefined;
    else if (token.kind === "string" && previous === "INFILE") throw fileClauseError("FROM INFILE");
    else if (depth === 0 && token.kind === "word") {
      const isTarget = position === 0 || previous === ".";
      if (isTarget && !["INTO", "TABLE", "FUNCTION"].includes(token.text)) position = 1;
      else if (token.text === "SELECT" || token.text === "WITH" || token.text === "WATCH") return undefined;
      else if (token.text === "SETTINGS" && settingsStart < 0) settingsStart = token.start;
      else if (token.text === "VALUES") {
        const start = settingsStart < 0 ? token.start : settingsStart;
        return {
          kind: "insert-data",
          format: "Values",
          settingsStart: start,
          formatStart: token.start,
          dataStart: token.end,
        };
      } else if (token.text === "FORMAT") {
        return readInsertFormat({ text, tokens, format: token, settingsStart });
      }
    } else if (depth === 0 && token.kind === "quoted" && position === 0) position = 1;
    previous = token.text;
  }
  return undefined;
}

interface InsertFormatInput {
  readonly text: string;
  readonly tokens: Iterator<Token>;
  readonly format: Token;
  readonly settingsStart: number;
}

function readInsertFormat({ text, tokens, format, settingsStart }: InsertFormatInput): Statement | undefined {
  const name = tokens.next();
  if (name.done || name.value.kind !== "word") return undefined;
  const { start, end } = name.value;
  return {
    kind: "insert-data",
    format: text.slice(start, end),
    settingsStart: settingsStart < 0 ? format.start : settingsStart,
    formatStart: format.start,
    dataStart: skipToData(text, end),
  };
}

/** Data begins after the first newline, if nothing but blanks stands before it; else after the blanks. */
function skipToData(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\t" || text[at] === "\f") at += 1;
  if (text[at] === "\r") at += 1;
  if (text[at] === "\n") at += 1;
  return at;
}

function readPlain(text: string): Statement {
  let firstWord = "";
  let format: string | undefined;
  let end = 0;
  let isOver = false;
  let before: Token | undefined;
  for (const token of tokenise(text)) {
    if (token.kind === "punctuation" && token.text === ";") {
      isOver = true;
      continue;
    }
    if (isOver) {
      throw new EngineError({ code: 62, name: "SYNTAX_ERROR", detail: "Multi-statements are not allowed" });
    }
    if (firstWord === "" && token.kind === "word") firstWord = token.text;
    if (token.kind === "string" && before?.kind === "word" && (before.text === "OUTFILE" || before.text === "INFILE")) {
      throw fileClauseError(before.text === "OUTFILE" ? "INTO OUTFILE" : "FROM INFILE");
    }
    if (before?.kind === "word" && before.text === "FORMAT" && token.kind === "word") {
      format = text.slice(token.start, token.end);
    }
    end = token.end;
    before = token;
  }
  return firstWord === "" && end === 0 ? { kind: "empty" } : { kind: "plain", firstWord, format, end };
}

function fileClauseError(clause: string): EngineError {
  return new EngineError({ code: 36, name: "BAD_ARGUMENTS", detail: `${clause} is not available over HTTP` });
}

/** The tokens of `text` without blanks and comments. An unclosed quote or comment runs to the end. */
function* tokenise(text: string): Generator<Token, undefined> {
  let at = 0;
  while (at < text.length) {
    const trivia = skipTrivia(text, at);
    if (trivia > at) {
      at = trivia;
      continue;
    }
    const token = readToken(text, at);
    yield token;
    at = token.end;
  }
  return undefined;
}

function skipTrivia(text: string, at: number): number {
  const char = text[at] ?? "";
  if (char <= " ") return at + 1;
  const two = text.slice(at, at + 2);
  if (two === "--" || two === "# " || two === "#!") return endOf(text, "\n", at);
  if (two === "/*") return endOf(text, "*/", at + 2);
  return at;
}

const HEREDOC = /\$\w*\$/y;
const WORD = /[A-Za-z0-9_$]+/y;

function readToken(text: string, at: number): Token {
  const char = text[at] ?? "";
  if (char === "'") return { kind: "string", text: "'", start: at, end: endOfQuoted(text, at, char) };
  if (char === "`" || char === '"') return { kind: "quoted", text: char, start: at, end: endOfQuoted(text, at, char) };
  // U+2018 and U+201C as UTF-8 bytes: ClickHouse takes typographic quotes too.
  if (text.startsWith("\u00e2\u0080\u0098", at)) {
    return { kind: "string", text: "'", start: at, end: endOf(text, "\u00e2\u0080\u0099", at) };
  }
  if (text.startsWith("\u00e2\u0080\u009c", at)) {
    return { kind: "quoted", text: '"', start: at, end: endOf(text, "\u00e2\u0080\u009d", at) };
  }
  HEREDOC.lastIndex = at;
  const tag = HEREDOC.exec(text)?.[0];
  if (tag !== undefined && text.includes(tag, at + tag.length)) {
    return { kind: "string", text: "'", start: at, end: endOf(text, tag, at + tag.length) };
  }
  WORD.lastIndex = at;
  const word = WORD.exec(text)?.[0];
  if (word !== undefined) return { kind: "word", text: word.toUpperCase(), start: at, end: at + word.length };
  return { kind: "punctuation", text: char, start: at, end: at + 1 };
}

function endOf(text: string, closing: string, from: number): number {
  const at = text.indexOf(closing, from);
  return at < 0 ? text.length : at + closing.length;
}

/** A doubled quote ends one token and begins the next: for what is asked here that is the same as one token. */
function endOfQuoted(text: string, start: number, quote: string): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === quote) return at + 1;
  }
  return text.length;
}
