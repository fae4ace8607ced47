/**
 * The tokens of ClickHouse's SQL, as its own lexer cuts them (strings, quoted identifiers, heredocs, comments), so that a
 * keyword inside a string never counts as one. Text is handled as latin1: one character is one byte, so offsets hold for
 * the raw bytes that follow.
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Parsers/Lexer.cpp
 */

type TokenKind = "word" | "quoted" | "string" | "punctuation";

/** A token and where it stands. */
export interface Token {
  readonly kind: TokenKind;
  /** Upper case for words, the character for punctuation, the opening quote for the rest. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The tokens of `text` without blanks and comments. An unclosed quote or comment runs to the end. */
export function* tokenise(text: string): Generator<Token, undefined> {
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

/**
 * Whether `token` is `name` (upper case), as a word or quoted. Wary: a quoted name with an escape in it may be any name.
 */
export function isNamed(text: string, token: Token, name: string): boolean {
  if (token.kind === "word") return token.text === name;
  if (token.kind !== "quoted") return false;
  const quoted = text.slice(token.start + 1, token.end - 1);
  return quoted.includes("\\") || quoted.toUpperCase() === name;
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
