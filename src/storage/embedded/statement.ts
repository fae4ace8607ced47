/**
 * Reads just enough of a statement to serve it over HTTP: where an INSERT's data begins, which FORMAT was asked for,
 * and whether more than one statement was sent.
 * Limit: this reads tokens, not a grammar; what it lets through the engine parses again.
 */
import { EngineError } from "./engine-error.ts";
import { isNamed, tokenise, type Token } from "./lexer.ts";

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
  | {
      readonly kind: "plain";
      readonly firstWord: string;
      readonly format: FormatClause | undefined;
      readonly end: number;
    };

/** `FORMAT name`, and where it stands. */
export interface FormatClause {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Classifies the one statement in `text`.
 * @throws EngineError SYNTAX_ERROR for a second statement; BAD_ARGUMENTS for `INTO OUTFILE` and `FROM INFILE`, which
 *   chDB would run as clickhouse-local does, on this machine's files, and for RESTORE and `disk(…)`, which reach out too.
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
  let format: FormatClause | undefined;
  let end = 0;
  let isOver = false;
  let before: Token | undefined;
  let beforeThat: Token | undefined;
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
    if (token.text === "(" && before !== undefined && isNamed(text, before, "DISK")) throw fileClauseError("disk()");
    // A FORMAT clause stands at the end, or has SETTINGS after it: all else is a column or an alias of that name.
    if (format?.end === end && token.text !== "SETTINGS") format = undefined;
    if (before?.text === "FORMAT" && mayBeginFormat(before, beforeThat) && mayNameFormat(token)) {
      format = { name: text.slice(token.start, token.end), start: before.start, end: token.end };
    }
    end = token.end;
    beforeThat = before;
    before = token;
  }
  if (firstWord === "RESTORE") throw fileClauseError("RESTORE");
  return firstWord === "" && end === 0 ? { kind: "empty" } : { kind: "plain", firstWord, format, end };
}

const BEFORE_AN_EXPRESSION = new Set([".", ",", "(", "=", "SELECT", "DISTINCT", "AS", "BY", "WHERE", "AND", "OR"]);

function mayBeginFormat(token: Token, before: Token | undefined): boolean {
  return token.kind === "word" && before !== undefined && !BEFORE_AN_EXPRESSION.has(before.text);
}

function mayNameFormat(token: Token): boolean {
  return token.kind === "word" && token.text !== "ASC" && token.text !== "DESC";
}

function fileClauseError(clause: string): EngineError {
  return new EngineError({ code: 36, name: "BAD_ARGUMENTS", detail: `${clause} is not available over HTTP` });
}
